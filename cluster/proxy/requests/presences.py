"""Presences: which one a shard of the cluster is to show, and which shard is told next. Pure.

A client is shard [i, n] of a count of its own, so its guilds lie on all shards k of the cluster's c
with k = i mod gcd(n, c). What was asked last for a shard wins, as at Discord where a session asks
again. A shard is told only of that, however often it changed while the one before was on its way.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from typing import Final

import msgspec

SPACING_S: Final = 4.0
"""Seconds between two presences of a shard: Discord took five in 20 s of a session when it still
said how many, and they come out of the same 120 payloads a minute as all else."""
MOST_UNDER_WAY: Final = 128
AGAIN_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds until a shard that could not be told is tried again, by how often it failed."""


class Presence(msgspec.Struct, frozen=True, array_like=True):
    """What a client asked to be shown."""

    shard_id: int
    shard_count: int
    asked_ns: int
    """Unix time."""
    d: bytes
    """`d` of op 3, as JSON."""


def shards_of(shard_id: int, shard_count: int, cluster_count: int) -> range:
    """Return the shards of a cluster that share guilds with shard [shard_id, shard_count] of a
    client."""
    common = math.gcd(shard_count, cluster_count)
    return range(shard_id % common, cluster_count, common)


def newest(presences: Iterable[Presence], shard_id: int, shard_count: int) -> Presence | None:
    """Return the presence that was asked for last for a shard of the cluster; None: none was."""
    meant = (
        one
        for one in presences
        if shard_id in shards_of(one.shard_id, one.shard_count, shard_count)
    )
    return max(meant, key=lambda one: one.asked_ns, default=None)


class PresenceQueue:
    """Which shard of the cluster is told its presence next. Times are seconds of the caller's
    monotonic clock."""

    def __init__(self) -> None:
        self._due: dict[int, None] = {}
        """Shards that may be told now, those that wait longest first."""
        self._later: list[tuple[float, int]] = []
        self._waits: set[int] = set()
        """The shards in `_later`."""
        self._under_way: dict[int, bool] = {}
        """Shards that are being told, and whether they have to be told again."""
        self._told: dict[int, float] = {}
        """When a shard was told last."""
        self._failures: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._due) + len(self._waits) + len(self._under_way)

    def want(self, shard_id: int, now: float) -> None:
        """A shard's presence has changed."""
        if shard_id in self._under_way:
            self._under_way[shard_id] = True
        elif shard_id not in self._due and shard_id not in self._waits:
            self._wait(shard_id, self._told.get(shard_id, -math.inf) + SPACING_S, now)

    def take(self, now: float) -> int | None:
        """Return a shard that is to be told now; `told` or `failed` has to follow. None: none."""
        while self._later and self._later[0][0] <= now:
            _, shard_id = heapq.heappop(self._later)
            self._waits.remove(shard_id)
            self._due[shard_id] = None
        if not self._due or len(self._under_way) >= MOST_UNDER_WAY:
            return None
        shard_id = next(iter(self._due))
        del self._due[shard_id]
        self._under_way[shard_id] = False
        return shard_id

    def told(self, shard_id: int, now: float) -> None:
        """A shard has sent what was newest when it was taken."""
        again = self._under_way.pop(shard_id)
        self._failures.pop(shard_id, None)
        self._told[shard_id] = now
        if again:
            self._wait(shard_id, now + SPACING_S, now)

    def failed(self, shard_id: int, now: float, wait: float = 0.0) -> None:
        """A shard could not be told: it is tried again, after `wait` seconds at least."""
        del self._under_way[shard_id]
        tries = self._failures.get(shard_id, 0)
        self._failures[shard_id] = tries + 1
        self._wait(shard_id, now + max(wait, AGAIN_S[min(tries, len(AGAIN_S) - 1)]), now)

    @property
    def due(self) -> float | None:
        """When `take` has another shard; None: when one has been told, or never."""
        return self._later[0][0] if self._later else None

    def _wait(self, shard_id: int, until: float, now: float) -> None:
        if until <= now:
            self._due[shard_id] = None
        else:
            self._waits.add(shard_id)
            heapq.heappush(self._later, (until, shard_id))
