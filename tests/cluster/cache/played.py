"""A cache that follows a sandbox's world, without sockets: what a session with all intents gets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from cluster.cache.kinds import Keep
from cluster.cache.store import Store
from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox.world import World
from cluster.wire.batch import Event

ALL = int(ALL_INTENTS)
_IDS = {"voice_states": "user_id", "soundboard_sounds": "sound_id"}


def event(name: str, data: bytes, seq: int = 0, shard: int = 0, count: int = 1) -> Event:
    return Event.make(name, shard, count, 1, seq, data, 0, "store")


def position(seq: int) -> dict[str, Any]:
    return {"store": "store", "shards": [[1, 0, 1, seq]]}


def opened(
    folder: Path, *, keep: Iterable[Keep] = Keep, max_bytes: int = 1 << 26, cluster: str = "store",
    boot_id: str = "boot",
) -> Store:  # fmt: skip
    return Store.open(
        folder, max_bytes=max_bytes, keep=frozenset(keep), cluster=cluster, boot_id=boot_id,
        unix_ns=lambda: 7,
    )  # fmt: skip


class Played:
    """A world, and a cache that a session follows it with."""

    def __init__(self, world: World, store: Store) -> None:
        self.world = world
        self.store = store
        self.guild_ids = world.guild_ids(0, 1)
        self.seq = 0

    def begin(self) -> None:
        """READY and every GUILD_CREATE."""
        ready = self.world.ready(
            session_id="", resume_gateway_url="", shard=(0, 1), version=10, intents=ALL
        )
        with self.store.turn() as turn:
            turn.apply(self._next("READY", ready))
            for guild_id in self.guild_ids:
                made = self.world.guild_create(guild_id, intents=ALL, large_threshold=250)
                turn.apply(self._next("GUILD_CREATE", made))
            turn.position = position(self.seq)

    def play(self, events: int) -> None:
        """Let so many events happen, and what is begun by them end."""
        with self.store.turn() as turn:
            while events > 0 or self.world.unfinished:
                events -= 1
                happened = self.world.step()
                if not happened.unseen:
                    turn.apply(self._next(happened.name, happened.data))
            turn.position = position(self.seq)

    def _next(self, name: str, data: bytes) -> Event:
        self.seq += 1
        return event(name, data, self.seq)


def by_id(data: bytes) -> dict[str, Any]:
    """GUILD_CREATE with its lists as maps: their order means nothing."""
    made: dict[str, Any] = msgspec.json.decode(data)
    for name, value in made.items():
        if isinstance(value, list) and (not value or isinstance(value[0], dict)):
            made[name] = {_id(name, item): item for item in value}
    return made


def _id(name: str, item: dict[str, Any]) -> Any:
    if name in ("members", "presences"):
        return item["user"]["id"]
    return item[_IDS.get(name, "id")]
