"""Tests of cluster/commands/."""
