"""Tests of cluster/sandbox/sessions/."""
