"""Journals of slots that are no more stay for a day."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from cluster.endpoints.paths import ClusterPaths
from coordinator.state.folders import RETIRED_S, clear_retired

NOW = 2_000_000_000.0


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return ClusterPaths(name="t", state_dir=tmp_path, runtime_dir=tmp_path / "run")


def journal(paths: ClusterPaths, slot: int, age_s: float) -> Path:
    folder = paths.journal(slot)
    folder.mkdir(parents=True)
    for name in ("data.mdb", "journal.json", "owner.lock"):
        (folder / name).touch()
        os.utime(folder / name, (NOW - age_s, NOW - age_s))
    return folder


def test_what_is_old_and_nobody_s_goes(paths: ClusterPaths) -> None:
    in_use = journal(paths, 0, 2 * RETIRED_S)
    held = journal(paths, 1, 2 * RETIRED_S)
    fresh = journal(paths, 2, RETIRED_S - 1)
    old = journal(paths, 3, RETIRED_S + 1)
    lock = os.open(held / "owner.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        clear_retired(paths, [0], NOW)
    finally:
        os.close(lock)
    assert [folder.exists() for folder in (in_use, held, fresh, old)] == [True, True, True, False]


def test_one_whose_file_was_written_since_stays(paths: ClusterPaths) -> None:
    folder = journal(paths, 0, 2 * RETIRED_S)
    os.utime(folder / "journal.json", (NOW, NOW))
    clear_retired(paths, [], NOW)
    assert folder.exists()
