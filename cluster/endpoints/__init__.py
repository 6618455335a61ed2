"""Where a cluster is, and who may connect to it: paths, TCP addresses, keys, discovery."""
