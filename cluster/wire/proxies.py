"""What the processes of the gateway proxy say of themselves, and are told."""

from __future__ import annotations

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]


class ProxyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `proxy`: what a process of the proxy says of itself every few seconds, and what
    `status` shows of it."""

    id: Annotated[str, msgspec.Meta(max_length=32)]
    """Random id of the process, the same for as long as it lives."""
    pid: int
    number: Count = 0
    """Which of the proxy's processes it is."""
    key: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """The key with which it came over TCP; empty: it is the cluster's own."""
    listens: Annotated[str, msgspec.Meta(max_length=256)] = ""
    """Where clients find it, as a URL."""
    version: Annotated[str, msgspec.Meta(max_length=32)] = ""
    connections: Count = 0
    clients: Count = 0
    """Sessions whose client is connected."""
    detached: Count = 0
    """Sessions that wait for their client to come back."""
    catching_up: Count = 0
    """Sessions that get what they missed from the journals."""
    events: Count = 0
    """Dispatches that were sent to clients."""
    gaps: Count = 0
    """Gaps that the process was told of: events that can't be had again."""
    lost: Count = 0
    """Sessions that a bot wanted to go on with (RESUME) and that were not there any more: it began
    anew."""
    refused: Count = 0
    """Connections that were closed for what the client did, or for which there was no place."""
    asked: Count = 0
    """Requests of clients that were sent to Discord, presences apart."""
    waiting: Count = 0
    """Requests of clients that are not sent yet."""
    unsent: Count = 0
    """Requests of clients that were given up; the process's log says why."""
    lag: Count = 0
    """Events that are known to exist and have not come to the process yet."""
    cpu_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    rss_bytes: Count = 0
    trouble: Annotated[str, msgspec.Meta(max_length=400)] = ""
    """Why no client can begin; empty: it can."""
    leaving: bool = False


class ProxyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `proxy`: what a process of the proxy must know of the cluster."""

    shard_count: Annotated[int, msgspec.Meta(ge=1)]
    intents: Annotated[int, msgspec.Meta(ge=0)]
    """What the cluster identifies with, as a bit mask."""
