"""A ControlClient and sessions that are played: what is sent is written down, and fails as a test
wants it to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import msgspec

from cluster.commands import Command
from cluster.control import ControlClient
from cluster.discord.intents import ALL_INTENTS
from cluster.discord.limits import shard_of_guild
from cluster.errors import ClusterError
from cluster.proxy.entry import Entry
from cluster.proxy.identify import Identify
from cluster.proxy.requests import Requests
from cluster.wire.batch import Event

STORE = "5ba5"


def guild(number: int) -> int:
    """Return the id of a guild that is on shard number % count of any count."""
    return number << 22


class PlayedSession:
    """An interfaces.Session, as far as requests look at it."""

    def __init__(
        self,
        id: str,
        *,
        shard: tuple[int, int] = (0, 1),
        client: str = "",
        intents: int = int(ALL_INTENTS),
        predecessor: str = "",
        presence: Any = None,
    ) -> None:
        self.id = id
        self.predecessor = predecessor
        self.seq = 0
        raw = None if presence is None else msgspec.Raw(msgspec.json.encode(presence))
        self.identify = Identify(
            client=client,
            shard_id=shard[0],
            shard_count=shard[1],
            with_shard=True,
            intents=intents,
            presence=raw,
        )

    def acknowledge(self, seq: int) -> None: ...

    def room(self) -> None: ...

    def detach(self, *, over: bool) -> None: ...


class PlayedShard:
    """A ShardCommands."""

    def __init__(self, cluster: PlayedCluster, shard_id: int) -> None:
        self._cluster = cluster
        self._shard_id = shard_id

    async def send(self, command: Command) -> None:
        await self._cluster.take(self._shard_id, command)


class PlayedCluster:
    """A ControlClient of a cluster whose shards take commands as they are told to."""

    def __init__(self, shard_count: int = 4) -> None:
        self.shard_count = shard_count
        self.sent: list[tuple[int, int, Any]] = []
        """(shard, op, d) of all that was sent."""
        self.latency_s = 0.001
        self.answer: Callable[[int, Command], ClusterError | None] = lambda shard, command: None
        self.under_way: Counter[int] = Counter()
        self.most_under_way = 0

    async def take(self, shard_id: int, command: Command) -> None:
        self.under_way[shard_id] += 1
        self.most_under_way = max(self.most_under_way, self.under_way.total())
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.under_way[shard_id] -= 1
        if (error := self.answer(shard_id, command)) is not None:
            raise error
        self.sent.append((shard_id, command.op, msgspec.json.decode(command.payload)["d"]))

    def of(self, op: int) -> list[tuple[int, Any]]:
        """Return (shard, d) of the commands of an op that were sent."""
        return [(shard, d) for shard, sent_op, d in self.sent if sent_op == op]

    def shard(self, shard_id: int) -> PlayedShard:
        return PlayedShard(self, shard_id)

    def guild(self, guild_id: int) -> PlayedShard:
        return PlayedShard(self, shard_of_guild(guild_id, self.shard_count))

    @asynccontextmanager
    async def requests(
        self,
        folder: Path,
        *,
        process: int = 0,
        now_ns: Callable[[], int] | None = None,
        known: Callable[[], int] | None = None,
    ) -> AsyncIterator[Requests]:
        """Run the requests of a proxy process against this cluster, by the loop's time. known: the
        shard count as it has heard of it; None: as it is."""
        loop = asyncio.get_running_loop()
        made = Requests(
            cast(ControlClient, self),
            folder,
            shard_count=known or (lambda: self.shard_count),
            process=process,
            clock=loop.time,
            now_ns=now_ns or (lambda: int(loop.time() * 1e9)),
        )
        running = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            made.close()
        if not running.cancelled() and (error := running.exception()) is not None:
            raise error


class Events:
    """Makes the events of a cluster, each at a position of its own."""

    def __init__(self) -> None:
        self._seq = 0

    def entry(self, name: str, d: Any, *, shard_id: int = 0, shard_count: int = 4) -> Entry:
        self._seq += 1
        data = d if isinstance(d, bytes) else msgspec.json.encode(d)
        return Entry(Event.make(name, shard_id, shard_count, 1, self._seq, data, 0, STORE))


def d_of(tail: bytes | None) -> Any:
    """Return `d` of a dispatch's tail; None: there is none."""
    return None if tail is None else msgspec.json.decode(b'{"t":"X","s":1' + tail)["d"]
