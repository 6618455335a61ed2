"""Tests on a Ray cluster of several nodes of this machine; skipped where Ray is not installed."""
