"""What a journal holds, and what goes: the budget, and the room for shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lmdb
import pytest

from cluster.journal import JournalReader, RangeQuery, schema
from cluster.journal.contents import JournalStats
from cluster.journal.pages import SLACK, SLACK_BYTES
from cluster.ranges import MAX_WORKER_SHARDS
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import ShardKey
from tests.cluster.journal.journal_rig import (
    STORE,
    Clock,
    append_of,
    fill,
    opened,
    reading,
    shard_writer,
    state_row,
)


def test_the_oldest_is_pruned_and_the_budget_kept(tmp_path: Path) -> None:
    journal, clock = opened(tmp_path, clock=(clock := Clock())), clock
    writers = [shard_writer(shard) for shard in range(3)]
    for i in range(2000):
        clock.ns += 1_000_000_000
        fill(journal, writers[i % 3], 700, 40_000 if i % 50 == 0 else 100)
    assert journal.journalling
    assert journal.stats.bytes <= 1 << 20
    reader = reading(journal)
    for head, writer in zip(reader.heads(), writers, strict=True):
        assert head.oldest is not None
        epoch, first = head.oldest
        assert first > 100
        reach = reader.read(RangeQuery(writer.state.shard_id, 4, epoch, -1, max_bytes=1 << 30))
        assert (reach.start, reach.reached) == (first, writer.state.seq)
    journal.release(journal.last_record)
    kept = journal.after(0)
    assert kept is not None
    assert journal.stats.seconds == 1999 - (kept.first_record - 1) // 2, "two records a second"
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
        reader = reading(journal)
        reached = reader.read(RangeQuery(0, 4, 1, writer.state.seq - 100))
        assert reached.reached == writer.state.seq
        journal.close()
    assert journal.stats.bytes <= 1 << 20
    assert max(used) <= used_before + (1 << 20), "what it had, and some room"


def test_pruning_ends_where_the_next_append_of_the_shard_begins(tmp_path: Path) -> None:
    """Every piece of what is kept is there, the first among them."""
    journal, writer, sent = opened(tmp_path), shard_writer(), list[bytes]()
    for drain in range(400):
        sent += fill(journal, writer, 3000, 3000 + drain % 2 * 30_000)
        journal.release(journal.last_record)
        oldest = journal.after(0)
        assert oldest is not None
        first = oldest.first_record - 1
        assert [*oldest.messages] == sent[first : first + 2]
        assert oldest.bytes == sum(map(len, oldest.messages))
    assert 700 < first < 800, "much was pruned, and not all"
    reader = reading(journal)
    assert reader.read(RangeQuery(0, 4, 1, -1, max_bytes=1 << 30)).messages == sent[first:]
    journal.close()


def test_a_journal_has_room_for_every_shard_of_a_worker_and_those_it_had_before(
    tmp_path: Path,
) -> None:
    many = (*range(1500), 2 * MAX_WORKER_SHARDS - 1)
    journal = opened(tmp_path, budget=32 << 20, shards=len(many))
    for shard in many:
        fill(journal, shard_writer(shard), 10)
    assert (journal.journalling, journal.unjournalled) == (True, 0)
    assert schema.MAX_DATABASES >= 2 * MAX_WORKER_SHARDS + 2
    assert len(reading(journal).heads()) == 1501
    journal.close()
    again = opened(tmp_path, budget=32 << 20, shards=2)
    for shard in (2000, 2001, *many):
        fill(again, shard_writer(shard), 10)
    assert (again.journalling, again.unjournalled) == (True, 0)
    again.close()


@pytest.mark.parametrize("shards", [1, 1100, 10**6])
def test_a_journal_has_room_for_no_more_than_it_may_use(tmp_path: Path, shards: int) -> None:
    """All that it has room for is copied with every transaction."""
    journal = opened(tmp_path, shards=shards)
    room = min(max(shards + 2, schema.LEAST_DATABASES), schema.MAX_DATABASES)
    with journal.env().begin(write=True) as txn:
        for n in range(room - 2):
            journal.env().open_db(b"%d" % n, txn=txn)
        with pytest.raises(lmdb.DbsFullError):
            journal.env().open_db(b"one more", txn=txn)
        txn.abort()
    journal.close()


class FullOnce:
    """A database environment whose map is full for one transaction: a reader pins its pages."""

    def __init__(self, env: lmdb.Environment) -> None:
        self.env, self.full, self.checked = env, True, 0
        self.written = 0
        """Transactions that wrote since."""

    def begin(self, *args: Any, **options: Any) -> Any:
        if self.full and options.get("write"):
            self.full = False
            raise lmdb.MapFullError("mdb_put: MDB_MAP_FULL")
        self.written += bool(options.get("write"))
        return self.env.begin(*args, **options)

    def reader_check(self) -> int:
        self.checked += 1
        return self.env.reader_check()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)


def test_a_full_map_gets_room_for_a_while(tmp_path: Path) -> None:
    """Readers that died are forgotten, half of the budget is pruned, and the drain is written."""
    journal, writer = opened(tmp_path), shard_writer()
    sent: list[bytes] = []
    for _ in range(600):
        sent += fill(journal, writer, 1500)
    assert journal._pages is not None
    journal._pages.env = env = FullOnce(journal.env())  # type: ignore[assignment]
    sent += fill(journal, writer, 1500)
    assert (journal.journalling, env.checked) == (True, 1)
    held = journal.stats.bytes
    assert (1 << 19) - 20_000 < held <= 1 << 19
    reader = JournalReader(env.env, clock=lambda: 0.0)
    reach = reader.read(RangeQuery(0, 4, 1, -1, max_bytes=1 << 30))
    assert reach.messages == sent[reach.start :]
    assert reach.reached == writer.state.seq
    assert journal.check_readers() == 0
    assert env.checked == 2
    env.full, others = True, [shard_writer(shard).state for shard in (2, 3)]
    turn = [append_of(0, journal.last_record + 1, [], writer.state)]
    journal._pages.write(turn, 1, dict(map(state_row, others)))
    journal.close()
    journal = opened(tmp_path)
    assert journal.states() == {
        ShardKey(4, state.shard_id): state for state in (writer.state, *others)
    }
    journal.close()


def test_no_more_is_pruned_than_the_budget_wants(tmp_path: Path) -> None:
    """Half of it where the map is full, a sixteenth in a transaction, and the slack."""
    journal, state = opened(tmp_path), shard_writer().state
    for _ in range(1020):
        journal.append(0, [bytes(1024 - 32)], state)
        journal.flush()
    assert journal.stats.bytes == 1020 * 1024
    assert journal._pages is not None
    journal._pages.env = env = FullOnce(journal.env())  # type: ignore[assignment]
    journal.append(0, [bytes(512 - 32)] * 2, state)
    journal.flush()
    half = 1 << 19
    assert journal.stats.bytes == half - half // SLACK
    assert env.written == -(-(1020 * 1024 - half) // ((1 << 20) // 16)) + 1
    journal.release(journal.last_record)
    oldest = journal.after(0)
    assert oldest is not None
    assert oldest.first_record == 1 + 1021 - journal.stats.bytes // 1024
    journal.close()


def test_the_budget_may_be_held_whole_and_what_is_beyond_it_prunes_the_slack(
    tmp_path: Path,
) -> None:
    """To the byte, where 1/64 of the budget is no whole number of them."""
    budget = (1 << 20) + 1040
    journal, state = opened(tmp_path, budget=budget), shard_writer().state
    for size in (1040, *[1024] * 1024):
        journal.append(0, [bytes(size - 32)], state)
        journal.flush()
    assert journal.stats.bytes == budget
    journal.append(0, [bytes(1024 - 32)], state)
    journal.flush()
    assert journal.stats.bytes == budget - budget // SLACK
    journal.close()


def test_a_full_map_is_pruned_by_a_sixteenth_of_the_budget_in_a_transaction(
    tmp_path: Path,
) -> None:
    """It has no room for more pages than these; and half a drain is not pruned."""
    journal, state = opened(tmp_path, budget=(1 << 20) + 15), shard_writer().state
    for _ in range(15):
        journal.append(0, [bytes(1024 - 32)] * 64, state)
        journal.flush()
    assert journal._pages is not None
    journal._pages.env = env = FullOnce(journal.env())  # type: ignore[assignment]
    journal.append(0, (), state)
    journal.flush()
    assert journal.stats.bytes == 8 * 65_536
    assert env.written == 7 + 1
    journal.close()


def test_a_count_that_is_off_does_not_prune_for_ever(tmp_path: Path) -> None:
    """It can't be, and would hang the worker."""
    journal, state = opened(tmp_path), shard_writer().state
    journal.append(0, [b"x"], state)
    journal.flush()
    assert journal._pages is not None
    journal._pages.bytes += 1 << 20
    journal._pages.env = FullOnce(journal.env())  # type: ignore[assignment]
    journal.append(0, [b"x"], state)
    journal.flush()
    assert (journal.journalling, journal.unjournalled, journal.set_aside) == (True, 0, "")
    journal.close()


def test_a_drain_that_is_larger_than_the_budget_leaves_nothing_when_it_goes(
    tmp_path: Path,
) -> None:
    journal, writer = opened(tmp_path), shard_writer()
    fill(journal, writer, 1 << 20)
    assert journal.stats.bytes > 1 << 20
    journal.append(0, (), writer.state)
    journal.flush()
    assert journal.stats == JournalStats(0, None, 1)
    fill(journal, writer, 10)
    assert journal.stats.seconds == 0.0
    assert not journal.set_aside, "nothing is damaged"
    journal.close()


def test_what_is_pruned_leaves_nothing_behind(tmp_path: Path) -> None:
    """Drains of one event and of many, of shards of which this process has written nothing."""
    journal = opened(tmp_path)
    for shard in range(3):
        writer = shard_writer(shard)
        fill(journal, writer, 10)
        fill(journal, writer, 10, 40_000, 10)
    journal.close()
    journal, writer = opened(tmp_path), shard_writer(3)
    for _ in range(400):
        fill(journal, writer, 3000)
    with journal.env().begin() as txn:
        entries = [
            txn.stat(journal.env().open_db(schema.shard_db(shard), txn=txn))["entries"]
            for shard in range(4)
        ]
        rows = txn.stat(journal.env().open_db(schema.INDEX_DB, txn=txn))["entries"]
    assert entries == [0, 0, 0, rows]
    assert 0 < rows < 400
    oldest = {head.state.shard_id: head.oldest for head in reading(journal).heads()}
    assert [oldest[shard] for shard in range(3)] == [None] * 3
    journal.close()
