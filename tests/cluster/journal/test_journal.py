"""The journal: what is written is there for the next process, within the budget, or said not to."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import lmdb
import pytest

from cluster.clocks import steady_ns
from cluster.journal import Journal, JournalReader, RangeQuery, ShardState, schema
from cluster.journal.history import History
from cluster.journal.pages import SLACK_BYTES, Pages
from cluster.journal.writer import RECENT_BYTES, RETRY_NS
from cluster.ranges import MAX_WORKER_SHARDS
from cluster.wire import topic
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import ShardKey

STORE = "0123456789abcdef"


class Clock:
    ns = 1_000_000_000

    def __call__(self) -> int:
        return self.ns


def opened(folder: Path, budget: int = 1 << 20, boot: str = "boot", clock: Any = None) -> Journal:
    return Journal.open(
        folder / "slot-0", budget_bytes=budget, slot=0, cluster=STORE, boot_id=boot,
        clock_ns=clock or Clock(),
    )  # fmt: skip


def shard_writer(shard: int = 0) -> ShardWriter:
    writer = ShardWriter(STORE, ShardState(shard_id=shard, shard_count=4))
    writer.begin_epoch(1, session_id="session")
    return writer


def fill(journal: Journal, writer: ShardWriter, *sizes: int) -> list[bytes]:
    """One drain with an event of each size."""
    seq = writer.state.seq
    drain = [("A" if i % 2 else "B", seq + i, b"x" * size) for i, size in enumerate(sizes, 1)]
    messages = writer.drain(drain, 5)
    journal.append(writer.state.shard_id, messages, writer.state)
    return messages


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
    assert JournalReader(journal.env()).read(RangeQuery(0, 4, 1, -1)).messages == sent
    journal.close()


def test_the_oldest_is_pruned_and_the_budget_kept(tmp_path: Path) -> None:
    journal, clock = opened(tmp_path, clock=(clock := Clock())), clock
    writers = [shard_writer(shard) for shard in range(3)]
    for i in range(2000):
        clock.ns += 1_000_000_000
        fill(journal, writers[i % 3], 700, 40_000 if i % 50 == 0 else 100)
    assert journal.journalling
    assert journal.stats.bytes <= 1 << 20
    reader = JournalReader(journal.env(), clock=lambda: 0.0)  # a slice ends by its size alone
    for head, writer in zip(reader.heads(), writers, strict=True):
        assert head.oldest is not None
        epoch, first = head.oldest
        assert first > 100
        reach = reader.read(RangeQuery(writer.state.shard_id, 4, epoch, -1, max_bytes=1 << 30))
        assert (reach.start, reach.reached) == (first, writer.state.seq)
    assert 0 < (journal.stats.seconds or 0) < 2000
    journal.close()


def test_a_budget_that_is_lowered_is_kept_from_then_on(tmp_path: Path) -> None:
    """The file holds more than the new budget lets it have, without a free page: it is pruned
    little by little, and opening it again and again makes it no larger."""
    data = tmp_path / "slot-0" / "data.mdb"
    journal, writer = opened(tmp_path, budget=32 << 20), shard_writer()
    while journal.stats.bytes < 12 << 20:
        for _ in range(100):
            fill(journal, writer, 480)
    journal.close()
    used_before, used = 13 << 20, list[int]()
    for _ in range(4):
        journal = opened(tmp_path, budget=1 << 20)
        writer = ShardWriter(STORE, journal.states()[ShardKey(4, 0)])
        for _ in range(200):
            before = journal.stats.bytes
            fill(journal, writer, 700)
            assert journal.journalling
            assert before - journal.stats.bytes <= SLACK_BYTES + 1000, "in one turn"
        used.append(data.stat().st_size)
        reached = JournalReader(journal.env()).read(RangeQuery(0, 4, 1, writer.state.seq - 100))
        assert reached.reached == writer.state.seq
        journal.close()
    assert journal.stats.bytes <= 1 << 20
    assert max(used) <= used_before + (1 << 20), "what it had, and some room"


def test_a_slice_ends_between_drains_and_names_are_filtered(tmp_path: Path) -> None:
    journal, writer = opened(tmp_path), shard_writer()
    for _ in range(50):
        fill(journal, writer, 500, 500, 500)
    reader = JournalReader(journal.env())
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
    reader = JournalReader(journal.env())
    assert reader.read(RangeQuery(0, 4, 1, -1)).reached == 0
    assert reader.read(RangeQuery(0, 4, 1, 0)).start == 3
    history = History(tmp_path, STORE, lambda _: reader)
    part = history.read(RangeQuery(0, 4, 1, -1))
    assert (part.gone, part.reached) == ([(1, 2)], 3)
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


def test_the_cursor_begins_where_the_hub_was_left(tmp_path: Path) -> None:
    journal, first, second = opened(tmp_path), shard_writer(0), shard_writer(1)
    fill(journal, first, 1)  # record 1, seq 0
    fill(journal, second, 1)  # record 2
    fill(journal, first, 1)  # record 3, seq 1
    assert journal.record_before({0: (1, 0), 1: (1, 0)}) == 2
    assert journal.record_before({0: (1, 1), 1: (1, -1)}) == 1
    assert journal.record_before({0: (1, 1), 1: (1, 0)}) == 3
    journal.close()


def test_a_journal_has_room_for_every_shard_of_a_worker_and_those_it_had_before(
    tmp_path: Path,
) -> None:
    journal = opened(tmp_path, budget=32 << 20)
    for shard in (*range(1500), 2 * MAX_WORKER_SHARDS - 1):
        fill(journal, shard_writer(shard), 10)
    assert (journal.journalling, journal.unjournalled) == (True, 0)
    assert schema.MAX_DATABASES >= 2 * MAX_WORKER_SHARDS + 2
    assert len(JournalReader(journal.env()).heads()) == 1501
    journal.close()
    opened(tmp_path, budget=32 << 20).close()


def test_epochs_are_told_of(tmp_path: Path) -> None:
    journal, writer = opened(tmp_path), shard_writer()
    fill(journal, writer, 1, 1)
    writer.begin_epoch(3)
    fill(journal, writer, 1)
    reader = JournalReader(journal.env())
    assert reader.facts(0, 4, 1)[:2] == (1, 3)
    assert reader.facts(0, 4, 3) == (None, None, 0, False)
    journal.append(0, writer.end_epoch("op 9", 0), writer.state)
    assert reader.facts(0, 4, 3) == (0, None, 0, False)
    assert reader.read(RangeQuery(0, 4, 3, 0)).messages == []
    journal.close()


def test_a_journal_is_no_longer_clean_on_the_disk_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss of power leaves of what was not synced this or that: the note that says so must not be
    among it."""
    opened(tmp_path).close()
    done: list[tuple[str, int]] = []
    rename, begin = Path.replace, Pages.__init__

    def replace(draft: Path, target: Path) -> Path:
        done.append(("note", draft.stat().st_ino))
        return rename(draft, target)

    def pages(made: Pages, env: lmdb.Environment, budget: int) -> None:
        done.append(("opened", 0))
        begin(made, env, budget)

    monkeypatch.setattr("os.fsync", lambda fd: done.append(("synced", os.fstat(fd).st_ino)))
    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(Pages, "__init__", pages)
    journal = opened(tmp_path)
    (_, note), folder = done[1], (tmp_path / "slot-0").stat().st_ino
    assert done[:4] == [("synced", note), ("note", note), ("synced", folder), ("opened", 0)]
    journal.close()
    assert [what for what, _ in done[-3:]] == ["synced", "note", "synced"]


def test_another_clusters_journal_is_not_taken(tmp_path: Path) -> None:
    opened(tmp_path).close()
    journal = Journal.open(
        tmp_path / "slot-0", budget_bytes=1 << 20, slot=0, cluster="another", boot_id="boot"
    )
    assert "belongs" in journal.set_aside
    journal.close()


def test_a_closed_journal_closes_again(tmp_path: Path) -> None:
    journal = opened(tmp_path)
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
        clock_ns=steady_ns(lambda: wall, lambda: passed),
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


def test_a_journal_s_own_clock_is_steady(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead_ns, real_ns = 0, time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: real_ns() + ahead_ns)
    folder = tmp_path / "slot-0"
    journal = Journal.open(folder, budget_bytes=1 << 20, slot=0, cluster=STORE, boot_id="boot")
    fill(journal, shard_writer(), 10)
    ahead_ns = 315_360_000 * 10**9
    assert 0 <= (journal.stats.seconds or 0) < 3600
    journal.close()


def _no_room(*_: object) -> None:
    raise lmdb.DiskError("No space left on device")


def is_suspended(journal: Journal) -> bool:
    return not journal.journalling
