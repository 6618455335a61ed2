"""Tests of cluster/doctor/fingerprint/."""
