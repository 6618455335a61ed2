"""What people and programs touch of dcgw-cluster, and the words that its processes share."""

# A package of dcgw-cluster: dcgw/installation.py looks for this line.

__version__ = "0.1.0"
