"""Tests of cluster/fingerprint/."""
