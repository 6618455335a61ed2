"""The limit of 120 sends in 60 s, of which heartbeats come first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.limits import SEND_LIMIT, SEND_WINDOW_S
from shard_worker.sending.limiter import PayloadTooLargeError, SendLimiter, check_size


@given(
    st.sampled_from([0.9, 1.0, 10.0, 41.25]),
    st.lists(st.floats(0, 3), min_size=1, max_size=600),
)
def test_never_over_the_limit_and_never_a_heartbeat_late(
    interval: float, pauses: list[float]
) -> None:
    limiter = SendLimiter(41.25)
    limiter.reserve(interval)
    now, beat, sent = 0.0, interval, list[float]()
    others = 0
    for pause in pauses:
        now += pause
        while beat <= now:
            limiter.heartbeat(beat)
            sent.append(beat)
            beat += interval
        if limiter.wait(now) == 0.0:
            limiter.send(now)
            sent.append(now)
            others += 1
    assert others >= min(len(pauses), 50), "heartbeats take no more room than they need"
    for i, sent_at in enumerate(sent):
        window = sent[i : i + SEND_LIMIT + 1]
        assert len(window) <= SEND_LIMIT or window[-1] - sent_at > SEND_WINDOW_S


def test_heartbeats_that_op_1_asked_for_count() -> None:
    limiter = SendLimiter(41.25)
    for _ in range(100):
        limiter.heartbeat(0.0)
    sent = 0
    while limiter.wait(0.0) == 0.0:
        limiter.send(0.0)
        sent += 1
    assert sent == SEND_LIMIT - 100


def test_the_first_send_of_a_connection_always_has_room() -> None:
    """IDENTIFY or RESUME is that, without which the connection is of no use."""
    limiter = SendLimiter(0.1)
    for _ in range(2 * SEND_LIMIT):
        limiter.heartbeat(0.0)
    limiter.send(0.0)
    assert limiter.wait(0.0) > SEND_WINDOW_S


def test_wait_says_when() -> None:
    limiter = SendLimiter(41.25)
    count = 0
    while limiter.wait(0.0) == 0.0:
        limiter.send(0.0)
        count += 1
    assert 110 <= count < SEND_LIMIT
    wait = limiter.wait(10.0)
    assert SEND_WINDOW_S - 10 < wait < SEND_WINDOW_S - 5
    limiter.heartbeat(10.0)  # in any case
    with pytest.raises(AssertionError):
        limiter.send(10.0)
    assert limiter.wait(10.0 + wait) == 0.0


def test_too_large() -> None:
    check_size(b"x" * 4096)
    with pytest.raises(PayloadTooLargeError, match="4097 bytes"):
        check_size(b"x" * 4097)
