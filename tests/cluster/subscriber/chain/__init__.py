"""Tests of cluster/subscriber/chain/."""
