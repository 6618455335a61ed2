"""Runs a host's workers for a coordinator elsewhere, and passes on what they say. Decides nothing
about the cluster."""

# A package of dcgw-cluster: dcgw/installation.py looks for this line.
