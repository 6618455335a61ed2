"""The cache: the guilds of a cluster's bot and what is in them, kept in LMDB by one process and
read by any number of others of the host."""
