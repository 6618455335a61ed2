"""Tests of cluster/doctor/."""
