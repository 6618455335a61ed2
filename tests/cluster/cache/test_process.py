"""The cache's process by itself: no hub, no coordinator."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import msgspec
import pytest

from cluster.cache import opening, process
from cluster.cache.spec import CacheSpec
from cluster.child_process import Child
from cluster.control_connection import ControlConnection
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.folder_lock import FolderLock
from cluster.loops import until_one_ends
from cluster.wire.cache import CacheAsk, CachePage
from cluster.wire.control import as_args
from cluster.wire.start_outcome import decode_outcome

WITHIN_S = 30.0


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as folder:
        yield Path(folder)


def spec(folder: Path) -> CacheSpec:
    return CacheSpec(
        parent=os.getpid(), folder=str(folder / "store"), keep=("guilds",), max_bytes=1 << 24,
        cluster="id", boot_id="boot", events=[f"ipc://{folder}/events"],
        replay=f"ipc://{folder}/replay", control=f"ipc://{folder}/control",
        endpoint=f"ipc://{folder}/cache",
    )  # fmt: skip


@contextmanager
def running(what: CacheSpec) -> Iterator[subprocess.Popen[bytes]]:
    """Run the process until the block ends."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "cluster.cache"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(msgspec.json.encode(what) + b"\n")
        child.stdin.flush()
        yield child
    finally:
        child.kill()
        child.wait(WITHIN_S)
        child.stdin.close()
        child.stdout.close()


def test_it_answers_before_there_is_a_hub_and_leaves_a_clean_cache(short_folder: Path) -> None:
    async def ask() -> CachePage:
        connection = ControlConnection(f"ipc://{short_folder}/cache")
        try:
            args = as_args(CacheAsk(what="guild_ids"))
            with pytest.raises(ClusterError, match="not the arguments of this request"):
                await connection.exchange("cache", CachePage, {"what": "all"}, WITHIN_S)
            return await connection.exchange("cache", CachePage, args, WITHIN_S)
        finally:
            connection.close()

    what = spec(short_folder)
    with running(what) as child:
        assert child.stdout is not None
        assert decode_outcome(child.stdout.readline()).ready
        assert asyncio.run(ask()) == CachePage()
        child.send_signal(signal.SIGTERM)
        assert child.wait(WITHIN_S) == 0
    note = opening.read(Path(what.folder))
    assert note is not None
    assert note.clean


def test_where_it_can_not_be_opened_it_says_so(short_folder: Path) -> None:
    what = spec(short_folder)
    Path(what.folder).write_text("a file")
    with running(what) as child:
        assert child.stdout is not None
        error = decode_outcome(child.stdout.readline()).error
        assert error is not None
        assert "can't be kept" in error.cause
        assert child.wait(WITHIN_S) == 1


class Ending:
    """A child that ends when it is told to."""

    def __init__(self) -> None:
        self.ends = False

    def is_ending(self) -> bool:
        return self.ends


def test_one_waits_for_the_one_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOOK_S", 0.001)
    before = FolderLock(tmp_path, "cache")
    child = Ending()
    threading.Timer(0.05, before.release).start()
    lock = process._lock(tmp_path, cast(Child, child))
    assert lock is not None
    monkeypatch.setattr(process, "LOCK_S", 0.01)
    with pytest.raises(AlreadyRunningError, match="another cache holds"):
        process._lock(tmp_path, cast(Child, child))
    child.ends = True
    assert process._lock(tmp_path, cast(Child, child)) is None
    lock.release()


def test_what_one_part_raises_ends_the_others() -> None:
    async def main() -> None:
        ended: list[str] = []

        async def forever() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("it")

        async def fails() -> None:
            await asyncio.sleep(0)
            raise ClusterError("no more")

        with pytest.raises(ClusterError, match="no more"):
            await until_one_ends(forever(), fails(), forever())
        assert ended == ["it", "it"]

    asyncio.run(main())
