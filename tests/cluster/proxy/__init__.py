"""Tests of cluster/proxy/."""
