"""Presences: the newest one reaches every shard that is meant, and no shard is told too often."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.limits import shard_of_guild
from cluster.proxy.requests.presences import (
    MOST_UNDER_WAY,
    SPACING_S,
    Presence,
    PresenceQueue,
    newest,
    shards_of,
)

COUNTS = st.integers(1, 40)
SHARDS = COUNTS.flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n)))


@given(SHARDS, COUNTS, st.integers(0, 1 << 40))
def test_the_shards_that_share_guilds(shard: tuple[int, int], count: int, number: int) -> None:
    shard_id, of = shard
    meant = shards_of(shard_id, of, count)
    guild = number << 22
    if shard_of_guild(guild, of) == shard_id:
        assert shard_of_guild(guild, count) in meant
    # Each of them has guilds in common with the client: some guild is on both.
    common = {shard_of_guild(g << 22, count) for g in range(shard_id, of * count, of)}
    assert set(meant) == common


@given(st.lists(SHARDS, max_size=6), SHARDS)
def test_the_newest_wins(asked: list[tuple[int, int]], shard: tuple[int, int]) -> None:
    shard_id, count = shard
    book = [Presence(i, n, at, b"{}") for at, (i, n) in enumerate(asked)]
    found = newest(book, shard_id, count)
    meant = [one for one in book if shard_id in shards_of(one.shard_id, one.shard_count, count)]
    assert found == (meant[-1] if meant else None)


class Played:
    """A queue whose shards are told at once or late, by a clock that is moved."""

    def __init__(self) -> None:
        self.queue = PresenceQueue()
        self.now = 0.0
        self.wanted: dict[int, int] = {}
        """The newest version by shard."""
        self.shown: dict[int, int] = {}
        self.under_way: dict[int, int] = {}
        self.told_at: dict[int, float] = {}

    def want(self, shard: int) -> None:
        self.wanted[shard] = self.wanted.get(shard, 0) + 1
        self.queue.want(shard, self.now)

    def take(self) -> None:
        while (shard := self.queue.take(self.now)) is not None:
            assert shard not in self.under_way
            assert self.now >= self.told_at.get(shard, -SPACING_S) + SPACING_S
            self.under_way[shard] = self.wanted[shard]
            assert len(self.under_way) <= MOST_UNDER_WAY

    def end(self, told: bool) -> None:
        if not self.under_way:
            return
        shard, version = next(iter(self.under_way.items()))
        del self.under_way[shard]
        if told:
            self.queue.told(shard, self.now)
            self.shown[shard], self.told_at[shard] = version, self.now
        else:
            self.queue.failed(shard, self.now)


@given(st.lists(st.one_of(st.integers(0, 5), st.sampled_from(["take", "told", "failed", "wait"]))))
def test_every_shard_shows_the_newest_in_the_end(steps: list[int | str]) -> None:
    played = Played()
    for step in steps:
        if isinstance(step, int):
            played.want(step)
        elif step == "take":
            played.take()
        elif step == "wait":
            played.now += 1.5
        else:
            played.end(step == "told")
    for _ in range(100):
        played.take()
        played.end(True)
        if not played.under_way and played.queue.due is not None:
            played.now = max(played.now, played.queue.due)
    assert played.shown == played.wanted
    assert len(played.queue) == 0
    assert played.queue.due is None


def test_a_thousand_shards_wait_for_the_newest_alone() -> None:
    queue = PresenceQueue()
    for _ in range(5):
        for shard in range(1000):
            queue.want(shard, 0.0)
    taken = 0
    while (shard_id := queue.take(0.0)) is not None:
        queue.told(shard_id, 0.0)
        taken += 1
    assert taken == 1000


def test_not_too_many_are_told_at_a_time() -> None:
    queue = PresenceQueue()
    for shard in range(1000):
        queue.want(shard, 0.0)
    first = [queue.take(0.0) for _ in range(MOST_UNDER_WAY + 1)]
    assert first[-1] is None
    queue.told(0, 0.0)
    assert queue.take(0.0) == MOST_UNDER_WAY


def test_a_shard_that_fails_waits_as_long_as_it_says() -> None:
    queue = PresenceQueue()
    queue.want(0, 0.0)
    assert queue.take(0.0) == 0
    queue.failed(0, 0.0, 30.0)
    assert queue.take(29.0) is None
    assert queue.take(30.0) == 0
    queue.failed(0, 30.0)
    assert queue.due == 32.0
