"""A played cluster, cache and clients: what the sessions of a proxy stand between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from cluster.proxy.entry import GAP, Entry
from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Identified
from cluster.proxy.sessions.positions import Positions
from cluster.subscriber import Event, Item, Stalled

STORE = "store"


def event(
    shard: int, seq: int, name: str = "MESSAGE_CREATE", *, count: int = 2, **more: int
) -> Event:
    data = json.dumps({"shard": shard, "seq": seq, **more}).encode()
    return Event.make(name, shard, count, 1, seq, data, 0, STORE)


class Cluster:
    """All events that ever were. Each Subscriber gets them in order per shard; between shards in an
    order of its own."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.shards: tuple[list[Item], list[Item]] = ([], [])
        self.subscribers: list[Subscriber] = []
        self.started: list[Any] = []

    def add(self, *items: Item) -> None:
        self.items += items
        for item in items:
            self.shards[0 if isinstance(item, Stalled) else item.shard_id].append(item)
        for subscriber in self.subscribers:
            subscriber.arrived.set()

    def subscribe(
        self, start: str | dict[str, Any], *, events: Sequence[str] | None = None,
        max_bytes: int = 0,
    ) -> Subscriber:  # fmt: skip
        self.started.append(start)
        order = Random(len(self.started))
        subscriber = Subscriber(self, Positions.read(start), events, order)
        self.subscribers.append(subscriber)
        return subscriber


class Subscriber:
    """Gives out what lies behind its start."""

    def __init__(
        self, cluster: Cluster, start: Positions, names: Iterable[str] | None, order: Random
    ) -> None:
        self.error: Exception | None = None
        """What it ends with."""
        self.late: set[int] = set()
        """Shards of which nothing comes for now."""
        self.arrived = asyncio.Event()
        self._cluster = cluster
        self._had = start
        self._names = None if names is None else set(names)
        self._order = order
        self._next = [0, 0]
        """By shard: the index of the next item."""
        self._hand: Event | None = None
        self._given: set[tuple[int, int]] = set()
        """Shards of which something was given out."""
        self._has_waited = False

    async def __aenter__(self) -> Subscriber:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._cluster.subscribers.remove(self)

    def __aiter__(self) -> AsyncIterator[Item]:
        return self._each()

    async def _each(self) -> AsyncIterator[Item]:
        while True:
            while (item := self._some()) is not None:
                if self.error is not None:
                    raise self.error
                if isinstance(item, Event):
                    if self._had.has(item):
                        continue
                    if self._names is not None and item.name not in self._names:
                        self._had.add(item)
                        continue
                    self._hand = item
                yield item
                if self._hand is not None:
                    self._had.add(self._hand)
                    self._given.add((self._hand.shard_count, self._hand.shard_id))
                    self._hand = None
            self._has_waited = True
            self.arrived.clear()
            await self.arrived.wait()

    def _some(self) -> Item | None:
        shards = [
            shard
            for shard, items in enumerate(self._cluster.shards)
            if shard not in self.late and self._next[shard] < len(items)
        ]
        if not shards:
            return None
        shard = self._order.choice(shards)
        self._next[shard] += 1
        return self._cluster.shards[shard][self._next[shard] - 1]

    @property
    def position(self) -> dict[str, Any]:
        """As a Subscriber has it: where a shard begins, it knows once it has come to that."""
        places = self._had.places
        if not self._has_waited:
            places = {key: place for key, place in places.items() if key in self._given}
        return Positions(self._had.store, places).plain()


class Cache:
    """A cache that has come as far as it is told."""

    def __init__(self, guilds: Sequence[int] = (1, 2, 3)) -> None:
        self.guilds = list(guilds)
        self.here = Positions(STORE, {(2, 0): (1, 0), (2, 1): (1, 0)})
        self._items = 0

    def come(self, cluster: Cluster, upto: int) -> None:
        """Come as far as the first so many items of a cluster."""
        for item in cluster.items[self._items : upto]:
            self._items += 1
            if isinstance(item, Event):
                self.here.reach(item)
                if item.name in ("GUILD_CREATE", "GUILD_DELETE"):
                    guild = json.loads(item.data)["guild"]
                    kept = [one for one in self.guilds if one != guild]
                    self.guilds = [*kept, guild] if item.name == "GUILD_CREATE" else kept

    def knows(self, shard: int, seq: int) -> bool:
        return self.here.has(event(shard, seq))

    @contextmanager
    def snapshot(self) -> Iterator[Cache]:
        yield self

    @property
    def position(self) -> dict[str, Any]:
        return self.here.plain()


class View:
    """Sees everything but what is named HIDDEN; learns of GUILD_CREATE, which it gives out once a
    guild (its seq); makes two dispatches of TWO."""

    def __init__(self, state: bytes) -> None:
        self.state = state

    def see(self, entry: Entry) -> bytes | None:
        if entry.name == "TWO":
            return b""
        if entry.name in (GAP, "HIDDEN", "READY"):
            return None
        if entry.name == "GUILD_CREATE":
            known = json.loads(self.state)
            guild = json.loads(entry.data)["guild"]
            if guild in known:
                return None
            self.state = json.dumps([*known, guild]).encode()
        if entry.name == "GUILD_DELETE":
            known = json.loads(self.state)
            guild = json.loads(entry.data)["guild"]
            if guild not in known:
                return None
            known.remove(guild)
            self.state = json.dumps(known).encode()
        return entry.tail

    def made_up(self, entry: Entry) -> list[tuple[str, bytes]]:
        return [("ONE", entry.data), ("OTHER", entry.data)]


class Beginning:
    def __init__(self, guilds: list[int], state: bytes) -> None:
        self.view = View(state)
        self.ready = b'{"guilds":%d}' % len(guilds)
        self.guilds = guilds


class Views:
    def begin(
        self, identify: Identify, session_id: str, snapshot: Cache, *, before: bytes = b""
    ) -> Beginning:
        return Beginning(list(snapshot.guilds), json.dumps(snapshot.guilds).encode())

    def told(
        self, identify: Identify, snapshot: Cache, guild_id: int, *, joins: int = 0
    ) -> tuple[str, bytes] | None:
        if guild_id not in snapshot.guilds:
            return None
        return "GUILD_CREATE", b'{"id":%d,"joins":%d}' % (guild_id, joins)

    def go_on(self, identify: Identify, state: bytes) -> View:
        return View(state)


class Asked:
    def answer(self, session: Identified, entry: Entry) -> bytes | None:
        return None


class Client:
    """A connection, which takes everything unless it is told not to."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.heartbeats_asked = 0
        self.owes_heartbeat = False
        self.answers = True
        self.waiting = 0
        self.takes = True

    def dispatch(self, payloads: Sequence[bytes]) -> None:
        assert self.closed is None
        self.got += [json.loads(payload) for payload in payloads]
        if not self.takes:
            self.waiting += sum(map(len, payloads))

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def request_heartbeat(self) -> None:
        self.heartbeats_asked += 1
        self.owes_heartbeat = not self.answers

    @property
    def names(self) -> list[str]:
        return [payload["t"] for payload in self.got]

    @property
    def events(self) -> list[tuple[int, int]]:
        """(shard, seq) of the cluster's events that it got."""
        return [(p["d"]["shard"], p["d"]["seq"]) for p in self.got if "shard" in p["d"]]

    def of_shard(self, shard: int) -> list[int]:
        """The seqs of a shard's events that it got, in their order."""
        return [seq for one, seq in self.events if one == shard]


def identify(client: str = "", intents: int = 1) -> Identify:
    return Identify(client=client, shard_id=0, shard_count=1, with_shard=False, intents=intents)


async def turns(number: int = 20) -> None:
    """Let the event loop go on for some turns."""
    for _ in range(number):
        await asyncio.sleep(0)
