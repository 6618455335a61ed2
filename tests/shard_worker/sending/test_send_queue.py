"""Commands in the queue: sent at once, in order, or refused with the time to try again."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.commands import BusyError, Command, NotSentError, raw
from cluster.commands.members import request_guild_members
from cluster.discord.limits import SEND_LIMIT, SEND_WINDOW_S
from cluster.errors import ClusterError
from shard_worker.sending.limiter import PayloadTooLargeError, SendLimiter
from shard_worker.sending.member_requests import MARGIN_S, WINDOW_S, whole_guilds
from shard_worker.sending.queue import MOST_WAITING, PATIENCE_S, SendQueue

GUILD = 197038439483310086
PRESENCE = raw(3, {})


class LimitedQueue:
    """A queue, its limiter, and what came of each command."""

    def __init__(self) -> None:
        self.queue = SendQueue()
        self.limiter = SendLimiter(41.25)
        self.results: list[ClusterError | None] = []

    def put(self, command: Command, now: float, *, ready: bool = True) -> None:
        free_at = self.limiter.free_at(now) if ready else None
        self.queue.put(command, self.results.append, now, free_at)

    def flush(self, now: float) -> int:
        sent = 0
        while (taken := self.queue.take(self.limiter, now)) is not None:
            taken[1](None)
            sent += 1
        return sent


def test_what_has_no_room_waits_and_what_has_no_place_is_refused_with_a_time() -> None:
    limited = LimitedQueue()
    at_once = 0
    while True:
        limited.put(PRESENCE, 0.0)
        if limited.flush(0.0) == 0:
            break
        at_once += 1
    assert 110 <= at_once < SEND_LIMIT
    for _ in range(MOST_WAITING - 1):
        limited.put(PRESENCE, 1.0)
    with pytest.raises(BusyError, match=r"64 commands wait.*try again in") as refused:
        limited.put(PRESENCE, 2.0)
    again = 2.0 + refused.value.retry_after_s
    assert SEND_WINDOW_S <= again <= SEND_WINDOW_S + 2
    assert len(limited.results) == at_once
    assert limited.flush(again) == MOST_WAITING
    limited.put(PRESENCE, again)
    assert limited.results == [None] * (at_once + MOST_WAITING)


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), min_size=1, max_size=400))
def test_never_over_the_limit_in_order_and_each_is_done_once(
    steps: list[tuple[float, bool]],
) -> None:
    limited = LimitedQueue()
    now, sent, done, put = 0.0, list[float](), list[int](), 0

    def on_done(number: int, error: ClusterError | None) -> None:
        done.append(number)

    for pause, ready in steps:
        now += pause
        full = len(limited.queue) == MOST_WAITING
        with pytest.raises(BusyError) if full else nullcontext():
            limited.queue.put(PRESENCE, partial(on_done, put), now, limited.limiter.free_at(now))
            put += 1
        if ready:
            sent += [now] * limited.flush(now)
        else:
            limited.queue.expire(now, lambda: NotSentError("no"))
    limited.queue.fail(NotSentError("over"))
    assert done == list(range(put))
    for i, sent_at in enumerate(sent):
        window = sent[i : i + SEND_LIMIT + 1]
        assert len(window) <= SEND_LIMIT or window[-1] - sent_at > SEND_WINDOW_S


def test_a_command_that_waits_for_a_session_in_vain_fails() -> None:
    limited = LimitedQueue()
    limited.put(PRESENCE, 0.0, ready=False)
    limited.put(PRESENCE, 1.0, ready=False)
    assert limited.queue.expires == PATIENCE_S
    error = NotSentError("shard 0 is waiting")
    limited.queue.expire(PATIENCE_S - 0.1, lambda: error)
    assert limited.results == []
    limited.queue.expire(PATIENCE_S, lambda: error)
    assert limited.results == [error]
    limited.queue.fail(error)
    assert limited.results == [error, error]


def test_all_members_of_a_guild_once_in_30_s() -> None:
    limited = LimitedQueue()
    every, one = request_guild_members(GUILD), request_guild_members(GUILD, user_ids=[5])
    limited.put(every, 0.0, ready=False)
    with pytest.raises(BusyError, match=f"all members of guild {GUILD}"):
        limited.put(every, 1.0)  # it waits still
    limited.flush(2.0)
    with pytest.raises(BusyError) as refused:
        limited.put(every, 5.0)
    assert refused.value.retry_after_s == 2.0 + WINDOW_S + MARGIN_S - 5.0
    limited.put(one, 5.0)
    limited.put(request_guild_members(GUILD, query="a"), 5.0)
    limited.put(request_guild_members(GUILD + 1), 5.0)
    limited.flush(5.0)
    limited.put(every, 5.0 + refused.value.retry_after_s)


def test_a_request_that_was_dropped_may_be_made_again() -> None:
    limited = LimitedQueue()
    every = request_guild_members(GUILD)
    limited.put(every, 0.0, ready=False)
    limited.queue.fail(NotSentError("no"))
    limited.put(every, 1.0)
    assert limited.flush(1.0) == 1


@pytest.mark.parametrize(
    ("d", "guilds"),
    [
        ({"guild_id": "5", "query": "", "limit": 0}, ("5",)),
        ({"guild_id": ["5"], "query": "", "limit": 0}, ("5",)),
        ({"guild_id": ["5", 6]}, ("5", "6")),
        ({"guild_id": 5, "query": ""}, ("5",)),
        ({"guild_id": "5", "query": "", "limit": 3}, ()),
        ({"guild_id": "5", "query": "", "limit": 0, "user_ids": []}, ()),
        ({"guild_id": "5", "query": None, "user_ids": None}, ("5",)),
        ([], ()),
    ],
)
def test_which_guilds_are_asked_for_as_a_whole(d: object, guilds: tuple[str, ...]) -> None:
    assert whole_guilds(8, raw(8, d).payload) == guilds
    assert whole_guilds(35, raw(35, d).payload) == ()


def test_nothing_too_large_is_queued() -> None:
    limited = LimitedQueue()
    with pytest.raises(PayloadTooLargeError):
        limited.put(Command(3, b"x" * 4097), 0.0)
    assert len(limited.queue) == 0
