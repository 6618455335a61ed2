"""The publisher against a hub that is full, that goes, and that comes back."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from cluster.journal import Journal, ShardState
from cluster.wire import topic, watermark
from cluster.wire.batch import decode_batch
from cluster.wire.batch_writer import ShardWriter
from shard_worker.delivery.publisher import (
    BURST_PAUSE_SECONDS,
    BURST_SECONDS,
    WHOLE_SECONDS,
    Publisher,
)
from tests.played_loop import play

STORE = "0123456789abcdef"
Context = zmq.Context[zmq.Socket[bytes]]


@pytest.fixture
def context() -> Iterator[Context]:
    made: Context = zmq.Context()
    yield made
    made.destroy(0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal.open(tmp_path / "slot", budget_bytes=4 << 20, slot=0, cluster=STORE, boot_id="b")
    yield made
    made.close()


@pytest.fixture
def writer() -> ShardWriter:
    made = ShardWriter(STORE, ShardState(shard_id=0, shard_count=1))
    made.begin_epoch(1)
    return made


def hub(context: Context, endpoint: str, hwm: int = 1000) -> zmq.Socket[bytes]:
    """Stands in for the hub's SUB side."""
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, hwm)
    socket.subscribe(b"")
    socket.bind(endpoint)
    return socket


def emit(journal: Journal, writer: ShardWriter, publisher: Publisher, size: int = 10) -> None:
    seq = writer.state.seq + 1
    messages = writer.drain([("A", seq, b"x" * size)], 1)
    journal.append(0, messages, writer.state)
    publisher.wake()


async def until(condition: Callable[[], bool], *sockets: zmq.Socket[bytes]) -> None:
    """A socket subscribes only when its thread uses it, as the hub's proxy always does."""
    async with asyncio.timeout(60):
        while not condition():  # what changes it is ZeroMQ
            for socket in sockets:
                socket.poll(0)
            await asyncio.sleep(0.01)


async def connected(
    context: Context,
    journal: Journal,
    endpoint: str,
    *,
    hwm: int = 100,
    slot: int = 0,
    **given: Any,
) -> tuple[Publisher, zmq.Socket[bytes]]:
    """A publisher, and the hub that it is connected to. hwm: of both."""
    socket = hub(context, endpoint, hwm)
    publisher = Publisher(journal, endpoint=endpoint, hwm=hwm, cluster=STORE, slot=slot, **given)
    publisher.start(asyncio.get_running_loop())
    await until(lambda: publisher.hub_connected, socket)
    return publisher, socket


def received(socket: zmq.Socket[bytes], timeout_ms: int = 500) -> tuple[list[int], list[int]]:
    """Seqs of events, and of watermarks' rows."""
    events: list[int] = []
    marks: list[int] = []
    while socket.poll(timeout_ms):
        name, _, payload = topic.split(socket.recv())
        if name == topic.WATERMARK:
            marks += [row.seq for row in watermark.decode(payload).shards]
            if events:
                assert max(marks) <= max(events), "a watermark before what it covers"
        else:
            events += [entry.seq for entry in decode_batch(payload).events]
    return events, marks


def test_a_full_pipe_stops_the_cursor_and_nothing_is_lost(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    async def run() -> None:
        publisher, socket = await connected(context, journal, f"ipc://{tmp_path}/h", hwm=10)
        for _ in range(400):
            emit(journal, writer, publisher, size=5000)
        assert publisher.unpublished > 100, "the pipe was never full"
        assert journal.last_record == 400
        events: list[int] = []
        while len(events) < 400:
            await asyncio.sleep(0.01)
            events += received(socket, 0)[0]
        assert events == list(range(400))
        await until(lambda: publisher.unpublished == 0, socket)
        publisher.close()

    asyncio.run(run())


def test_whoever_closes_waits_for_a_full_pipe_and_not_for_ever(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    async def run() -> None:
        publisher, socket = await connected(context, journal, f"ipc://{tmp_path}/h", hwm=10)
        for _ in range(400):
            emit(journal, writer, publisher, size=5000)
        await until(lambda: publisher.unpublished > 100)
        publisher.watermark_due()
        publisher.watermark_due()
        events: list[int] = []
        marks: list[int] = []

        def take() -> None:
            more = received(socket, 0)
            events.extend(more[0])
            marks.extend(more[1])

        def read() -> None:
            while publisher.unpublished or publisher._hub.full:
                take()
            time.sleep(0.05)  # whoever hung up by now has left the hub with a part of it
            while 399 not in marks and socket.poll(30_000):
                take()

        reader = threading.Thread(target=read)
        reader.start()
        publisher.close(30_000)
        assert publisher.unpublished == 0
        reader.join()
        assert events == list(range(400))
        assert marks[-1] == 399, "the last word follows the last event"

    asyncio.run(run())


def test_a_watermark_waits_for_room_as_an_event_does(
    context: Context, journal: Journal, tmp_path: Path
) -> None:
    async def run() -> None:
        publisher, socket = await connected(context, journal, f"ipc://{tmp_path}/h", hwm=10)
        sent = 1  # the first follows the hub's arrival
        while not publisher._marks and sent < 20_000:
            publisher.watermark_due()
            sent += 1
        assert sent < 20_000, "nobody reads, and it was never full"
        got = 0
        while got < sent:
            await asyncio.sleep(0)
            if socket.poll(1):
                assert topic.split(socket.recv())[0] == topic.WATERMARK
                got += 1
        assert not publisher._marks
        assert not socket.poll(50), "more than were made"
        publisher.close()

    asyncio.run(run())


def test_a_full_pipe_that_nobody_reads_keeps_nobody(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    async def run() -> None:
        publisher, _ = await connected(context, journal, f"ipc://{tmp_path}/h", hwm=10)
        for _ in range(400):
            emit(journal, writer, publisher, size=5000)
        await until(lambda: publisher.unpublished > 100)
        publisher.close(20)
        assert publisher.unpublished > 100
        publisher.close(20)
        publisher.pump()
        publisher.wake()
        await asyncio.sleep(0)

    asyncio.run(run())


def test_while_the_hub_is_gone_the_cursor_stands_still_and_then_steps_back(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    async def run() -> None:
        endpoint = f"ipc://{tmp_path}/h"
        publisher = Publisher(journal, endpoint=endpoint, hwm=100, cluster=STORE, slot=0)
        publisher.start(asyncio.get_running_loop())
        for _ in range(5):
            emit(journal, writer, publisher)
        assert publisher.unpublished == 5, "nothing is sent to nobody"
        socket = hub(context, endpoint)
        await until(lambda: publisher.unpublished == 0, socket)
        assert received(socket)[0] == [0, 1, 2, 3, 4]
        socket.close(0)
        await until(lambda: not publisher.hub_connected)
        for _ in range(5):
            emit(journal, writer, publisher)
        assert publisher.unpublished == 5
        socket = hub(context, endpoint)
        await until(lambda: publisher.unpublished == 0, socket)
        events, marks = received(socket)
        assert events == list(range(10)), "what the hub may have lost comes again"
        assert marks, "a whole table follows"
        publisher.close()

    asyncio.run(run())


def test_a_new_process_begins_where_the_hub_was_left(
    journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    for seq in range(6):
        journal.append(0, writer.drain([("A", seq, b"")], 1), writer.state)
    endpoint = f"ipc://{tmp_path}/h"
    publisher = Publisher(
        journal, endpoint=endpoint, hwm=10, cluster=STORE, slot=0, start_after={0: (1, 2)}
    )
    assert publisher.unpublished == 3
    publisher.close()
    publisher = Publisher(journal, endpoint=endpoint, hwm=10, cluster=STORE, slot=0)
    assert publisher.unpublished == 0
    publisher.close()


@pytest.mark.parametrize("every_s", [0.001, 0.01, 0.03, 0.05, 0.2, 0.3, 5.0])
def test_the_end_of_a_burst_is_told_soon_and_seldom(
    journal: Journal, writer: ShardWriter, every_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the events come close together, each alone, or now and then."""
    came: list[float] = []
    told: list[float] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        publisher = Publisher(journal, endpoint="ipc:///no", hwm=1, cluster=STORE, slot=0)
        publisher._loop = loop  # not started: it has the burst's timer and no other
        monkeypatch.setattr(publisher, "watermark_due", lambda: told.append(loop.time()))
        for _ in range(30):
            emit(journal, writer, publisher)
            came.append(loop.time())
            await asyncio.sleep(every_s)
        await asyncio.sleep(BURST_PAUSE_SECONDS + 2 * BURST_SECONDS)
        publisher.close()

    play(scenario)
    pauses = [later - sooner for sooner, later in itertools.pairwise(told)]
    assert min(pauses, default=1.0) >= BURST_PAUSE_SECONDS - 1e-6
    assert BURST_SECONDS / 2 <= told[-1] - came[-1] <= BURST_PAUSE_SECONDS + 2 * BURST_SECONDS
    if every_s < BURST_SECONDS:
        assert len(told) == 1
        assert told[0] - came[-1] <= 2 * BURST_SECONDS
    if every_s > BURST_PAUSE_SECONDS:
        assert told == pytest.approx([at + BURST_SECONDS for at in came])


def test_watermarks_tell_what_changed_and_come_when_nothing_does(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    async def run() -> None:
        publisher, socket = await connected(context, journal, f"ipc://{tmp_path}/h", slot=7)
        received(socket, 50)
        emit(journal, writer, publisher)
        publisher.watermark_due()
        publisher.watermark_due()
        publisher.watermark_due(whole=True)
        publisher.close(1000)
        marks = []
        while socket.poll(200):
            name, number, payload = topic.split(socket.recv())
            if name == topic.WATERMARK:
                assert number == 7
                marks.append(watermark.decode(payload))
        rows = [[(row.base, row.seq, row.last) for row in mark.shards] for mark in marks]
        assert rows == [[(-1, 0, [("A", 0)])], [], [(-1, 0, [("A", 0)])]]
        assert [mark.whole for mark in marks] == [False, False, True]
        socket.close(0)

    asyncio.run(run())


def test_what_is_known_to_be_out_is_not_sent_again(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    """The coordinator tells which watermark came out of the hub: what it covers has."""

    async def run() -> None:
        endpoint = f"ipc://{tmp_path}/h"
        publisher, socket = await connected(context, journal, endpoint)
        for _ in range(5):
            emit(journal, writer, publisher)
        await until(lambda: publisher.unpublished == 0, socket)
        publisher.watermark_due()
        out = last_mark(socket, 4)
        for _ in range(3):
            emit(journal, writer, publisher)
        await until(lambda: publisher.unpublished == 0, socket)
        publisher.watermark_out(out)
        publisher.watermark_out(out - 1)  # late, and said already
        socket.close(0)
        await until(lambda: not publisher.hub_connected)
        socket = hub(context, endpoint)
        await until(lambda: publisher.unpublished == 0 and publisher.hub_connected, socket)
        assert received(socket)[0] == [5, 6, 7]
        publisher.close()

    asyncio.run(run())


class Clocks:
    """A wall clock that can be set, and a monotonic one that can't."""

    def __init__(self) -> None:
        self.passed = 100.0
        self.set_by_s = 0.0

    def wall_ns(self) -> int:
        return int((1_800_000_000 + self.passed + self.set_by_s) * 1e9)


@pytest.mark.parametrize("step_s", [-3600.0, 315_360_000.0])
def test_a_clock_that_is_set_stops_no_watermark_and_nothing_that_is_known_to_be_out(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path, step_s: float
) -> None:
    async def run() -> None:
        clocks = Clocks()
        endpoint = f"ipc://{tmp_path}/h"
        publisher, socket = await connected(
            context, journal, endpoint, clock=lambda: clocks.passed, clock_ns=clocks.wall_ns
        )
        emit(journal, writer, publisher)
        publisher.watermark_due()
        last_mark(socket, 0)  # it comes out, and before it is told the clock is set
        clocks.set_by_s, clocks.passed = step_s, clocks.passed + 1.0
        emit(journal, writer, publisher)
        publisher.watermark_due()
        publisher.watermark_out(last_mark(socket, 1))
        clocks.passed += WHOLE_SECONDS
        publisher._on_timer()
        marks = received_marks(socket)
        assert [mark.whole for mark in marks] == [True], "every ten seconds by no clock on a wall"
        clocks.passed += 1.0
        publisher._on_timer()
        assert [mark.whole for mark in received_marks(socket)] == [False]
        emit(journal, writer, publisher)
        await until(lambda: publisher.unpublished == 0, socket)
        socket.close(0)
        await until(lambda: not publisher.hub_connected)
        socket = hub(context, endpoint)
        await until(lambda: publisher.unpublished == 0 and publisher.hub_connected, socket)
        assert received(socket, 100)[0] == [2], "what is known to be out is not sent again"
        publisher.close()

    asyncio.run(run())


@pytest.mark.parametrize("ahead_ns", [-1, 3600 * 10**9])
def test_a_watermark_of_the_process_before_says_nothing_of_this_one(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path, ahead_ns: int
) -> None:
    async def run() -> None:
        endpoint = f"ipc://{tmp_path}/h"
        publisher, socket = await connected(context, journal, endpoint)
        emit(journal, writer, publisher)
        publisher.watermark_due()
        publisher.watermark_out(last_mark(socket, 0) + ahead_ns)
        socket.close(0)
        await until(lambda: not publisher.hub_connected)
        socket = hub(context, endpoint)
        await until(lambda: publisher.unpublished == 0 and publisher.hub_connected, socket)
        assert received(socket, 100)[0] == [0]
        publisher.close()

    asyncio.run(run())


def received_marks(socket: zmq.Socket[bytes]) -> list[watermark.Watermark]:
    """The watermarks that have come; at least one is awaited."""
    marks: list[watermark.Watermark] = []
    while socket.poll(50 if marks else 5000):
        name, _, payload = topic.split(socket.recv())
        if name == topic.WATERMARK:
            marks.append(watermark.decode(payload))
    return marks


def last_mark(socket: zmq.Socket[bytes], seq: int) -> int:
    """When the watermark that covers a seq was made."""
    while socket.poll(5000):
        name, _, payload = topic.split(socket.recv())
        if name == topic.WATERMARK:
            mark = watermark.decode(payload)
            if any(row.seq == seq for row in mark.shards):
                return mark.sent_ns
    raise AssertionError("no such watermark")


def test_what_is_held_back_is_never_sent_and_what_follows_is(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    async def run() -> None:
        publisher, socket = await connected(context, journal, f"ipc://{tmp_path}/h", held=True)
        for _ in range(5):
            emit(journal, writer, publisher)
        publisher.watermark_due(whole=True)
        assert received(socket, 100) == ([], []), "not even a watermark"
        assert publisher.unpublished == 0
        publisher.publish_from_here()
        for _ in range(2):
            emit(journal, writer, publisher)
        events: list[int] = []
        marks: list[int] = []
        while len(events) < 2:
            more = received(socket, 100)
            events, marks = events + more[0], marks + more[1]
            await asyncio.sleep(0)
        assert events == [5, 6]
        assert marks[0] == 4, "from where on it counts"
        publisher.close()

    asyncio.run(run())


def test_shards_that_moved_or_are_of_another_count_stand_in_no_whole_watermark(
    context: Context, journal: Journal, writer: ShardWriter, tmp_path: Path
) -> None:
    moved = ShardWriter(STORE, ShardState(shard_id=1, shard_count=1))
    other = ShardWriter(STORE, ShardState(shard_id=2, shard_count=7))
    for shard in (writer, moved, other):
        if shard is not writer:
            shard.begin_epoch(1)
        state = shard.state
        journal.append(state.shard_id, shard.drain([("A", 0, b"{}")], 1), state)
    moved.state.moved_to = 4
    journal.append(1, [], moved.state)

    async def run() -> None:
        publisher, socket = await connected(context, journal, f"ipc://{tmp_path}/h", shard_count=1)
        publisher.watermark_due(whole=True)
        rows = []
        while socket.poll(500):
            _, _, payload = topic.split(socket.recv())
            rows += [row.shard_id for row in watermark.decode(payload).shards]
        assert set(rows) == {0}
        publisher.close()

    asyncio.run(run())
