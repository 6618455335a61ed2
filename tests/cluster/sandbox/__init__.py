"""Tests of cluster/sandbox/."""
