"""Tests of coordinator/sharding/."""
