"""Tests of coordinator/tcp_gate/."""
