"""Tests of cluster/sandbox/gateway/."""
