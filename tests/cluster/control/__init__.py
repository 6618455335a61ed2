"""Tests of cluster/control/."""
