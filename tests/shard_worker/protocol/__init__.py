"""Tests of shard_worker/protocol/."""
