"""Tests of shard_worker/sending/."""
