"""The lock of the state folder keeps others out, also where its file was removed meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from cluster.endpoints.paths import ClusterPaths, is_held
from cluster.errors import AlreadyRunningError
from coordinator.state import folders


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return ClusterPaths(name="t", state_dir=tmp_path, runtime_dir=tmp_path / "run")


def test_a_lock_on_a_file_that_was_removed_is_none(
    paths: ClusterPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`clean` may remove the file after it was opened here, before it was locked."""
    real = fcntl.flock
    removed: list[Path] = []

    def flock(fd: int, how: int) -> None:
        if not removed:
            removed.append(paths.lock)
            paths.lock.unlink()
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    fd = asyncio.run(folders.lock(paths))
    try:
        assert removed
        assert is_held(paths.lock)
        with pytest.raises(AlreadyRunningError):
            asyncio.run(folders.lock(paths))
    finally:
        os.close(fd)
