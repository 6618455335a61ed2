"""Heartbeats of a process's sessions that are sent together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shard_worker.protocol.heartbeat import MOMENTS, Heartbeat

INTERVAL_S = 41.25
STEP_S = INTERVAL_S / MOMENTS


@given(
    hellos=st.lists(
        st.tuples(st.floats(1e3, 1e6), st.floats(0, 1, exclude_max=True)), min_size=1, max_size=40
    ),
    lates=st.lists(st.floats(0, STEP_S / 2), min_size=1, max_size=20),
)
def test_they_stay_at_shared_moments(hellos: list[tuple[float, float]], lates: list[float]) -> None:
    """However late the process was with some, and whenever each connection began."""
    for now, jitter in hellos:
        heartbeat = Heartbeat(INTERVAL_S, now, jitter, together=True)
        assert now <= heartbeat.due <= now + INTERVAL_S * jitter
        for late in lates:
            was_due, at = heartbeat.due, heartbeat.due + late
            heartbeat.sent(at)
            assert INTERVAL_S - STEP_S < heartbeat.due - at <= INTERVAL_S
            assert heartbeat.due % STEP_S == 0.0
            assert was_due % STEP_S != 0.0 or heartbeat.due == was_due + INTERVAL_S


def test_a_session_that_is_alone_has_moments_of_its_own() -> None:
    heartbeat = Heartbeat(INTERVAL_S, 1000.123, 0.5)
    assert heartbeat.due == 1000.123 + INTERVAL_S / 2
    heartbeat.sent(heartbeat.due)
    assert heartbeat.due == 1000.123 + INTERVAL_S * 1.5
