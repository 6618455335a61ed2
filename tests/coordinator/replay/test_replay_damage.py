"""A damaged journal kills whoever maps it: the replay server, once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import struct
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zmq

from cluster.endpoints.paths import ClusterPaths
from cluster.errors import ClusterError
from cluster.journal import Journal, ShardState, schema
from cluster.journal.read_marker import NAME, REFUSED, ReadMarker
from cluster.journal.schema import DATA
from cluster.subscriber.chain import RangeAsk, RangeReply
from cluster.subscriber.replay_client import NoAnswerError, ReplayClient
from cluster.wire.batch_writer import ShardWriter
from coordinator.children.replay import ReplayProcess
from coordinator.children.restarting_process import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    NOT_STARTED_WAIT_S,
    RestartingProcess,
)
from coordinator.health import Health

STORE = "0123456789abcdef"
LARGE = b"x" * 9000
"""A value that gets pages of its own, so that its length stands apart from it."""
LEAF, KEYS_AT, KEY_BYTES = 2, 16, 10


def journal(paths: ClusterPaths, slot: int) -> None:
    """Write the journal of a slot: shard ``slot`` of two, six drains."""
    made = Journal.open(
        paths.journal(slot), budget_bytes=1 << 20, slot=slot, cluster=STORE, boot_id="boot"
    )
    writer = ShardWriter(STORE, ShardState(shard_id=slot, shard_count=2))
    writer.begin_epoch(1)
    for seq in range(6):
        made.append(slot, writer.drain([("A", seq, LARGE)], 1), writer.state)
    made.close()


def damage(data: Path) -> None:
    """Make every record say that it is a gigabyte long: LMDB believes it, and reads beyond the
    map."""
    pages = bytearray(data.read_bytes())
    damaged = 0
    for page in range(2 * schema.PAGE, len(pages), schema.PAGE):
        flags, lower = struct.unpack_from("<HH", pages, page + 10)
        if flags != LEAF or not KEYS_AT <= lower <= schema.PAGE:
            continue
        for place in range(KEYS_AT, lower, 2):
            (node,) = struct.unpack_from("<H", pages, page + place)
            if struct.unpack_from("<H", pages, page + node + 6)[0] == KEY_BYTES:
                struct.pack_into("<H", pages, page + node + 2, 0x3FFF)
                damaged += 1
    assert damaged >= 6
    with data.open("r+b") as file:
        file.write(pages)


@pytest.fixture
def paths(short_folder: Path) -> ClusterPaths:
    made = ClusterPaths(name="c", state_dir=short_folder, runtime_dir=short_folder)
    made.logs.mkdir()
    for slot in (0, 1):
        journal(made, slot)
    return made


Scenario = Callable[[ReplayProcess, ReplayClient], Coroutine[object, object, None]]


def serving(paths: ClusterPaths, scenario: Scenario) -> None:
    async def main() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        client = ReplayClient(context, paths.replay)
        loop = asyncio.get_running_loop()
        server = ReplayProcess.for_cluster(paths, STORE, loop.time, stop_s=5.0)
        running = asyncio.ensure_future(server.run())
        try:
            async with asyncio.timeout(60):
                await scenario(server, client)
        finally:
            client.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            context.term()

    asyncio.run(main())


async def until_answered(ask: Callable[[], Awaitable[RangeReply]]) -> RangeReply:
    while True:
        try:
            return await ask()
        except NoAnswerError:
            pass  # As a subscriber does: it is asked again.


def test_it_dies_once_and_what_only_that_journal_held_is_gone(
    paths: ClusterPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.subscriber.replay_client.ANSWER_SECONDS", 1.5)
    damage(paths.journal(0) / DATA)

    async def scenario(server: ReplayProcess, client: ReplayClient) -> None:
        for _ in range(3):
            answer = await until_answered(lambda: client.range(2, 0, RangeAsk(1, -1, 5), None))
            assert (answer.batches, answer.gone) == ([], [(0, 5)])
        assert (answer.reached, answer.more) == (5, False)
        whole = await client.range(2, 1, RangeAsk(1, -1, None), None)
        assert [batch.last for _, batch in whole.batches] == list(range(6))
        heads = await client.heads()
        assert [row.shard_id for row in heads.shards] == [1]
        assert heads.unreadable == 1
        assert server.restarts == 1
        assert server.unreadable() == ["slot-0"]
        nothing: Any = SimpleNamespace(
            refused=0, trouble="", full=list, listener=SimpleNamespace(full=False, name="control")
        )
        health = Health(paths.logs, nothing, nothing, nothing, nothing, server, None, None, None)
        log = paths.logs / "replay.log"
        assert health.troubles() == [
            f"the replay server was restarted 1 time: see {log}",
            f"the journal slot-0 is damaged, what only it holds is gone: see {log}",
        ]
        with ReadMarker(paths.journals / NAME) as marker:
            marker.full = True
        nothing.listener.full = True
        assert health.troubles()[-1].startswith(
            "no more connections are let in to control, control, replay: each process may have "
        )
        text = (paths.logs / "replay.log").read_text()
        assert "slot-0 is not read" in text

    serving(paths, scenario)
    # Another coordinator's server knows it too; a journal made anew is another.
    paths.journal(0).rename(paths.journals / "aside")
    journal(paths, 0)

    async def anew(server: ReplayProcess, client: ReplayClient) -> None:
        answer = await until_answered(lambda: client.range(2, 0, RangeAsk(1, -1, 5), None))
        assert (len(answer.batches), answer.gone) == (6, [])
        assert server.restarts == 0

    (paths.journals / "aside" / DATA).unlink()
    serving(paths, anew)


def test_a_death_by_another_hand_is_nobodys_fault(paths: ClusterPaths) -> None:
    inode = (paths.journal(0) / DATA).stat().st_ino

    async def run(number: int) -> list[int]:
        code = f"""
import os, signal, sys, time
from pathlib import Path
from cluster.journal.read_marker import ReadMarker
sys.stdin.readline()
ReadMarker(Path({str(paths.journals / NAME)!r})).now = {inode}
if not Path({str(paths.logs / "died")!r}).exists():
    Path({str(paths.logs / "died")!r}).touch()
    os.kill(os.getpid(), {number})
Path({str(paths.logs / "again")!r}).touch()
time.sleep(60)
"""
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        server = ReplayProcess(
            [sys.executable, "-c", code], b"", paths.logs, clock=lambda: 0.0, stop_s=5.0,
            journals=paths.journals, sleep=sleep,
        )  # fmt: skip
        running = asyncio.ensure_future(server.run())
        async with asyncio.timeout(60):
            while not (paths.logs / "again").exists():  # noqa: ASYNC110  # it tells by a file
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert slept == [FIRST_WAIT_S]
        for name in ("again", "died"):
            (paths.logs / name).unlink()
        with ReadMarker(paths.journals / NAME) as reading:
            return reading.refused

    assert asyncio.run(run(signal.SIGKILL)) == []
    assert asyncio.run(run(signal.SIGABRT)) == [inode]


@pytest.mark.parametrize(
    ("status", "longest"),
    [(-signal.SIGKILL, LONGEST_WAIT_S), (1, LONGEST_WAIT_S), (None, NOT_STARTED_WAIT_S)],
)
def test_who_waits_for_a_child_does_not_wait_long(
    status: int | None, longest: float, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it ended before, and of whatever; the log says it in a few lines."""
    slept = list[float]()

    async def start() -> Any:
        async def wait() -> int:
            assert status is not None
            return status

        if status is None:
            raise ClusterError("a port is taken")
        return SimpleNamespace(pid=1, running=False, wait=wait, last_words=str)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 20:
            raise asyncio.CancelledError

    process = RestartingProcess("child", start, clock=lambda: 0.0, stop_s=1.0, sleep=sleep)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(process.run())
    assert (slept[0], max(slept)) == (FIRST_WAIT_S, longest)
    assert longest <= 5.0
    said = [record.message.partition(" times")[0] for record in caplog.records]
    assert said[1:] == [f"the child ended ({times}" for times in (2, 4, 8, 16)]


def test_the_note_outlives_its_writer_and_forgets_what_is_no_more(tmp_path: Path) -> None:
    with ReadMarker(tmp_path / NAME) as reading:
        assert (reading.now, reading.refused, reading.full) == (0, [], False)
        reading.now, reading.full = 7, True
        for inode in range(1, REFUSED + 3):
            reading.refuse(inode)
        reading.refuse(5)
    with ReadMarker(tmp_path / NAME) as reading:
        assert (reading.now, reading.full) == (7, True)
        assert reading.refused == [3, 4, *range(6, REFUSED + 3), 5]
        reading.keep([5, 9])
        assert reading.refused == [9, 5]
        assert reading.now == 7
    assert os.stat(tmp_path / NAME).st_mode & 0o777 == 0o600
