"""Journals of slots that are no more stay for a day, by the store's time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.endpoints.paths import ClusterPaths
from coordinator.host import HostClocks
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.state.database import StoreError
from coordinator.state.folders import RETIRED_S, clear_retired
from coordinator.state.store import Store
from coordinator.upkeep.maintenance import Maintenance
from coordinator.workers.fleet import Fleet

NOW = 2_000_000_000.0
TEN_YEARS_S = 315_360_000.0


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return ClusterPaths(name="t", state_dir=tmp_path, runtime_dir=tmp_path / "run")


def journal(paths: ClusterPaths, slot: int) -> Path:
    folder = paths.journal(slot)
    folder.mkdir(parents=True)
    for name in ("data.mdb", "journal.json", "owner.lock"):
        (folder / name).touch()
    return folder


def test_what_is_nobody_s_for_a_day_goes(paths: ClusterPaths) -> None:
    in_use, held, fresh, old = (journal(paths, slot) for slot in range(4))
    since = dict.fromkeys((0, 1, 3), NOW - RETIRED_S - 1) | {2: NOW - RETIRED_S + 1}
    lock = os.open(held / "owner.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert clear_retired(paths, [0], since, NOW) == [3]
    finally:
        os.close(lock)
    assert [folder.exists() for folder in (in_use, held, fresh, old)] == [True, True, True, False]


def test_the_day_begins_when_it_is_found_so_and_anew_when_it_was_in_use(
    paths: ClusterPaths,
) -> None:
    folder = journal(paths, 0)
    since: dict[int, float] = {}
    assert clear_retired(paths, [], since, NOW) == []
    assert clear_retired(paths, [0], since, NOW + RETIRED_S) == []
    assert clear_retired(paths, [], since, NOW + RETIRED_S + 1) == []
    assert clear_retired(paths, [], since, NOW + 2 * RETIRED_S + 1) == []
    assert folder.exists()
    assert clear_retired(paths, [], since, NOW + 2 * RETIRED_S + 2) == [0]


class Cluster:
    """A cluster whose slot 1 is no more, on a host whose clock is set; each look at the journals
    is that of another coordinator."""

    def __init__(self, paths: ClusterPaths) -> None:
        self.paths = paths
        self.passed = 1000.0
        self.ahead = 0.0
        self.folder = journal(paths, 1)

    def look(self, *, fails: bool = False, in_use: tuple[int, ...] = (0,)) -> list[int]:
        """Look after the journals. Return the slots whose journals are counted on."""
        clocks = HostClocks("boot", lambda: self.passed, lambda: NOW + self.passed + self.ahead)
        store = Store.open(self.paths.store, clocks)
        assignments = Assignments(Plan(1, {slot: (slot,) for slot in in_use}), {0: 1, 1: 1})
        fleet = Fleet.start_with(assignments, lambda slot, message: True, lambda: 0.0)
        context: Any = SimpleNamespace(store=store, paths=self.paths)
        nothing = cast(Any, None)
        maintenance = Maintenance(context, fleet, nothing, nothing, lambda: False)
        if fails:
            store.close()
        maintenance.clear_journals()
        store.close()
        return sorted(assignments.counts)


@pytest.fixture
def cluster(paths: ClusterPaths) -> Cluster:
    return Cluster(paths)


@pytest.mark.parametrize("step", [-TEN_YEARS_S, -3600.0, 3600.0, TEN_YEARS_S])
def test_a_clock_that_is_set_neither_removes_nor_keeps_a_journal(
    cluster: Cluster, step: float
) -> None:
    assert cluster.look() == [0, 1]
    cluster.ahead = step
    cluster.passed += RETIRED_S - 1
    assert cluster.look() == [0, 1]
    assert cluster.folder.exists()
    cluster.passed += 2
    assert cluster.look() == [0]
    assert not cluster.folder.exists()


def test_a_slot_that_was_in_use_again_has_a_day_of_its_own(cluster: Cluster) -> None:
    assert cluster.look() == [0, 1]
    cluster.passed += RETIRED_S
    assert cluster.look(in_use=(0, 1)) == [0, 1]
    cluster.passed += 2
    assert cluster.look() == [0, 1]
    assert cluster.folder.exists()


def test_a_store_that_fails_removes_nothing(cluster: Cluster) -> None:
    cluster.look()
    cluster.passed += RETIRED_S + 1
    assert cluster.look(fails=True) == [0, 1]
    assert cluster.folder.exists()


def test_what_was_removed_counts_no_more_though_another_cant_be_noted(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("database or disk is full")

    cluster.look()
    cluster.passed += RETIRED_S + 1
    journal(cluster.paths, 2)
    monkeypatch.setattr(Store, "set_retired", full)
    assert cluster.look() == [0]
    assert not cluster.folder.exists()


def test_what_can_t_be_read_begins_the_day_anew(cluster: Cluster) -> None:
    cluster.look()
    with sqlite3.connect(cluster.paths.store) as database:
        database.execute("UPDATE meta SET value = 'x' WHERE key = 'retired'")
    database.close()
    cluster.passed += RETIRED_S + 1
    assert cluster.look() == [0, 1]
