"""Tests of cluster/proxy/view/."""
