"""Tests of cluster/cli/verbs/."""
