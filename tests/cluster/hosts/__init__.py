"""Tests of cluster/hosts/."""
