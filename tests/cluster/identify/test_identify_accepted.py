"""Discord counts from arrival to arrival, and arrivals jitter: a late READY closes the bucket."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.identify.limiter import LATEST_ARRIVAL_S, IdentifyLimiter

MARGIN_S = 0.25


def sent(sent_s: float) -> IdentifyLimiter:
    """A limiter whose shard 0 has sent its identify, with shard 1 waiting behind it."""
    made = IdentifyLimiter(margin_s=MARGIN_S)
    made.refresh(total=1000, remaining=1000, reset_at=9e9, spent=0, max_concurrency=1, asked_at=0.0)
    made.request(0, 0)
    (grant,) = made.due(sent_s)
    made.sent(0, grant.grant_id, sent_s)
    made.request(1, 0)
    return made


def test_a_ready_within_the_margin_changes_nothing() -> None:
    made = sent(10.0)
    made.accepted(0, 1, 10.2)
    assert made.next_at(10.2) == 10.0 + IDENTIFY_WINDOW_S + MARGIN_S


def test_a_ready_after_it_moves_the_window() -> None:
    made = sent(10.0)
    made.accepted(0, 1, 10.3)
    assert made.next_at(10.3) == 10.3 + IDENTIFY_WINDOW_S


def test_a_ready_that_took_long_to_make_does_not_hold_up_the_others() -> None:
    made = sent(10.0)
    made.accepted(0, 1, 14.0)
    assert made.next_at(14.0) == 10.0 + LATEST_ARRIVAL_S + IDENTIFY_WINDOW_S


def test_a_ready_without_an_identify_is_a_resume_of_another_time() -> None:
    made = sent(10.0)
    made.accepted(1, 2, 10.4)
    made.accepted(0, 1, 10.1)
    made.accepted(0, 1, 10.4)
    assert made.next_at(10.4) == 10.0 + IDENTIFY_WINDOW_S + MARGIN_S


@given(jitters=st.lists(st.floats(0, 0.3), min_size=2, max_size=20), answer=st.floats(0, 0.1))
def test_no_two_arrivals_within_a_window(jitters: list[float], answer: float) -> None:
    """The next grant is sent at once and arrives 0 to 300 ms later; READY follows arrival."""
    made = IdentifyLimiter(margin_s=MARGIN_S)
    made.refresh(total=1000, remaining=1000, reset_at=9e9, spent=0, max_concurrency=1, asked_at=0.0)
    for shard in range(len(jitters)):
        made.request(shard, 0)
    arrivals: list[float] = []
    now = 0.0
    for jitter in jitters:
        next_s = made.next_at(now)
        assert next_s is not None
        (grant,) = made.due(next_s)
        made.sent(grant.shard_id, grant.grant_id, next_s)
        arrivals.append(next_s + jitter)
        now = next_s + jitter + answer
        made.accepted(grant.shard_id, grant.grant_id, now)
    assert all(b - a >= IDENTIFY_WINDOW_S - 1e-9 for a, b in itertools.pairwise(arrivals))
