"""How much is measured of real rates, and what is wanted of it."""

from __future__ import annotations

from typing import Final

import msgspec

from benchmarks.real_rates.pacing import Load

LOADS: Final = (Load(40, 5), Load(40, 50), Load(40, 50, poisson=True), Load(200, 20), Load(1000, 5))
LATENCY: Final = (Load(40, 25), Load(40, 250))
GROWTH: Final = (Load(1, 2000), Load(40, 50), Load(200, 10), Load(1000, 2))
SYSTEM_CALLS: Final = (Load(40, 50), Load(200, 20))


class RateOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int = 3
    seconds: float = 4.0
    """Seconds of each load."""
    settle_s: float = 1.5
    """Seconds until what a start has left to do is done. Nobody says when other people's clients
    are idle."""
    loads: tuple[Load, ...] = LOADS
    """Met by every client."""
    latency: tuple[Load, ...] = LATENCY
    growth: tuple[Load, ...] = GROWTH
    system_calls: tuple[Load, ...] = SYSTEM_CALLS
    idle: int = 1000
    """Idle sessions whose CPU is measured: as many as some load has."""
    coordinated: tuple[int, ...] = (1024, 4096, 16_384)
    """Shards of a coordinator."""
    ready: tuple[int, int] | None = (64, 16)
    """Shards that are started, and how many of them may identify at once."""

    @property
    def session_counts(self) -> list[int]:
        """How many sessions there are, of all loads, ascending."""
        loads = (*self.loads, *self.latency, *self.growth)
        return sorted({load.sessions for load in loads})


class Aim(msgspec.Struct, frozen=True):
    """What is wanted of the worker under a load: its CPU over that of others, of the same round."""

    bare: float
    peers: dict[str, float] = {}


_PEERS: Final = {"twilight raw": 3.3, "discord.py": 0.75, "@discordjs/ws zlib-sync": 1.1}
AIMS: Final = {
    Load(40, 5).label: Aim(1.6),
    Load(40, 50).label: Aim(2.0, _PEERS),
    Load(200, 20).label: Aim(2.0, _PEERS),
    Load(1000, 5).label: Aim(2.0, _PEERS),
}
HUB_OF_WORKER: Final = {Load(200, 20).label: 8 / 50}
SUBSCRIBER_OF_WORKER: Final = {Load(40, 25).label: 40 / 100}
LATENCY_MS: Final = {
    Load(40, 25).label: {0.5: 4.0, 0.99: 7.0},
    Load(40, 250).label: {0.99: 10.0},
}
"""Milliseconds from the gateway to a subscriber, by the part of all events."""
LATENCY_AT_ONCE_MS: Final = {
    Load(40, 25).label: {0.5: 0.42, 0.99: 0.82},
    Load(40, 250).label: {0.99: 10.0},
}
"""Milliseconds from the gateway to a subscriber when no event waits for others."""
IDLE_MS: Final = 10.0
"""CPU milliseconds a second of a worker with 1,000 idle sessions."""
COORDINATOR_PERCENT: Final = {16_384: 10.0}
WATCHED_PERCENT: Final = {1024: 3.0}
"""Percent of a core while a page is open, which takes the state of all shards once a second."""
STATUS_MS: Final = {16_384: 100.0}
READY_OF_LEAST: Final = 1.05
