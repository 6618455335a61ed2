"""Tests of cluster/endpoints/."""
