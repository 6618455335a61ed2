"""Decides: shards, identifies, workers. Holds no gateway connection."""

# A package of dcgw-cluster: dcgw/installation.py looks for this line.
