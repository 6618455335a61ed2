"""Faults: which ones a seed deals, and how each is done to a cluster."""
