"""Round trips of heartbeats, in classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.traffic import LATENCY_BOUNDS_S
from shard_worker.protocol.latencies import Latencies


@given(st.lists(st.floats(0.0, 20.0) | st.sampled_from(LATENCY_BOUNDS_S)))
def test_each_is_in_the_first_class_whose_bound_it_keeps(seconds: list[float]) -> None:
    latencies = Latencies()
    for one in seconds:
        latencies.add(one)
    up_to = 0
    for bound, count in zip(LATENCY_BOUNDS_S, latencies.counts, strict=False):
        up_to += count
        assert up_to == sum(one <= bound for one in seconds)
    assert sum(latencies.counts) == len(seconds)
    assert latencies.seconds == pytest.approx(sum(seconds))
