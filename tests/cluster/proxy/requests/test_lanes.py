"""Lanes: clients take turns, orders are kept, nothing that waits is lost or sent twice."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from cluster.commands import raw
from cluster.proxy.requests.lanes import (
    MOST_OF_LANE,
    MOST_OF_SESSION,
    MOST_UNDER_WAY,
    Lanes,
    Request,
)

COMMAND = raw(4, {})


def request(session: str, lane: int = 0, order: int | None = None) -> Request:
    return Request(COMMAND, session_id=session, guild_id=1, lane=lane, expires=100.0, order=order)


def test_one_client_does_not_hold_up_another() -> None:
    lanes = Lanes()
    for _ in range(100):
        assert lanes.put(request("loud"))
    assert lanes.put(request("quiet"))
    turns = []
    while (taken := lanes.take(0.0)) is not None:
        turns.append(taken.session_id)
        lanes.done(taken)
    assert turns[:3] == ["loud", "quiet", "loud"]
    assert len(turns) == 101
    assert len(lanes) == 0


def test_one_shard_does_not_hold_up_another() -> None:
    lanes = Lanes()
    for _ in range(20):
        lanes.put(request("one", lane=0))
    lanes.put(request("one", lane=1))
    taken = [lanes.take(0.0) for _ in range(MOST_OF_LANE + 2)]
    assert [one.lane for one in taken if one] == [0, 1] + [0] * (MOST_OF_LANE - 1)
    assert taken[-1] is None


def test_a_session_has_a_bound() -> None:
    lanes = Lanes()
    assert all(lanes.put(request("one")) for _ in range(MOST_OF_SESSION))
    assert not lanes.put(request("one"))
    assert lanes.put(request("other"))


def test_all_together_have_a_bound() -> None:
    lanes = Lanes()
    for lane in range(MOST_UNDER_WAY + 1):
        lanes.put(request(f"s{lane}", lane))
    taken = [lanes.take(0.0) for _ in range(MOST_UNDER_WAY + 1)]
    assert taken[-1] is None
    assert taken[0] is not None
    lanes.done(taken[0])
    assert lanes.take(0.0) is not None


def test_a_later_one_of_an_order_stands_for_one_that_failed() -> None:
    lanes = Lanes()
    joins, leaves = request("a", order=7), request("b", order=7)
    lanes.put(joins)
    lanes.put(leaves)
    assert lanes.take(0.0) is joins
    assert lanes.take(0.0) is None
    assert lanes.again(joins, 5.0) is joins
    assert lanes.take(0.0) is leaves
    assert lanes.again(leaves, 5.0) is None
    assert lanes.take(4.0) is None
    assert lanes.due == 5.0
    assert lanes.take(5.0) is leaves
    lanes.done(leaves)
    assert len(lanes) == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "take", "done", "again", "wait", "forget"]),
        st.sampled_from("abc"),
        st.integers(0, 2),
        st.none() | st.integers(0, 1),
    ),
    max_size=60,
)


@given(STEPS, st.integers())
def test_nothing_is_lost_or_sent_twice(
    steps: list[tuple[str, str, int, int | None]], seed: int
) -> None:
    lanes, draw, now = Lanes(), random.Random(seed), 0.0
    waiting: list[Request] = []
    under_way: list[Request] = []
    settled: Counter[int] = Counter()
    put: list[Request] = []
    sent: defaultdict[int, list[Request]] = defaultdict(list)
    gone = 0

    def take() -> None:
        taken = lanes.take(now)
        if taken is None:
            return
        waiting.remove(taken)
        assert all(one.order is None or one.order != taken.order for one in under_way)
        under_way.append(taken)
        assert sum(one.lane == taken.lane for one in under_way) <= MOST_OF_LANE

    def done() -> None:
        one = under_way.pop(draw.randrange(len(under_way)))
        lanes.done(one)
        settled[id(one)] += 1
        if one.order is not None:
            sent[one.order].append(one)

    for what, session, lane, order in steps:
        if what == "put":
            one = request(session, lane, None if order is None else order)
            assert lanes.put(one)
            put.append(one)
            waiting.append(one)
        elif what == "take":
            take()
        elif what == "wait":
            now += 3.0
        elif what == "forget":
            dropped = [one for one in waiting if one.session_id == session and one.order is None]
            assert lanes.forget(session) == len(dropped)
            waiting = [one for one in waiting if one not in dropped]
            gone += len(dropped)
        elif under_way and what == "done":
            done()
        elif under_way:
            one = under_way.pop()
            superseded = lanes.again(one, now + 2.0)
            later = [other for other in waiting if other.order == one.order is not None]
            assert (superseded is one) == bool(later)
            if superseded is None:
                waiting.append(one)
            else:
                gone += 1
        assert len(lanes) == len(waiting) + len(under_way)
    while waiting or under_way:
        now += 3.0
        take()
        if under_way:
            done()
    assert lanes.take(now) is None
    assert lanes.due is None
    assert set(settled.values()) <= {1}
    assert settled.total() + gone == len(put)
    for order, requests in sent.items():
        expected = [one for one in put if one.order == order and one in requests]
        assert requests == expected
