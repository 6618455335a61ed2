"""Tests of shard_worker/."""
