"""What a turn of the event loop appends is one transaction, and nobody sees it before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.journal import Journal, JournalReader, RangeQuery
from cluster.journal.pages import Pages
from cluster.journal.suspension import RETRY_NS
from cluster.journal.turn import TURN_BYTES
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import ShardKey
from tests.cluster.journal import journal_child
from tests.cluster.journal.journal_rig import Clock, fill, opened, reading, shard_writer


class Disk:
    """A database environment that counts what is written, and whose disk may be full."""

    def __init__(self, env: lmdb.Environment) -> None:
        self.env, self.full, self.written = env, False, 0

    def begin(self, *args: Any, **options: Any) -> Any:
        if options.get("write"):
            if self.full:
                raise lmdb.DiskError("mdb_txn_commit: No space left on device")
            self.written += 1
        return self.env.begin(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)


def begun(journal: Journal) -> tuple[Disk, list[ShardWriter]]:
    """Return the disk, which counts from here on, and the writers of shards 0 to 4, each of which
    has one event in the file, of seq 0."""
    writers = [shard_writer(shard) for shard in range(5)]
    for writer in writers:
        fill(journal, writer, 1)
    journal.release(journal.last_record)
    assert journal._pages is not None
    disk = Disk(journal.env())
    journal._pages.env = disk  # type: ignore[assignment]  # what a disk does can't be had otherwise
    return disk, writers


def append(journal: Journal, writer: ShardWriter, *sizes: int) -> list[bytes]:
    """One drain with an event of each size, which is not flushed."""
    seq = writer.state.seq
    drain = [("A", seq + i, b"x" * size) for i, size in enumerate(sizes, 1)]
    messages = writer.drain(drain, 5)
    journal.append(writer.state.shard_id, messages, writer.state)
    return messages


def in_file(journal: Journal, shard: int) -> list[bytes]:
    """What another process would read now of what came after ``begun``."""
    return reading(journal).read(RangeQuery(shard, 4, 1, 0)).messages


def seqs_in_file(journal: Journal) -> dict[int, int]:
    """Shard id -> the seq from which another process would go on now."""
    heads = JournalReader(journal.env(), clock=lambda: 0.0).heads()
    return {head.state.shard_id: head.state.seq for head in heads}


def test_what_all_shards_appended_is_one_transaction(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    disk, writers = begun(journal)
    sent = {shard: append(journal, writers[shard], 10, 10) for shard in range(5)}
    sent[3] = sent[3] + append(journal, writers[3], 40_000)  # a second drain of the same shard
    assert disk.written == 0
    assert seqs_in_file(journal) == dict.fromkeys(range(5), 0)
    assert not journal.recent, "nothing of it can be published"
    journal.flush()
    assert disk.written == 1
    assert {shard: in_file(journal, shard) for shard in range(5)} == sent
    assert seqs_in_file(journal) == {n: writers[n].state.seq for n in range(5)}
    published: list[bytes] = []
    while found := journal.after(5 + len(published)):
        published += found.messages
    assert published == [*sent[0], *sent[1], *sent[2], *sent[3][:1], *sent[4], *sent[3][1:]]
    journal.flush()
    assert disk.written == 1, "there is nothing more"
    held = journal.stats.bytes
    journal.close()
    journal = opened(tmp_path)
    assert journal.stats.bytes == held, "each drain's own size is in the index"
    journal.close()


@pytest.mark.parametrize(
    "look",
    [
        lambda journal: journal.after(5),
        lambda journal: journal.states(),
        lambda journal: journal.stats,
        lambda journal: journal.record_before({0: (1, 0)}),
        lambda journal: journal.retry(),
        lambda journal: journal.sync(),
        lambda journal: journal.close(),
    ],
    ids=["after", "states", "stats", "record_before", "retry", "sync", "close"],
)
def test_whoever_looks_at_the_journal_sees_it_written(tmp_path: Path, look: Any) -> None:
    journal = opened(tmp_path)
    disk, writers = begun(journal)
    append(journal, writers[0], 10)
    look(journal)
    assert disk.written == 1
    journal.close()
    journal = opened(tmp_path)
    assert journal.states()[ShardKey(4, 0)].seq == 1
    journal.close()


def test_a_turn_that_grows_too_large_is_cut_and_a_large_drain_stands_alone(tmp_path: Path) -> None:
    journal = opened(tmp_path, budget=8 << 20)
    disk, writers = begun(journal)
    half = TURN_BYTES // 2 - 500
    for writer in writers[:4]:
        append(journal, writer, half)
    assert disk.written == 1, "two of them fit, and the fourth waits with the third"
    append(journal, writers[4], TURN_BYTES)
    assert disk.written == 3, "it takes none along, and does not wait"
    assert seqs_in_file(journal) == dict.fromkeys(range(5), 1)
    append(journal, writers[0], 10)
    assert disk.written == 3
    journal.close()


def test_a_turn_may_be_as_large_as_the_bound(tmp_path: Path) -> None:
    journal, state = opened(tmp_path, budget=8 << 20), shard_writer().state
    disk, _ = begun(journal)
    for size in (TURN_BYTES - 10, 10):
        journal.append(0, [bytes(size)], state)
    assert disk.written == 0
    journal.append(0, [b"x"], state)
    assert disk.written == 1
    journal.close()


def test_a_full_disk_takes_nothing_of_a_turn_and_all_of_it_is_published(tmp_path: Path) -> None:
    clock = Clock()
    journal = opened(tmp_path, clock=clock)
    disk, writers = begun(journal)
    disk.full = True
    sent = [message for writer in writers[:3] for message in append(journal, writer, 10)]
    journal.append(3, (), writers[3].state)
    journal.flush()
    assert (journal.journalling, journal.unjournalled) == (False, 4)
    assert [len(turn.messages) for turn in journal.recent] == [3]
    published: list[bytes] = []
    while found := journal.after(5 + len(published)):
        published += found.messages
    assert published == sent
    disk.full = False
    append(journal, writers[4], 10)
    journal.flush()
    assert journal.unjournalled == 5, "it is not time to try again"
    clock.ns += RETRY_NS
    kept = append(journal, writers[0], 20), append(journal, writers[1], 20)
    journal.flush()
    assert (journal.journalling, journal.unjournalled) == (True, 5)
    assert (in_file(journal, 0), in_file(journal, 1), in_file(journal, 2)) == (*kept, [])
    assert seqs_in_file(journal) == {n: writers[n].state.seq for n in range(5)}
    journal.close()


def test_damage_that_a_turn_meets_costs_nothing_of_the_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    _, writers = begun(journal)
    write = Pages.write

    def damaged(*_: Any) -> None:
        monkeypatch.setattr(Pages, "write", write)
        raise lmdb.CorruptedError("a page")

    monkeypatch.setattr(Pages, "write", damaged)
    sent = {shard: append(journal, writers[shard], 10) for shard in (0, 1, 2)}
    journal.flush()
    assert (journal.set_aside, journal.unjournalled) == ("it is damaged: a page", 0)
    assert {shard: in_file(journal, shard) for shard in (0, 1, 2)} == sent
    assert seqs_in_file(journal) == {n: int(n < 3) for n in range(5)}
    journal.close()


def test_the_file_is_never_ahead_of_what_was_appended(tmp_path: Path) -> None:
    """Neither where all states are written, after a failure: a shard may have received what it has
    not appended yet, since what was before it is flushed first."""
    clock = Clock()
    journal = opened(tmp_path, budget=8 << 20, clock=clock)
    disk, writers = begun(journal)
    for writer in writers:
        append(journal, writer, 10)
    disk.full = True
    journal.flush()
    disk.full, clock.ns = False, clock.ns + RETRY_NS
    append(journal, writers[0], TURN_BYTES // 2)
    append(journal, writers[1], TURN_BYTES // 2)  # too much for one transaction
    assert seqs_in_file(journal) == {n: 2 if n == 0 else 1 for n in range(5)}
    journal.close()


def test_an_error_that_nobody_had_foreseen_is_met_once_and_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends with it, and Discord sends again what its file lacks."""
    journal = opened(tmp_path)
    _, writers = begun(journal)

    def unforeseen(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Pages, "write", unforeseen)
        append(journal, writers[0], 10)
        with pytest.raises(ZeroDivisionError):
            journal.flush()
        assert journal.after(5) is None
        journal.close()
    journal = opened(tmp_path)
    assert {state.seq for state in journal.states().values()} == {0}
    journal.close()


def test_a_turn_outlives_a_kill_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was said after its flush is there, as what is acknowledged or published then must be."""
    folder, said = tmp_path / "slot-0", -1
    for lines in (1, 30, 300):
        command = [sys.executable, journal_child.__file__, "turns", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(lines):
                said = int(process.stdout.readline())
            process.kill()
            *_, last = [str(said), *process.stdout.read().split("\n")[:-1]]
        journal = journal_child.opened(folder)
        assert not journal.set_aside
        seqs = {state.seq for state in journal.states().values()}
        assert seqs in ({int(last)}, {int(last) + 1})
        for shard in range(journal_child.SHARDS):
            all_of_it = RangeQuery(shard, journal_child.SHARDS, 1, -1, max_bytes=1 << 30)
            assert {reading(journal).read(all_of_it).reached} == seqs
        journal.close()


drains = st.tuples(st.integers(0, 4), st.lists(st.sampled_from([0, 300, 5000, 40_000]), max_size=3))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(drains, st.none()), max_size=25))
def test_however_drains_fall_into_turns_the_file_holds_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, list[int]] | None]
) -> None:
    """None: a turn ends. Compared with a journal that is flushed after each drain."""
    kept = []
    for each in (False, True):
        journal = opened(tmp_path_factory.mktemp("turn"), budget=1 << 20)
        writers = [shard_writer(shard) for shard in range(5)]
        for step in steps:
            if step is not None:
                append(journal, writers[step[0]], *step[1])
            if step is None or each:
                journal.flush()
        journal.flush()
        assert journal._pages is not None
        found, record = [], 0
        while (part := journal._pages.read_after(record)) is not None:
            found.append(part)
            record = part[0] + len(part[1]) - 1
        published: list[bytes] = []
        record = 0
        while (recent := journal.after(record)) is not None:
            published += recent.messages
            record = recent.first_record + len(recent.messages) - 1
        kept.append((found, seqs_in_file(journal), journal.stats, published))
        journal.close()
    (whole, seqs, stats, published), single = kept[0], kept[1]
    assert (seqs, published) == (single[1], single[3])
    if whole and single[0] and whole[0] == single[0][0]:  # neither was pruned
        assert (whole, stats) == (single[0], single[2])


def test_a_state_is_written_as_it_was_when_it_was_appended(tmp_path: Path) -> None:
    """It is changed in place, and what changed it last may never be appended."""
    journal = opened(tmp_path)
    _, writers = begun(journal)
    append(journal, writers[0], 10)
    writers[0].drain([("A", 2, b"received, and not appended")], 5)
    journal.flush()
    assert seqs_in_file(journal)[0] == 1
    journal.close()
