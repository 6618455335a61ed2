"""Tests of cluster/sandbox/world/."""
