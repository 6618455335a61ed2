"""Sessions that the run before left and that a start goes on with: no identify is spent on them.

A session goes on while its worker lives, whether or not there is a coordinator. Discord keeps one
whose connection was closed for some minutes; it does not say for how many, and where it was fewer
than RESUMABLE_S the limiter still keeps the budget.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Final, NamedTuple

from cluster.endpoints.paths import ClusterPaths, is_held
from cluster.journal import manifest
from coordinator.sharding.plan import Plan
from coordinator.state.store import Store
from coordinator.state.store_time import StoreTime

log = logging.getLogger(__name__)

RESUMABLE_S: Final = 300.0
"""For this long after its connection was closed a session is taken to be resumable."""


class Survivors(NamedTuple):
    """What is left of the run before."""

    alive: frozenset[int]
    """Shards of the plan that identified once, and whose worker lives."""
    closed: frozenset[int]
    """Shards of the plan whose worker is gone, and whose sessions were closed lately enough."""

    @property
    def shards(self) -> frozenset[int]:
        """All shards that need no identify."""
        return self.alive | self.closed


def survivors(paths: ClusterPaths, store: Store, plan: Plan, account: str) -> Survivors:
    """Return the shards of a plan whose sessions this account's start goes on with, by the store
    and by the workers that hold their slots."""
    now = store.time.now()
    before = store.plan()
    if before is None or before.plan.shard_count != plan.shard_count:
        return Survivors(frozenset(), frozenset())
    planned = set(plan.shards)
    alive: set[int] = set()
    closed: set[int] = set()
    for slot, shards in before.plan.slots.items():
        folder = paths.journal(slot)
        lives, closed_s = is_held(folder / "owner.lock"), _closed_s(folder, store.time)
        for shard in planned.intersection(shards):
            known = store.known(plan.shard_count, shard)
            if known.account != account:
                continue
            if lives:  # what became of the session meanwhile only its worker knows
                alive.add(shard)
            elif known.seen_at is None:
                continue  # it had no session, or one that is over
            elif min(now - known.seen_at, closed_s) <= RESUMABLE_S:
                closed.add(shard)
    return Survivors(frozenset(alive), frozenset(closed))


def _closed_s(folder: Path, time: StoreTime) -> float:
    """Return for how many seconds the worker of a slot has ended in order: the sessions lived until
    then, though no coordinator saw it. inf: it did not end so in this boot, or it is not known."""
    try:
        found = manifest.read(folder)
    except OSError as error:  # the slot's own start meets it too, and says so
        log.warning("%s can't be looked at: %s", folder, error)
        return math.inf
    if found is None or not found.clean:
        return math.inf
    return time.passed_since(found.boot_id, found.closed_s)
