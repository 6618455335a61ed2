"""Holds gateway sessions; decides nothing about the cluster."""
