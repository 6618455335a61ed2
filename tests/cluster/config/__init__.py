"""Tests of cluster/config/."""
