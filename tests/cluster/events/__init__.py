"""Tests of cluster/events/."""
