"""What people and programs touch of dcgw-cluster, and the words that its processes share."""

__version__ = "0.1.0"
