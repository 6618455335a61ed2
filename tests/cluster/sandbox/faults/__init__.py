"""Tests of cluster/sandbox/faults/."""
