"""Tests of cluster/cli/terminal/."""
