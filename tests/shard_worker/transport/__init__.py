"""Tests of shard_worker/transport/."""
