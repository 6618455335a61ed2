"""Tests of cluster/sandbox/catalogue/."""
