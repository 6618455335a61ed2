"""Tests of cluster/journal/."""
