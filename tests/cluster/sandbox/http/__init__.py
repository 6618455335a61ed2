"""Tests of cluster/sandbox/http/."""
