"""Sessions that the run before left and that a start goes on with: no identify is spent on them.

A session goes on while its worker lives, whether or not there is a coordinator. Discord keeps one
whose connection was closed for some minutes; it does not say for how many, and where it was fewer
than RESUMABLE_S the limiter still keeps the budget.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, NamedTuple

from cluster.endpoints.paths import ClusterPaths, is_held
from cluster.journal import manifest
from coordinator.sharding.plan import Plan
from coordinator.state.store import Store

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


def survivors(
    paths: ClusterPaths,
    store: Store,
    plan: Plan,
    account: str,
    wall: float,
    now: float | None = None,
) -> Survivors:
    """Return the shards of a plan whose sessions this account's start goes on with, by the store
    and by the workers that hold their slots. wall: Unix seconds. now: by the store's time, which is
    asked where it is None."""
    now = store.time.now() if now is None else now
    before = store.plan()
    if before is None or before.plan.shard_count != plan.shard_count:
        return Survivors(frozenset(), frozenset())
    planned = set(plan.shards)
    alive: set[int] = set()
    closed: set[int] = set()
    for slot, shards in before.plan.slots.items():
        folder = paths.journal(slot)
        lives, closed_at = is_held(folder / "owner.lock"), _closed_at(folder)
        for shard in planned.intersection(shards):
            known = store.known(plan.shard_count, shard)
            if known.account != account:
                continue
            if lives:  # what became of the session meanwhile only its worker knows
                alive.add(shard)
            elif known.seen_at is None:
                continue  # it had no session, or one that is over
            elif min(abs(now - known.seen_at), abs(wall - closed_at)) <= RESUMABLE_S:
                closed.add(shard)  # a time of the future is one of another clock
    return Survivors(frozenset(alive), frozenset(closed))


def _closed_at(folder: Path) -> float:
    """Return when the worker of a slot ended in order, in Unix seconds: the sessions lived until
    then, though no coordinator saw it. 0: it did not end so, or it is not known."""
    try:
        found = manifest.read(folder)
        return (folder / manifest.FILE).stat().st_mtime if found and found.clean else 0.0
    except OSError as error:  # the slot's own start meets it too, and says so
        log.warning("%s can't be looked at: %s", folder, error)
        return 0.0
