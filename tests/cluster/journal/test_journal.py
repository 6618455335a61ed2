"""The journal: what is written is there for the next process, within the budget, or said not to."""

from __future__ import annotations

import errno
import inspect
import os
import time
from pathlib import Path
from typing import Any

import lmdb
import pytest

from cluster.journal import (
    Journal,
    RangeQuery,
    ShardState,
    environment,
    manifest,
)
from cluster.journal.history import History
from cluster.journal.pages import Pages
from cluster.journal.recent import RECENT_BYTES
from cluster.journal.suspension import RETRY_NS, TRUSTED_NS
from cluster.wire import topic
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import ShardKey
from tests.cluster.journal.journal_rig import STORE, Clock, fill, opened, reading, shard_writer


def test_the_next_process_finds_the_state_and_the_events(tmp_path: Path) -> None:
    journal, writer = opened(tmp_path), shard_writer()
    sent = fill(journal, writer, 10, 20) + fill(journal, writer, 100_000, 5)
    journal.close()
    journal = opened(tmp_path)
    assert journal.states() == {(4, 0): writer.state}
    assert journal.last_record == len(sent)
    assert (tmp_path / "slot-0").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "slot-0" / "data.mdb").stat().st_mode & 0o777 == 0o600
    read: list[bytes] = []
    while found := journal.after(len(read)):
        read += found.messages
    assert read == sent
    assert reading(journal).read(RangeQuery(0, 4, 1, -1)).messages == sent
    journal.close()


def test_another_state_of_a_shard_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """A shard that moved away and came back goes on from what the other slot knew."""
    journal, before = opened(tmp_path), shard_writer()
    fill(journal, before, 1)
    again = ShardWriter(STORE, ShardState(shard_id=0, shard_count=4))
    again.begin_epoch(7, session_id="of the other slot")
    fill(journal, again, 1)
    assert journal.states()[ShardKey(4, 0)] is again.state
    journal.close()
    journal = opened(tmp_path)
    assert journal.states()[ShardKey(4, 0)].epoch == 7
    journal.close()


def test_a_slice_ends_between_drains_and_names_are_filtered(tmp_path: Path) -> None:
    journal, writer = opened(tmp_path), shard_writer()
    for _ in range(50):
        fill(journal, writer, 500, 500, 500)
    reader = reading(journal)
    after, rounds, read = -1, 0, []
    while True:
        reach = reader.read(RangeQuery(0, 4, 1, after, names=frozenset("A"), max_bytes=4000))
        read += reach.messages
        rounds += 1
        assert reach.reached % 3 == 2, "a whole drain, the first of which begins with 0"
        after = reach.reached
        if not reach.more:
            break
    assert rounds > 5
    assert after == writer.state.seq
    assert {topic.name_of(message) for message in read} == {b"A"}
    assert len(read) == 50
    journal.close()


def test_a_journal_that_cant_be_trusted_is_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "slot-0"
    journal, writer = opened(tmp_path), shard_writer()
    fill(journal, writer, 10)
    journal.close()
    opened(tmp_path, boot="after a clean stop").close()
    journal = opened(tmp_path, boot="b")
    assert not journal.set_aside
    assert journal.states()
    journal.env().close()  # As a crash of the host would leave it: not marked clean.
    journal = opened(tmp_path, boot="c")
    assert "rebooted" in journal.set_aside
    assert not journal.states()
    journal.close()
    data = (folder / "data.mdb").read_bytes()
    (folder / "data.mdb").write_bytes(data[: 3 * 4096])
    journal = opened(tmp_path, boot="c")
    assert "truncated" in journal.set_aside
    journal.close()
    (folder / "data.mdb").write_bytes(b"no journal at all" * 1000)
    journal = opened(tmp_path, boot="c")
    assert "meta pages" in journal.set_aside
    journal.close()


def promised(journal: Journal) -> bool:
    return journal.journalling


class Failing:
    """A database environment whose disk is full, for as long as ``full``."""

    def __init__(self, env: lmdb.Environment) -> None:
        self.env, self.full = env, False

    def begin(self, *args: Any, **options: Any) -> Any:
        if self.full and options.get("write"):
            raise lmdb.DiskError("mdb_txn_commit: No space left on device")
        return self.env.begin(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)


def test_a_full_disk_suspends_the_promise_and_it_comes_back(tmp_path: Path) -> None:
    clock = Clock()
    journal, writer = opened(tmp_path, clock=clock), shard_writer()
    disk = Failing(journal.env())
    assert journal._pages is not None
    journal._pages.env = disk  # type: ignore[assignment]  # what a disk does can't be had otherwise
    fill(journal, writer, 10)
    disk.full = True
    lost = fill(journal, writer, 10, 10)
    assert not promised(journal)
    held = journal.after(1)
    assert held is not None
    assert [held.messages] == [lost]
    clock.ns += 2_000_000_000
    disk.full = False
    fill(journal, writer, 10)
    assert promised(journal)
    assert journal.unjournalled == 1
    reader = reading(journal)
    assert reader.read(RangeQuery(0, 4, 1, -1)).reached == 0
    assert reader.read(RangeQuery(0, 4, 1, 0)).start == 3
    history = History(tmp_path, STORE, lambda _: reader)
    part = history.read(RangeQuery(0, 4, 1, -1))
    assert (part.gone, part.reached) == ([(1, 2)], 3)
    journal.close()


def test_it_is_tried_again_once_a_second_and_only_while_it_has_failed(tmp_path: Path) -> None:
    clock = Clock()
    journal, writer = opened(tmp_path, clock=clock), shard_writer()
    assert journal._pages is not None
    journal._pages.env = disk = Failing(journal.env())  # type: ignore[assignment]
    clock.ns += 2 * RETRY_NS
    disk.full = True
    journal.retry()
    assert promised(journal), "nothing has failed, so nothing is tried"
    fill(journal, writer, 10)
    disk.full = False
    clock.ns += RETRY_NS - 1
    journal.retry()
    assert not promised(journal), "not yet"
    clock.ns += 1
    journal.retry()
    assert promised(journal)
    journal.close()


def test_that_nothing_can_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was written before, or found no room to begin with."""
    clock = Clock()

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(environment, "open_for_writing", full)
        journal, writer = opened(tmp_path, clock=clock), shard_writer()
        for _ in range(3):
            assert not promised(journal)
            assert caplog.text.count("can't be written") == 1
            fill(journal, writer, 10)
            clock.ns += RETRY_NS
    for passed_ns in (0, TRUSTED_NS - 1):
        clock.ns += passed_ns
        fill(journal, writer, 10)
        assert (journal.journalling, journal.suspended) == (True, True)
        assert "is written again" not in caplog.text
    clock.ns += 1
    journal.retry()
    assert not journal.suspended
    assert caplog.text.count("is written again; 3 drains are not in it") == 1
    with monkeypatch.context() as patched:
        patched.setattr("cluster.journal.pages.Pages._transaction", _no_room)
        for _ in range(3):
            fill(journal, writer, 10)
            assert not promised(journal)
            assert caplog.text.count("can't be written") == 2
            assert caplog.text.count("can't be written: No space left") == 1
            clock.ns += RETRY_NS
    journal.close()


@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize("found_by", ["first_beyond", "read_after", "write"])
def test_a_file_that_turns_out_to_be_damaged_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    found_by: str, room: bool,
) -> None:  # fmt: skip
    """What is known of the shards goes into the new one, as soon as there is room for it."""
    clock = Clock()
    journal, writer = opened(tmp_path, clock=clock), shard_writer()
    fill(journal, writer, 10)
    journal.release(1)
    before = journal.env()

    def damaged(*_: Any) -> Any:
        damage.undo()
        raise lmdb.CorruptedError("a page")

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        damage = pytest.MonkeyPatch()
        damage.setattr(Pages, found_by, damaged)
        if not room:
            patched.setattr(environment, "open_for_writing", full)
        if found_by == "first_beyond":
            assert journal.record_before({0: (1, -1)}) == 1
        elif found_by == "read_after":
            assert journal.after(0) is None
        else:
            sent = fill(journal, writer, 20)
            reader = reading(journal) if room else None
            assert reader is None or reader.read(RangeQuery(0, 4, 1, -1)).messages == sent
        assert journal.set_aside == "it is damaged: a page"
        assert promised(journal) is room
        if not room:
            assert f"can't be written: [Errno {errno.ENOSPC}]" in caplog.text
            assert (journal.stats.bytes, journal.check_readers()) == (0, 0)
            clock.ns += RETRY_NS - 1
            journal.retry()
    with pytest.raises(lmdb.Error):
        before.stat()
    if not room:
        journal.retry()
        assert not promised(journal), "not yet"
        clock.ns += 1
        journal.retry()
    assert promised(journal)
    fill(journal, writer, 30)
    journal.close()
    journal = opened(tmp_path)
    assert journal.states() == {(4, 0): writer.state}
    journal.close()


def test_memory_is_bounded_and_the_file_read_instead(tmp_path: Path) -> None:
    journal, writer = opened(tmp_path, budget=32 << 20), shard_writer()
    sent = [message for _ in range(30) for message in fill(journal, writer, 400_000)]
    assert sum(recent.bytes for recent in journal.recent) <= RECENT_BYTES + 500_000
    read: list[bytes] = []
    while found := journal.after(len(read)):
        read += found.messages
        journal.release(len(read))
    assert read == sent
    assert not journal.recent
    journal.close()


def test_memory_holds_what_the_publisher_is_not_past(tmp_path: Path) -> None:
    journal, writer = opened(tmp_path), shard_writer()
    first, second = fill(journal, writer, 1, 1), fill(journal, writer, 1)  # two records, and one
    for record, found in ((0, first), (1, first), (2, second), (3, None), (4, None)):
        after = journal.after(record)
        assert (after and [*after.messages]) == found
    assert journal.after(0) is next(iter(journal.recent)), "it is not read back"
    journal.release(1)
    assert [recent.first_record for recent in journal.recent] == [1, 3]
    journal.release(2)
    assert [recent.first_record for recent in journal.recent] == [3]
    journal.release(3)
    assert not journal.recent
    for _ in range(3):  # what was released counts no more
        for _ in range(5):
            fill(journal, writer, RECENT_BYTES // 6)
        assert len(journal.recent) == 5
        journal.release(journal.last_record)
    journal.close()


def test_what_neither_memory_nor_the_file_holds_is_passed_over(tmp_path: Path) -> None:
    journal, writer = opened(tmp_path), shard_writer()
    assert journal._pages is not None
    journal._pages.env = disk = Failing(journal.env())  # type: ignore[assignment]
    disk.full = True
    for _ in range(12):
        fill(journal, writer, RECENT_BYTES // 8)
    oldest = next(iter(journal.recent))
    assert oldest.first_record > 1
    assert journal.after(0) is oldest
    assert journal.after(oldest.first_record - 1) is oldest
    journal.close()


def test_the_cursor_begins_where_the_hub_was_left(tmp_path: Path) -> None:
    journal, first, second = opened(tmp_path), shard_writer(0), shard_writer(1)
    fill(journal, first, 1)  # record 1, seq 0
    fill(journal, second, 1)  # record 2
    fill(journal, first, 1)  # record 3, seq 1
    assert journal.record_before({0: (1, 0), 1: (1, 0)}) == 2
    assert journal.record_before({0: (1, 1), 1: (1, -1)}) == 1
    assert journal.record_before({0: (1, 1), 1: (1, 0)}) == 3
    journal.close()


def test_epochs_are_told_of(tmp_path: Path) -> None:
    journal, writer = opened(tmp_path), shard_writer()
    fill(journal, writer, 1, 1)
    writer.begin_epoch(3)
    fill(journal, writer, 1)
    reader = reading(journal)
    assert reader.facts(0, 4, 1)[:2] == (1, 3)
    assert reader.facts(0, 4, 3) == (None, None, 0, False)
    journal.append(0, writer.end_epoch("op 9", 0), writer.state)
    journal.flush()
    assert reader.facts(0, 4, 3) == (0, None, 0, False)
    assert reader.read(RangeQuery(0, 4, 3, 0)).messages == []
    journal.close()


def test_another_clusters_journal_is_not_taken(tmp_path: Path) -> None:
    opened(tmp_path).close()
    journal = Journal.open(
        tmp_path / "slot-0", budget_bytes=1 << 20, slot=0, cluster="another", boot_id="boot"
    )
    assert "belongs" in journal.set_aside
    journal.close()


def test_a_closed_journal_closes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    fill(journal, shard_writer(), 10)
    monkeypatch.delattr(Pages, "write")  # all is written by now
    journal.close()
    journal.close()
    with pytest.raises(lmdb.Error):
        journal.sync()


@pytest.mark.parametrize("step_s", [-3600, 3600, -315_360_000, 315_360_000])
def test_a_clock_that_is_set_moves_neither_the_next_try_nor_the_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    wall, passed = 1_800_000_000 * 10**9, 50 * 10**9
    journal = Journal.open(
        tmp_path / "slot-0", budget_bytes=1 << 20, slot=0, cluster=STORE, boot_id="boot",
        clock_ns=lambda: passed, unix_ns=lambda: wall,
    )  # fmt: skip
    writer = shard_writer()
    fill(journal, writer, 10)
    with monkeypatch.context() as patch:
        patch.setattr("cluster.journal.pages.Pages._transaction", _no_room)
        fill(journal, writer, 10)
    assert is_suspended(journal)
    wall += step_s * 10**9
    passed += RETRY_NS - 1
    fill(journal, writer, 10)
    assert is_suspended(journal), "not before its time"
    passed += 1
    fill(journal, writer, 10)
    assert not is_suspended(journal)
    assert journal.stats.seconds == RETRY_NS / 1e9
    journal.close()


def test_the_age_of_the_oldest_is_told_over_restarts(tmp_path: Path) -> None:
    """The next process has another monotonic clock."""
    for passed_s, unix_s, age_s in ((50, 1_800_000_000, 0.0), (7, 1_800_000_100, 100.0)):
        journal = Journal.open(
            tmp_path / "state" / "slot-0", budget_bytes=1 << 20, slot=0, cluster=STORE,
            boot_id="boot", clock_ns=lambda at=passed_s: at * 10**9,  # type: ignore[misc]
            unix_ns=lambda at=unix_s: at * 10**9,  # type: ignore[misc]
        )  # fmt: skip
        for _ in range(2):
            fill(journal, shard_writer(), 10)
        assert journal.stats.seconds == age_s
        journal.close()


def test_a_journal_s_own_clock_is_one_that_nobody_sets() -> None:
    own = inspect.signature(Journal.open).parameters
    assert own["clock_ns"].default is time.monotonic_ns


def _no_room(*_: object) -> None:
    raise lmdb.DiskError("No space left on device")


def is_suspended(journal: Journal) -> bool:
    return not journal.journalling


def test_when_it_was_closed_is_noted_by_a_clock_that_nobody_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.journal.writer.since_boot_s", lambda: 1234.5)
    folder = tmp_path / "slot-0"
    journal = opened(tmp_path)
    assert (found := manifest.read(folder)) is not None
    assert found.closed_s == 0.0
    journal.close()
    assert (found := manifest.read(folder)) is not None
    assert (found.clean, found.closed_s) == (True, 1234.5)
