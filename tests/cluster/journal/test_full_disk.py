"""A journal on a full file system: no SIGBUS, nothing lost in silence, and it comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import lmdb
import pytest

from cluster.journal import Journal, RangeQuery, schema
from cluster.journal.history import History
from cluster.journal.pages import Pages
from cluster.journal.schema import DATA, LOCK
from cluster.lmdb_files.disk import lock_bytes
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import ShardState
from tests.cluster.journal import journal_child
from tests.cluster.journal.journal_rig import reading
from tests.fuzz.small_disk import Disk, small_disk

MIB = 1024 * 1024
BUDGET = MIB
DATA_BYTES = b"x" * 1000


class Clock:
    ns = 1_000_000_000

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 8 * MIB) as made:
        yield made


def opened(disk: Disk, clock: Clock) -> Journal:
    return Journal.open(
        disk.folder / "slot-0", budget_bytes=BUDGET, slot=0, cluster=journal_child.STORE,
        boot_id="boot", clock_ns=clock,
    )  # fmt: skip


def writer_of(journal: Journal) -> ShardWriter:
    known = {state.shard_id: state for state in journal.states().values()}
    state = known.get(0)
    writer = ShardWriter(journal_child.STORE, state or ShardState(shard_id=0, shard_count=1))
    if state is None:
        writer.begin_epoch(1, session_id="session")
    return writer


def append(journal: Journal, writer: ShardWriter, drains: int = 1) -> None:
    """Drains of two events, each of which must be there to publish at once."""
    for _ in range(drains):
        seq, record = writer.state.seq, journal.last_record
        messages = writer.drain([("A", seq + 1, DATA_BYTES), ("A", seq + 2, DATA_BYTES)], 1)
        journal.append(0, messages, writer.state)
        journal.flush()
        found = journal.after(record)
        assert found is not None
        assert list(found.messages) == messages
        journal.release(record)


def is_journalling(journal: Journal) -> bool:
    return journal.journalling


def reached(journal: Journal, disk: Disk) -> tuple[int, list[tuple[int, int]]]:
    """How far a reader gets, and what it is told is gone."""
    history = History(disk.folder, journal_child.STORE, lambda _: reading(journal))
    part = history.read(RangeQuery(0, 1, 1, -1, max_bytes=1 << 30, seconds=1e9))
    return part.reached, part.gone


def test_what_was_allocated_is_not_touched_by_a_full_disk(disk: Disk) -> None:
    """The file has its length from the start: it is written round and round."""
    clock = Clock()
    journal = opened(disk, clock)
    disk.fill()
    writer = writer_of(journal)
    append(journal, writer, 2000)
    assert is_journalling(journal)
    assert journal.unjournalled == 0
    assert (disk.folder / "slot-0" / LOCK).stat().st_blocks * 512 >= lock_bytes(schema.MAX_READERS)
    reader = reading(journal)
    assert reader.heads()[0].state.seq == writer.state.seq
    journal.close()
    again = opened(disk, clock)  # a new process, for which there is no room either
    assert not again.set_aside
    assert writer_of(again).state.seq == writer.state.seq
    append(again, writer_of(again), 10)
    assert is_journalling(again)
    again.close()


def test_a_disk_that_has_too_little_room_from_the_start(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    """Not allocated, so it fills: said, unjournalled, and journalled again when there is room; what
    was not journalled is a range that is gone."""
    disk.fill(leaving=300_000)
    clock = Clock()
    journal = opened(disk, clock)
    assert is_journalling(journal)
    assert (disk.folder / "slot-0" / DATA).stat().st_blocks * 512 < MIB
    writer = writer_of(journal)
    append(journal, writer, 400)
    assert not is_journalling(journal)
    assert 100 < journal.unjournalled < 400
    assert caplog.text.count("events go out unjournalled") == 1
    before, _ = reached(journal, disk)
    clock.ns += 2_000_000_000
    append(journal, writer)
    assert not is_journalling(journal), "it was tried again, and there is no room"
    disk.empty()
    clock.ns += 2_000_000_000
    lost = writer.state.seq
    append(journal, writer, 5)
    assert is_journalling(journal)
    assert "is written again" not in caplog.text, "a second has not passed"
    clock.ns += 1_000_000_000
    append(journal, writer)
    assert "is written again" in caplog.text
    assert reached(journal, disk) == (writer.state.seq, [(before + 1, lost)])
    journal.close()
    again = opened(disk, clock)
    assert writer_of(again).state.seq == writer.state.seq
    again.close()


def test_what_a_full_disk_takes_now_and_then_does_not_end_the_suspension(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    """Every second it has room for states and perhaps a drain, in pages that are free in the file.
    What came after the last of them is gone, though nothing comes after it."""
    disk.fill(leaving=300_000)
    clock, random = Clock(), Random(1)
    journal = opened(disk, clock)
    writer = writer_of(journal)

    def append_one() -> None:
        data = b"x" * random.choice([150, 300, 450, 700, 1200])
        journal.append(0, writer.drain([("A", writer.state.seq + 1, data)], 1), writer.state)
        journal.flush()
        journal.release(journal.last_record)
        clock.ns += 5_000_000

    while is_journalling(journal):
        append_one()
    returns = 0
    for _ in range(10 * 200):
        before = is_journalling(journal)
        journal.retry()
        returns += is_journalling(journal) and not before
        append_one()
        assert journal.suspended
    assert returns > 0
    assert "is written again" not in caplog.text
    for _ in range(10):  # nothing is received, and states alone are taken
        clock.ns += 1_000_000_000
        journal.retry()
        assert (is_journalling(journal), journal.suspended) == (True, True)
    while is_journalling(journal):
        append_one()
    disk.empty()
    for _ in range(2):
        clock.ns += 1_000_000_000
        assert journal.suspended
        journal.retry()
    assert not journal.suspended
    assert caplog.text.count("can't be written") == caplog.text.count("is written again") == 1
    seq, gone = reached(journal, disk)
    assert seq == writer.state.seq == gone[-1][1]
    journal.close()


def test_a_journal_that_was_allocated_needs_no_more_room_to_be_written_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    journal = opened(disk, clock)
    disk.fill()
    writer = writer_of(journal)

    def full(*_: object) -> None:
        raise lmdb.MapFullError("a reader pins all pages")

    with monkeypatch.context() as patched:
        patched.setattr(Pages, "_transaction", full)
        append(journal, writer)
    clock.ns += 1_000_000_000
    append(journal, writer)
    assert (is_journalling(journal), journal.suspended) == (True, True)
    clock.ns += 1_000_000_000
    append(journal, writer)
    assert not journal.suspended
    journal.close()


@pytest.mark.parametrize("leaving", [0, 4096, 8192, 40_960, 61_440])
def test_no_room_to_begin_with(disk: Disk, leaving: int, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever it ends: events go out, and what there is room for later is journalled."""
    disk.fill(leaving)
    clock = Clock()
    for _ in range(4):  # as a worker that is started again and again; nobody died of anything
        journal = opened(disk, clock)
        assert not journal.set_aside
        writer = writer_of(journal)
        for _ in range(3):
            append(journal, writer, 50)
            assert not is_journalling(journal)
            clock.ns += 2_000_000_000  # it is tried again
        assert journal.stats.bytes < 60_000
        journal.close()
    disk.empty()
    journal = opened(disk, clock)
    writer = writer_of(journal)
    append(journal, writer, 5)
    assert is_journalling(journal)
    journal.close()


@pytest.mark.parametrize("how", ["drain", "retry", "close"])
def test_the_states_of_quiet_shards_are_written_when_there_is_room(disk: Disk, how: str) -> None:
    """The next process resumes the session that lives, and not the one that died meanwhile."""
    disk.fill(leaving=300_000)
    clock = Clock()
    journal = opened(disk, clock)
    busy = writer_of(journal)
    quiet = ShardWriter(journal_child.STORE, ShardState(shard_id=1, shard_count=2))
    quiet.begin_epoch(1, session_id="died")
    journal.append(1, quiet.drain([("A", 1, DATA_BYTES)], 1), quiet.state)
    journal.flush()
    append(journal, busy, 400)
    assert not is_journalling(journal)
    quiet.begin_epoch(2, session_id="lives")
    journal.append(1, quiet.drain([("A", 1, DATA_BYTES)], 1), quiet.state)
    journal.flush()
    disk.empty()
    clock.ns += 2_000_000_000
    if how == "drain":
        append(journal, busy)
    elif how == "retry":
        journal.retry()
    assert is_journalling(journal) == (how != "close")
    journal.close()
    again = opened(disk, clock)
    state = again.states()[ShardKey(2, 1)]
    assert (state.epoch, state.session_id) == (2, "lives")
    assert again.states()[ShardKey(1, 0)].seq == busy.state.seq
    again.close()


def test_it_comes_back_in_the_same_process_too(disk: Disk) -> None:
    disk.fill()
    clock = Clock()
    journal = opened(disk, clock)
    writer = writer_of(journal)
    append(journal, writer, 50)
    assert (journal.record_before({0: (1, 5)}), journal.check_readers()) == (journal.last_record, 0)
    journal.sync()
    disk.empty()
    clock.ns += 2_000_000_000
    lost = writer.state.seq
    append(journal, writer, 5)
    assert is_journalling(journal)
    assert reached(journal, disk) == (writer.state.seq, [(0, lost)])
    journal.close()
