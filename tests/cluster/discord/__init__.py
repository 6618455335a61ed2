"""Tests of cluster/discord/."""
