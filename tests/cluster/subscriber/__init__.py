"""Tests of cluster/subscriber/."""
