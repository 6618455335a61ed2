"""A sandbox's start removes the journals of the world before, and never those of a real bot."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.endpoints.paths import ClusterPaths
from coordinator.state.sandbox_journals import begin_world
from coordinator.state.store import Store


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return ClusterPaths(name="t", state_dir=tmp_path, runtime_dir=tmp_path / "run")


@pytest.fixture
def store(paths: ClusterPaths) -> Iterator[Store]:
    opened = Store.open(paths.store)
    yield opened
    opened.close()


def journal(paths: ClusterPaths, slot: int, size: int = 1 << 20) -> Path:
    folder = paths.journal(slot)
    folder.mkdir(parents=True)
    (folder / "data.mdb").write_bytes(b"x" * size)
    (folder / "aside-data.mdb").write_bytes(b"x")
    return folder


def test_the_journals_of_the_world_before_go(paths: ClusterPaths, store: Store) -> None:
    assert begin_world(paths, store, sandbox=True) == 0
    folders = [journal(paths, slot) for slot in (0, 12)]
    marker = paths.journals / "reading"
    marker.write_bytes(b"\0")
    assert begin_world(paths, store, sandbox=True) >= 2 << 20
    assert not any(folder.exists() for folder in folders)
    assert marker.exists()
    again = journal(paths, 0)
    begin_world(paths, store, sandbox=True)
    assert not again.exists()


def test_the_journals_of_a_real_bot_stay(paths: ClusterPaths, store: Store) -> None:
    begin_world(paths, store, sandbox=False)
    real = journal(paths, 0)
    for _ in range(2):  # somebody gives --sandbox under the bot's name
        assert begin_world(paths, store, sandbox=True) == 0
    assert (real / "data.mdb").exists()


def test_a_real_bot_s_start_keeps_all_from_then_on(paths: ClusterPaths, store: Store) -> None:
    begin_world(paths, store, sandbox=True)
    mixed = journal(paths, 0)
    begin_world(paths, store, sandbox=False)
    real = journal(paths, 1)
    begin_world(paths, store, sandbox=True)
    assert mixed.exists()
    assert real.exists()


def test_journals_that_a_store_knows_nothing_of_stay(paths: ClusterPaths, tmp_path: Path) -> None:
    """The store was lost, or is older than the mark: they may be anybody's."""
    first = Store.open(paths.store)
    begin_world(paths, first, sandbox=True)
    first.close()
    kept = journal(paths, 0)
    paths.store.unlink()
    other = Store.open(paths.store)
    begin_world(paths, other, sandbox=True)
    other.close()
    assert kept.exists()


def test_the_journal_of_a_worker_that_still_runs_stays(paths: ClusterPaths, store: Store) -> None:
    begin_world(paths, store, sandbox=True)
    running, ended = journal(paths, 0), journal(paths, 1)
    lock = os.open(running / "owner.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        begin_world(paths, store, sandbox=True)
    finally:
        os.close(lock)
    assert running.exists()
    assert not ended.exists()


def test_a_slot_that_is_a_link_is_not_followed(
    paths: ClusterPaths, store: Store, tmp_path: Path
) -> None:
    begin_world(paths, store, sandbox=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "data.mdb").write_text("of somebody else")
    paths.journals.mkdir()
    paths.journal(0).symlink_to(elsewhere)
    assert begin_world(paths, store, sandbox=True) == 0
    assert (elsewhere / "data.mdb").read_text() == "of somebody else"


@pytest.mark.parametrize("sandbox", [True, False])
def test_the_cache_of_the_world_before_goes_and_that_of_a_real_bot_stays(
    sandbox: bool, paths: ClusterPaths, store: Store
) -> None:
    begin_world(paths, store, sandbox=sandbox)
    paths.cache.mkdir()
    (paths.cache / "data.mdb").write_bytes(b"x" * (1 << 20))
    freed = begin_world(paths, store, sandbox=sandbox)
    assert paths.cache.exists() != sandbox
    assert (freed >= 1 << 20) == sandbox
