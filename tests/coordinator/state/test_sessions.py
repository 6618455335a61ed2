"""Which sessions of the run before a start goes on with. Locks, store and manifests are real."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.endpoints.paths import ClusterPaths
from cluster.journal import manifest
from coordinator.host import HostClocks
from coordinator.sharding.plan import Plan, StoredPlan
from coordinator.state.sessions import RESUMABLE_S, Survivors, survivors
from coordinator.state.store import Store

NOW = 1_800_000_000.0
LONG_AGO = NOW - 2 * RESUMABLE_S
UP_S = 100_000.0
"""For how long the host has been up at that time."""
TEN_YEARS_S = 315_360_000.0
ACCOUNT = "account"
PLAN = Plan(4, {0: (0, 1), 1: (2, 3)})


class Left:
    """What the run before left: a plan of two slots, and four shards with sessions seen."""

    def __init__(self, folder: Path) -> None:
        self.paths = ClusterPaths(name="t", state_dir=folder, runtime_dir=folder / "run")
        self.passed = UP_S
        self.ahead = 0.0
        """How far the clock on the wall is ahead."""
        clocks = HostClocks("b", lambda: self.passed, lambda: NOW + self.passed - UP_S + self.ahead)
        self.store = Store.open(folder / "store.sqlite", clocks)
        self.store.set_plan(StoredPlan(plan=PLAN, asked_shards="4", asked_workers=2))
        for shard in range(4):
            self.store.grant(shard + 1, ACCOUNT, 4, shard, LONG_AGO)
        self._locks: list[int] = []

    def seen(self, at: float, *shards: int) -> None:
        self.store.seen(4, shards or range(4), at)

    def lives(self, slot: int) -> None:
        """Let a worker hold this slot."""
        folder = self.paths.journal(slot)
        folder.mkdir(parents=True, exist_ok=True)
        self._locks.append(os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT))
        fcntl.flock(self._locks[-1], fcntl.LOCK_EX)

    def ended(self, slot: int, at: float, *, clean: bool = True, boot: str = "b") -> None:
        """Let the worker of this slot have written its manifest then, as it does at its end."""
        folder = self.paths.journal(slot)
        folder.mkdir(parents=True, exist_ok=True)
        said = manifest.Manifest(
            cluster="c", slot=slot, boot_id=boot, clean=clean, closed_s=at - NOW + UP_S
        )
        manifest.write(folder, said)

    def found(self, plan: Plan = PLAN, account: str = ACCOUNT, now: float = NOW) -> Survivors:
        self.passed = now - NOW + UP_S
        return survivors(self.paths, self.store, plan, account)

    def close(self) -> None:
        self.store.close()
        for lock in self._locks:
            os.close(lock)


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Left]:
    made = Left(tmp_path)
    yield made
    made.close()


def test_a_session_that_was_closed_lately_is_gone_on_with(left: Left) -> None:
    left.seen(NOW - RESUMABLE_S, 1, 2)
    assert left.found() == Survivors(frozenset(), frozenset({1, 2}))
    assert left.found(now=NOW + 1).shards == frozenset()
    assert left.found(account="other").shards == frozenset()


def test_a_session_lives_as_long_as_its_worker(left: Left) -> None:
    left.seen(LONG_AGO, 0, 2)  # the coordinator died before it knew of shard 1
    left.lives(0)
    assert left.found() == Survivors(frozenset({0, 1}), frozenset())
    assert left.found(account="other").shards == frozenset()


def test_what_a_logout_ended_is_over_however_young_it_is(left: Left) -> None:
    left.seen(NOW)
    left.ended(0, NOW)
    left.store.forget_sessions()
    assert left.found().shards == frozenset()


def test_workers_that_outlived_their_coordinator_closed_their_sessions_when_they_ended(
    left: Left,
) -> None:
    left.seen(LONG_AGO)
    left.ended(0, NOW - 10)
    left.ended(1, NOW - 10, clean=False)  # as it is while a worker runs, and after a crash
    assert left.found() == Survivors(frozenset(), frozenset({0, 1}))
    assert left.found(now=NOW + RESUMABLE_S).shards == frozenset()


@pytest.mark.parametrize("step", [-TEN_YEARS_S, -3600.0, 3600.0, TEN_YEARS_S])
def test_a_clock_that_is_set_makes_no_session_older_or_younger(left: Left, step: float) -> None:
    left.seen(NOW, 2)
    left.ended(0, NOW)
    left.ahead = step
    assert left.found(now=NOW + RESUMABLE_S) == Survivors(frozenset(), frozenset({2}))
    left.seen(LONG_AGO, 0)
    assert left.found(now=NOW + RESUMABLE_S) == Survivors(frozenset(), frozenset({0, 2}))
    left.ahead = 0.0
    assert left.found(now=NOW + RESUMABLE_S + 1.0).shards == frozenset()


def test_what_another_boot_s_worker_noted_of_its_end_says_nothing(left: Left) -> None:
    left.seen(LONG_AGO)
    left.ended(0, NOW, boot="another boot")
    left.ended(1, NOW + 1.0)  # of the future: a boot id that lies
    assert left.found().shards == frozenset()


def test_shards_that_moved_are_those_of_the_worker_that_had_them(left: Left) -> None:
    left.seen(LONG_AGO)
    left.store.grant(9, ACCOUNT, 3, 2, LONG_AGO)
    left.lives(1)
    assert left.found(Plan(4, {0: (0, 1, 2, 3)})).alive == {2, 3}
    assert left.found(Plan(3, {1: (0, 1, 2)})).shards == frozenset(), "other shards altogether"
    assert left.found(Plan(4, {0: (0, 1, 2)})).alive == {2}


def test_what_cant_be_looked_at_is_not_counted(left: Left) -> None:
    left.seen(LONG_AGO)
    left.paths.journals.mkdir(parents=True)
    left.paths.journal(0).write_text("a file where a folder is meant")
    assert left.found().shards == frozenset()
