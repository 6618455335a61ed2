"""What LMDB needs of the files that it is opened on, for whoever has an environment: a disk that
keeps what it promises, a file that is whole, and a word of who died of it."""
