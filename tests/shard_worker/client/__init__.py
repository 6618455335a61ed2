"""Tests of shard_worker/client/."""
