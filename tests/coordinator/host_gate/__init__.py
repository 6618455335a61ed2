"""Tests of coordinator/host_gate/."""
