"""Warns of limits while there is time to act: guilds a shard, journals, identifies, subscribers,
hosts.

A warning begins at a threshold, and ends when there is clearly more room again (CLEAR): a value
that wavers around the threshold does not make it come and go. Each says what to do. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cluster.discord.limits import MOST_GUILDS
from cluster.wire.status import (
    BudgetStatus,
    HostStatus,
    ShardStatus,
    SubscriberStatus,
    WorkerStatus,
)
from cluster.words import roughly, size
from coordinator.control.host_warnings import host_warnings

CLEAR: Final = 1.25
"""By this factor a value must be better than the threshold before its warning ends."""
NEAR_GUILDS: Final = 2000
"""Guilds of a shard from which on it is near MOST_GUILDS."""
JOURNAL_S: Final = 3600.0
"""A journal that reaches less far back is worth a warning: so long may mending a bot take."""
HISTORY_S: Final = 600.0
"""A journal that is younger, and has room left, says little of what an hour takes: the guilds that
come when sessions begin are in it."""
FULL: Final = 0.9
"""From this part of its budget on a journal prunes, so that its age is all that it can hold."""
JOURNAL_FILES: Final = 2
"""A journal's file is allocated whole, of so many times its budget."""
LAG_EVENTS: Final = 1000
"""A subscriber that lags less keeps up, however quiet the cluster is."""
LAG_S: Final = 30.0
"""A subscriber lags when its lag is more than what the cluster brings in so many seconds."""


class Warnings:
    """The warnings of one cluster. It remembers which are given, so that they end later than they
    began."""

    def __init__(
        self, journal_bytes: int, reserve: int = 0, *, sandbox: bool = False, version: str = ""
    ) -> None:
        """journal_bytes: budget of each worker's journal. reserve: identifies that are never
        granted. sandbox: what comes is made up, and missing it hurts nobody: journals are not
        warned of. version: of the coordinator's package."""
        self._journal_bytes = journal_bytes
        self._reserve = reserve
        self._sandbox = sandbox
        self._version = version
        self._given: set[tuple[str, object]] = set()
        """The warnings that were given at the last look: their kind, and what they are about."""

    def look(
        self,
        shards: Iterable[ShardStatus],
        workers: Iterable[WorkerStatus],
        budget: BudgetStatus,
        subscribers: Iterable[SubscriberStatus],
        hosts: Sequence[HostStatus],
    ) -> list[str]:
        """Return a line for each limit that is near at this moment."""
        shards, workers, subscribers = list(shards), list(workers), list(subscribers)
        given: set[tuple[str, object]] = set()
        per_s = sum(worker.events_per_s for worker in workers)

        def is_near(kind: str, about: object, value: float, threshold: float) -> bool:
            """Whether a value is so high that this warning begins, or is still given."""
            key = (kind, about)
            near = value >= (threshold / CLEAR if key in self._given else threshold)
            if near:
                given.add(key)
            return near

        reaches = {} if self._sandbox else {w.slot: self.reach_s(w) for w in workers}
        short = {
            slot: reach
            for slot, reach in reaches.items()
            if reach is not None and is_near("journal", slot, 1 / max(reach, 1.0), 1 / JOURNAL_S)
        }
        lag = max(LAG_EVENTS, LAG_S * per_s)
        late = [s for s in subscribers if is_near("lag", (s.name, s.pid), s.lag, lag)]
        need = JOURNAL_FILES * self._journal_bytes
        full = [
            host
            for host in hosts
            if (free := host.disk_free_bytes) is not None
            and is_near("disk", host.name, 1 / max(free, 1), 1 / need)
        ]
        self._given = given
        return [
            *_guilds([shard for shard in shards if shard.guilds >= NEAR_GUILDS]),
            *self._journals(short),
            *_identifies(budget, len(shards), self._reserve),
            *_lag(late, per_s),
            *host_warnings(hosts, workers, self._version),
            *_full(full, need),
        ]

    def reach_s(self, worker: WorkerStatus) -> float | None:
        """Return how many seconds of events a worker's journal can hold, at the rate at which it
        has been filled; None: it is too young to say."""
        held_s, held_bytes = worker.journal_seconds, worker.journal_bytes
        if not held_s or held_bytes <= 0 or not worker.journalling:
            return None
        if held_bytes >= FULL * self._journal_bytes:
            return held_s
        return held_s * self._journal_bytes / held_bytes if held_s >= HISTORY_S else None

    def _journals(self, short: dict[int, float]) -> Iterator[str]:
        if not short:
            return
        slot = min(short, key=lambda slot: short[slot])
        reach = short[slot]
        others = f", {len(short) - 1} more less than an hour" if len(short) > 1 else ""
        hour = _mebibytes(self._journal_bytes * JOURNAL_S / reach)
        yield (
            f"the journal of worker {slot} holds {roughly(reach)} of events at the present rate"
            f"{others}: a subscriber that is away for longer gets a gap; an hour takes "
            f"journal.bytes = {hour}, or more workers"
        )


def _guilds(near: list[ShardStatus]) -> Iterator[str]:
    """Warn of shards with many guilds. READY says how many: the number does not waver."""
    if not near:
        return
    fullest = max(near, key=lambda shard: shard.guilds)
    others = f" ({len(near)} shards have {NEAR_GUILDS:,} or more)" if len(near) > 1 else ""
    yield (
        f"shard {fullest.shard_id} has {fullest.guilds:,} guilds{others} of the {MOST_GUILDS:,} "
        "that Discord lets a shard have: `dcgw-cluster reshard auto`"
    )


def _identifies(budget: BudgetStatus, shards: int, reserve: int) -> Iterator[str]:
    """Warn of a budget that would not do for all shards. It wavers with nothing: it only falls,
    until it is reset."""
    left = max(0, budget.remaining - reserve)
    if not budget.known or left >= shards:
        return
    back = roughly(budget.reset_after_s)
    yield (
        f"only {left:,} identifies are left for {shards:,} shards until {back} from now: until "
        "then restart by `restart --rolling`, or `stop` and `start` within a minute, which resume; "
        "no `reshard`, no `stop --logout`"
    )


def _lag(late: list[SubscriberStatus], per_s: float) -> Iterator[str]:
    if not late:
        return
    last = max(late, key=lambda one: one.lag)
    others = f"; {len(late) - 1} more lag" if len(late) > 1 else ""
    age = f", {roughly(last.lag / per_s)} of all that comes" if per_s >= 1 else ""
    lag = f"{round(last.lag, 2 - len(str(last.lag))):,}"  # the line changes when it matters
    yield (
        f"the subscriber {last.name} (pid {last.pid}) lags {lag} events{age}{others}: "
        "give it fewer events (events=, guilds=) or more processes, before the journals forget "
        "what it has yet to read"
    )


def _full(hosts: list[HostStatus], need: int) -> Iterator[str]:
    """Warn of hosts with too little disk for another journal of so many bytes."""
    if not hosts:
        return
    least = min(hosts, key=lambda host: host.disk_free_bytes or 0)
    others = f"; {len(hosts) - 1} more have too little" if len(hosts) > 1 else ""
    yield (
        f"host {least.name} has {size(least.disk_free_bytes or 0)} of its disk left{others}: a "
        f"worker that moves there takes {size(need)} for its journal; free the disk, or "
        f"`dcgw-cluster drain {least.name}`"
    )


def _mebibytes(count: float) -> str:
    """Return a number of bytes as a configuration takes it, rounded up to whole MiB."""
    return f"{-(-int(count) // 2**20) * 2**20} ({-(-int(count) // 2**20):,} MiB)"
