"""Tests of cluster/identify/."""
