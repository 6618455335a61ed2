"""What the page draws: a status in as few bytes as may be, since a page takes one each second."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

from cluster.complaints import complaints
from cluster.wire.states import ClusterState, SessionState
from cluster.wire.status import (
    BudgetStatus,
    ClusterStatus,
    HostStatus,
    Operation,
    ShardStatus,
    SubscriberStatus,
    WorkerStatus,
)
from coordinator.http.history import HappeningPicture

MOST_SUBSCRIBERS: Final = 100
"""Rows of subscribers, those with the most lag."""
MOST_TROUBLES: Final = 50
"""Lines of what is wrong; the others are counted."""
MOST_ADDRESS: Final = 64
"""Characters of a host's address."""


class ShardPicture(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A cell of the grid: an array of these fields in this order."""

    shard_id: int
    worker: int
    state: SessionState
    heartbeat_ms: int | None
    """Round trip of the last heartbeat."""
    events_per_s: float
    silent_s: int | None
    """Seconds since the last event."""
    guilds: int
    is_silent: bool
    """Whether it is silent for longer than chance explains."""
    detail: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """All that a page shows."""

    name: str
    version: str
    state: ClusterState
    sandbox: bool
    uptime_s: float
    shard_count: int
    shards_ready: int
    events: int
    events_per_s: float
    types: dict[str, int]
    """How many events there were, by type; "other": of types without a class."""
    shards: list[ShardPicture]
    workers: list[WorkerStatus]
    hosts: list[HostStatus]
    """The hosts that the workers run on, without their labels; empty: the coordinator's own."""
    budget: BudgetStatus
    """Without those that wait, who may be thousands."""
    waiting: int
    """How many shards wait for a grant."""
    subscribers: list[SubscriberStatus]
    subscribers_unknown: int
    operation: Operation | None
    troubles: list[str]
    """What is wrong, as `dcgw-cluster status` says it; MOST_TROUBLES lines at most."""
    warnings: list[str]
    """Which limits are near."""
    happenings: list[HappeningPicture]
    """The last ones, oldest first."""
    may_change: bool
    """Whether there is a token, by which the page's buttons may do something."""

    def differs_from(self, other: Picture) -> dict[str, Any]:
        """Return the fields that are not as in the other, by name; but the shards and what has
        happened, whose changes are parts of them."""
        return {
            name: value
            for name in _FIELDS
            if (value := getattr(self, name)) != getattr(other, name)
        }


_BY_PARTS: Final = ("shards", "happenings")
_FIELDS: Final = tuple(name for name in Picture.__struct_fields__ if name not in _BY_PARTS)


def picture(
    status: ClusterStatus, happenings: list[HappeningPicture], *, may_change: bool
) -> Picture:
    """Return what the page shows of a status."""
    most_lag = sorted(status.subscribers, key=lambda row: row.lag, reverse=True)
    return Picture(
        name=status.name,
        version=status.version,
        state=status.state,
        sandbox=status.sandbox,
        uptime_s=round(status.uptime_s, 1),
        shard_count=status.shard_count,
        shards_ready=status.shards_ready,
        events=status.events,
        events_per_s=round(status.events_per_s, 1),
        types=_types(status),
        shards=[_shard(shard) for shard in status.shards],
        workers=status.workers,
        hosts=[_host(host) for host in status.hosts],
        budget=msgspec.structs.replace(status.budget, waiting=[], outside=[]),
        waiting=len(status.budget.waiting),
        subscribers=most_lag[:MOST_SUBSCRIBERS],
        subscribers_unknown=status.subscribers_unknown + max(0, len(most_lag) - MOST_SUBSCRIBERS),
        operation=status.operation,
        troubles=_troubles(status),
        warnings=status.warnings,
        happenings=happenings,
        may_change=may_change,
    )


def _troubles(status: ClusterStatus) -> list[str]:
    found = complaints(status)
    rest = len(found) - MOST_TROUBLES
    return [*found[:MOST_TROUBLES], f"{rest:,} more, which /status has"] if rest > 0 else found


def _types(status: ClusterStatus) -> dict[str, int]:
    """Return how many events of each type all workers have had."""
    events: Counter[str] = Counter()
    for worker in status.traffic:
        events.update(worker.events)
    return dict(events)


def _host(host: HostStatus) -> HostStatus:
    """Return a host without what the page does not show, and with no more digits than it shows."""
    return msgspec.structs.replace(
        host,
        address=host.address[:MOST_ADDRESS],
        labels={},
        events_per_s=round(host.events_per_s, 1),
        uptime_s=None,
        heard_s=_rounded(host.heard_s),
        gone_in_s=_rounded(host.gone_in_s),
        cpu_percent=_rounded(host.cpu_percent),
        memory_percent=_rounded(host.memory_percent),
        disk_free_bytes=host.disk_free_bytes and host.disk_free_bytes >> 20 << 20,
    )


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def _shard(shard: ShardStatus) -> ShardPicture:
    return ShardPicture(
        shard.shard_id,
        shard.worker,
        shard.state,
        _rounded(shard.heartbeat_ms),
        round(shard.events_per_s, 1),
        _rounded(shard.silent_s),
        shard.guilds,
        shard.too_silent,
        shard.detail,
    )
