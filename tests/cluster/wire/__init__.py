"""Tests of cluster/wire/."""
