"""Tests of shard_worker/delivery/."""
