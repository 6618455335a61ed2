"""Whatever happens, a client gets every event that its session sees, in order per shard: once,
where its session stays in one process; where that was killed, or another goes on, or an heir, at
least once. Two processes of a host, on a played loop, with windows of some ten events."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.proxy.entry import Entry
from cluster.proxy.interfaces import Session
from cluster.proxy.sessions import ProxySessions, SessionStore
from cluster.proxy.sessions.beginnings import CACHED
from cluster.proxy.sessions.positions import Positions
from cluster.subscriber import Event, Gap
from cluster.wire.states import GapReason
from tests.cluster.proxy.sessions.played import (
    Asked,
    Cache,
    Client,
    Cluster,
    View,
    Views,
    event,
    identify,
)
from tests.played_loop import play

Key = tuple[int, int, str]
"""Shard, seq and name of a dispatch."""

SMALL = {
    "turns.MOST_WAITING": 400,
    "beginnings.MOST_WAITING": 400,
    "beginnings.SLICE_BYTES": 60,
    "catch_ups.MOST_WAITING": 400,
    "catch_ups.AT_ONCE": 1,
    "reading.MOST_HELD": 4,
    "intake.MOST_AT_ONCE": 5,
    "window.MOST_SERVED": 7,
    "window.MOST_BETWEEN": 4,
    "window.MARKS": 4,
    "session.MARK_EVERY": 3,
}


@pytest.fixture(autouse=True, scope="module")
def _everything_is_small() -> Iterator[None]:
    """Bounds that are met after a few events."""
    patches = [mock.patch(f"cluster.proxy.sessions.{n}", value) for n, value in SMALL.items()]
    for patch in patches:
        patch.start()
    yield
    for patch in patches:
        patch.stop()


class Process:
    """One process of the proxy, which may be killed and started again."""

    def __init__(self, cluster: Cluster, cache: Cache, folder: Path) -> None:
        self._parts = cluster, cache, folder
        self.start()

    def start(self) -> None:
        cluster, cache, folder = self._parts
        self._store = SessionStore(folder)
        self.sessions = ProxySessions(
            cluster.subscribe, cache, Views(), Asked(), self._store, max_bytes=8_000,
            clock=asyncio.get_running_loop().time,
        )  # fmt: skip
        self._task = asyncio.get_running_loop().create_task(self.sessions.run())

    async def kill(self) -> None:
        """End it without a last word."""
        with mock.patch.object(SessionStore, "write", return_value=[]):
            await self.stop()

    async def stop(self) -> None:
        await asyncio.sleep(0)  # what has not begun has no end
        self._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._task


class Bot:
    """A client that comes and goes, and what it should get."""

    def __init__(self, name: str, cache: Cache) -> None:
        self.name = name
        self.cache = cache
        self.client = Client()
        self.session: Session | None = None
        self.process: Process | None = None
        self.is_connected = False
        self.acknowledged = 0
        self.kept: list[dict[str, Any]] = []
        """What it got in this session, until it was cut off last."""
        self.before: list[dict[str, Any]] = []
        """What it had acknowledged of sessions before."""
        self.twice: set[Key] = set()
        """What may come twice."""
        self.anything_twice = False
        self.start = Positions()
        self.first_known: Positions | None = None
        """How far the cache was when it came first."""
        self.state = b"[]"
        self.had_heir = False

    @property
    def got(self) -> list[dict[str, Any]]:
        return self.kept + self.client.got

    async def identify(self, process: Process) -> None:
        if self.session is None:
            self.state = json.dumps(self.cache.guilds).encode()
            self.first_known = self.cache.here.copy()
        else:
            self.had_heir = True
            # So may what the cache does not know yet: the heir's READY is without it.
            self.twice |= {
                _key(one)
                for one in self.got
                if one["s"] > self.acknowledged or not self.cache.knows(*_key(one)[:2])
            }
            self.twice |= {(*key[:2], "ONE") for key in self.twice}  # see `cut`
            self.before += self.got
        self.client, self.kept, self.acknowledged = Client(), [], 0
        self.process, self.is_connected = process, True
        self.session = await process.sessions.identify(self.client, identify(self.name))
        if not self.had_heir:
            where = process.sessions._sessions[self.session.id].sent.marks[0].where
            assert isinstance(where, Positions)
            self.start = where

    def cut(self, number: int, *, is_noticed: bool) -> None:
        """Lose the connection, and some of what was under way."""
        assert self.session is not None
        got = self.got
        last = got[-1]["s"] if got else 0
        upto = self.acknowledged + number % (last - self.acknowledged + 1)
        upto = max(upto, 1)  # who has no READY knows no session to go on with
        self.kept = [one for one in got if one["s"] <= upto]
        if upto < last and self.kept[-1:] and self.kept[-1]["t"] == "ONE":
            self.twice.add(_key(self.kept[-1]))  # what is made up of one event comes again whole
        self.client, self.is_connected = Client(), False
        if is_noticed:
            self.session.detach(over=False)

    async def resume(self, process: Process) -> None:
        assert self.session is not None
        if process is not self.process:
            self.anything_twice = True
        self.process, self.is_connected = process, True
        seq = self.kept[-1]["s"] if self.kept else self.acknowledged
        self.acknowledged = seq
        session = await process.sessions.resume(self.client, self.session.id, seq, self.name)
        assert session is not None
        self.session = session

    def take(self) -> None:
        self.client.takes, self.client.waiting = True, 0
        if self.session is not None and self.is_connected:
            self.session.room()

    def acknowledge(self, number: int) -> None:
        if self.session is None or not self.is_connected or not self.got:
            return
        last = self.got[-1]["s"]
        if last > self.acknowledged:
            self.acknowledged += 1 + number % (last - self.acknowledged)
            self.session.acknowledge(self.acknowledged)

    def check(self, cluster: Cluster) -> None:
        self._check_start(cluster)
        numbers = [one["s"] for one in self.got]
        assert numbers == list(range(1, len(numbers) + 1))
        assert self.got[0]["t"] == "READY"
        by_shard: defaultdict[int, dict[Key, int]] = defaultdict(dict)
        for one in self.before + self.got:
            if "shard" in one["d"]:
                key = _key(one)
                by_shard[key[0]][key] = by_shard[key[0]].get(key, 0) + 1
        wanted = self._wanted(cluster)
        for shard in (0, 1):
            got = [key for key in by_shard[shard] if not self.had_heir or key[2] in _PLAIN]
            assert got == [key for key in wanted if key[0] == shard], (got, wanted)
            for key, times in by_shard[shard].items():
                assert times == 1 or self.anything_twice or key in self.twice, key

    def _check_start(self, cluster: Cluster) -> None:
        """It begins where the cache is, or beyond what the cache does not take."""
        if self.first_known is not None:
            assert self.start.covers(self.first_known)
            for item in cluster.items:
                if isinstance(item, Event) and self.start.has(item):
                    assert self.first_known.has(item) or item.name not in CACHED

    def _wanted(self, cluster: Cluster) -> list[Key]:
        """What it should have got. Which guilds are news to an heir is not looked at."""
        view, wanted = View(self.state), []
        for item in cluster.items:
            if isinstance(item, Event) and not self.start.has(item):
                entry = Entry(item)
                tail = view.see(entry)
                names = [item.name] if tail else ["ONE", "OTHER"] if tail is not None else []
                wanted += [(item.shard_id, item.seq, name) for name in names]
        return [key for key in wanted if not self.had_heir or key[2] in _PLAIN]


_PLAIN = ("MESSAGE_CREATE", "CHANNEL_UPDATE", "ONE", "OTHER")


def _key(one: dict[str, Any]) -> Key:
    return one["d"].get("shard", -1), one["d"].get("seq", -1), one["t"]


NAMES = [
    "MESSAGE_CREATE", "MESSAGE_CREATE", "HIDDEN", "GUILD_CREATE", "GUILD_DELETE", "TWO", "READY",
    "CHANNEL_UPDATE",
]  # fmt: skip


def _happen(cluster: Cluster, kind: int, number: int) -> None:
    """Let some events come."""
    for step in range(1 + number % 9):
        name, shard = NAMES[(kind + step * number) % len(NAMES)], (kind + step) % 2
        seq = 1 + sum(1 for i in cluster.items if isinstance(i, Event) and i.shard_id == shard)
        guild = 10 + shard + 2 * (number % 2)
        cluster.add(event(shard, seq, name, guild=guild))
        if name == "READY":
            cluster.add(Gap(shard, 2, 1, None, seq, seq, GapReason.SKIPPED))


Action = tuple[str, int, int]


async def _act(
    action: Action, cluster: Cluster, cache: Cache, processes: list[Process], bots: list[Bot]
) -> None:
    what, first, second = action
    bot, process = bots[first % len(bots)], processes[first // len(bots) % len(processes)]
    if what == "happen":
        _happen(cluster, first, second)
    elif what == "turns":
        for _ in range(second % 12):
            await asyncio.sleep(0)
    elif what == "wait":
        await asyncio.sleep(second % 40 / 10)
    elif what == "late":
        if cluster.subscribers:
            late = cluster.subscribers[first % len(cluster.subscribers)]
            late.late = set() if second % 3 == 2 else {second % 3}
            late.arrived.set()
    elif what == "cache":
        cache.come(cluster, len(cluster.items) - second % 6)
    elif what == "kill":
        await process.kill()
        for one in bots:
            if one.process is process:
                one.anything_twice = True
                if one.is_connected:
                    one.cut(second, is_noticed=False)
        process.start()
    elif bot.session is None:
        if what in ("identify", "heir"):
            await bot.identify(process)
    elif what == "takes":
        if second % 2:
            bot.take()
        else:
            bot.client.takes = False
    elif what == "acknowledge":
        bot.acknowledge(second)
    elif what == "cut" and bot.is_connected:
        bot.cut(second // 2, is_noticed=second % 2 == 0)
    elif what == "resume":
        if bot.is_connected and second % 2:
            bot.cut(second // 2, is_noticed=False)
        if not bot.is_connected:
            await bot.resume(process if second % 3 == 0 or bot.process is None else bot.process)
    elif what == "heir":
        if bot.is_connected:
            bot.cut(second // 2, is_noticed=True)
        elif bot.process is not None and bot.session is not None:
            bot.session.detach(over=True)
        await bot.identify(process)


async def _play(actions: list[Action]) -> None:
    with tempfile.TemporaryDirectory() as name:
        cluster, cache = Cluster(), Cache()
        processes = [Process(cluster, cache, Path(name)) for _ in range(2)]
        bots = [Bot("a", cache), Bot("b", cache)]
        await asyncio.sleep(0)
        for action in actions:
            await _act(action, cluster, cache, processes, bots)
        cache.come(cluster, len(cluster.items))
        for subscriber in cluster.subscribers:
            subscriber.late = set()
            subscriber.arrived.set()
        for _ in range(3):
            for bot in bots:
                if bot.session is not None and not bot.is_connected:
                    assert bot.process is not None
                    await bot.resume(bot.process)
                bot.take()
            await asyncio.sleep(30)
        for bot in bots:
            if bot.session is not None:
                bot.check(cluster)
        for process in processes:
            await process.stop()
        assert not cluster.subscribers


WHAT = [
    "happen", "happen", "happen", "turns", "turns", "wait", "cache", "late", "kill", "identify",
    "takes", "acknowledge", "acknowledge", "cut", "resume", "resume", "heir",
]  # fmt: skip
ACTIONS = st.lists(
    st.tuples(st.sampled_from(WHAT), st.integers(0, 11), st.integers(0, 119)), max_size=60
)


@settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(ACTIONS)
def test_no_session_misses_an_event(actions: list[Action]) -> None:
    play(lambda: _play([("identify", 0, 0), ("identify", 1, 0), *actions]))


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_within_one_process_each_event_comes_once(actions: list[Action]) -> None:
    actions = [action for action in actions if action[0] not in ("kill", "heir")]
    actions = [(what, first % 2, 6 * second + 1) for what, first, second in actions]
    play(lambda: _play([("identify", 0, 0), ("identify", 1, 0), *actions]))
