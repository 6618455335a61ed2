"""A world and its sessions without sockets, processes or a clock that goes by itself."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox.ledger import Ledger
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.sessions.dispatcher import Dispatcher
from cluster.sandbox.sessions.session import Session
from cluster.sandbox.world import World, WorldEvent

Json = dict[str, Any]


class Client:
    """What a session is sent. waiting: bytes that the gateway is to believe unread."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.waiting = 0
        self._sent: list[bytes] = []

    def send(self, payload: bytes) -> None:
        self._sent.append(payload)

    def read(self) -> Iterator[tuple[str, Any]]:
        """Give (name, ``d``) of what came since the last time."""
        sent, self._sent = self._sent, []
        for payload in sent:
            read = json.loads(payload)
            yield read["t"], read["d"]


class DispatchRig:
    """Options make the world. ``at`` is the time, which goes on with each event, unless ``now``
    tells it; Unix's is some years ahead of it."""

    def __init__(self, *, now: Callable[[], float] | None = None, **options: Any) -> None:
        settings: Json = {"guilds": 3, "members_per_guild": 12, "seed": 7} | options
        self.at = 0.0
        self._now = now or (lambda: self.at)
        self.world = World(SandboxOptions(**settings), now=self._wall)
        self.dispatcher = Dispatcher(
            self.world,
            Ledger(10_000),
            replay_events=100_000,
            expiry_s=60.0,
            now=self._now,
            wall=self._wall,
            rng=random.Random(settings["seed"]),
            wake=lambda: None,
        )

    def _wall(self) -> float:
        return self._now() + 1_764_000_000.0

    def client(
        self, shard: int = 0, shard_count: int = 1, *, intents: int = int(ALL_INTENTS)
    ) -> Client:
        """Begin a session: READY, and GUILD_CREATEs as they come."""
        session = self.dispatcher.open(
            shard=shard, shard_count=shard_count, intents=intents, version=10, large_threshold=250
        )
        client = session.sink = Client(session)
        ready = self.world.ready(
            session_id=session.id,
            resume_gateway_url="wss://gateway.example.com",
            shard=(shard, shard_count),
            version=10,
            intents=intents,
        )
        self.dispatcher.dispatch(session, "READY", ready)
        self.dispatcher.welcome(session)
        return client

    def publish(self, events: Iterable[WorldEvent]) -> None:
        """Let events happen and reach the sessions, a millisecond each."""
        self.dispatcher.publish(self._timed(events))

    def _timed(self, events: Iterable[WorldEvent]) -> Iterator[WorldEvent]:
        for event in events:
            self.at += 0.001
            yield event

    def emit(self, name: str, guild_id: int | None = None) -> None:
        """Let an event happen, as the control server does."""
        self.publish(self.world.emit(name, guild_id=guild_id))
