"""A process of the proxy: what it waits for before it serves."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.proxy import process
from cluster.proxy.sessions import SessionStore


def test_sessions_that_are_locked_for_a_moment_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    opened = SessionStore

    def locked_twice(folder: Path) -> SessionStore:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise sqlite3.OperationalError("database is locked")
        return opened(folder)

    monkeypatch.setattr(process, "SessionStore", locked_twice)
    monkeypatch.setattr(process, "AGAIN_S", 0.0)
    asyncio.run(process._store(tmp_path)).close()
    assert tries == 3


def test_sessions_that_can_not_be_had_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(folder: Path) -> SessionStore:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(process, "AGAIN_S", 0.0)
    (tmp_path / "file").touch()
    with pytest.raises(ClusterError, match=r"can't be used .*file"):
        asyncio.run(process._store(tmp_path / "file"))
    monkeypatch.setattr(process, "SessionStore", locked)
    with pytest.raises(ClusterError, match=r"can't be used .database is locked"):
        asyncio.run(process._store(tmp_path))


def test_a_part_that_fails_ends_the_process_by_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError("what nobody foresaw")

    async def scenario() -> None:
        async with process.beside(fails(), "sessions") as task:
            await asyncio.wait([task])

    with pytest.raises(ClusterError, match=r"the sessions failed .ValueError: what nobody foresaw"):
        asyncio.run(scenario())
    assert "Traceback" in caplog.text
