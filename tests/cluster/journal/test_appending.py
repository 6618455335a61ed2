"""What an append costs, and what is written with it: nothing beside its records and its shard's
state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lmdb
import pytest

from cluster.journal import schema
from cluster.journal.pages import Pages
from cluster.wire.position import ShardKey
from tests.cluster.journal.journal_rig import append_of, fill, opened, shard_writer


class Counted:
    """A database environment that counts how often a database of it was opened."""

    def __init__(self, env: lmdb.Environment) -> None:
        self.env, self.databases = env, 0

    def open_db(self, *args: Any, **options: Any) -> Any:
        self.databases += 1
        return self.env.open_db(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)


def test_a_shard_s_database_is_opened_once(tmp_path: Path) -> None:
    """By the drains of this process, and not again to prune them: to open one is a transaction."""
    journal, writers = opened(tmp_path), (shard_writer(0), shard_writer(1))
    assert journal._pages is not None
    journal._pages.env = env = Counted(journal.env())  # type: ignore[assignment]
    for _ in range(200):
        for writer in writers:
            fill(journal, writer, 3000, 3000)
    journal.release(journal.last_record)
    oldest = journal.after(0)
    assert oldest is not None
    assert oldest.first_record > 100, "much was pruned"
    env.databases = 0
    for _ in range(100):
        for writer in writers:
            fill(journal, writer, 3000, 3000)
    assert env.databases == 0
    journal.close()


def test_a_state_that_is_the_same_needs_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is changed in place; a key for each drain was a fiftieth of a lone event's
    instructions."""
    journal, writers = opened(tmp_path), (shard_writer(0), shard_writer(1))
    for writer in writers:
        fill(journal, writer, 10)
    with monkeypatch.context() as patched:
        patched.delattr("cluster.journal.writer.ShardKey")
        for writer in (*writers, *writers):
            fill(journal, writer, 10)
    assert journal.states() == {ShardKey(4, n): writers[n].state for n in (0, 1)}
    journal.close()


def test_what_another_shard_has_not_appended_yet_is_not_written(tmp_path: Path) -> None:
    """Else the next process would go on behind events that nobody has."""
    journal, busy, other = opened(tmp_path), shard_writer(0), shard_writer(1)
    fill(journal, other, 10)
    other.drain([("A", 2, b"received, and not appended")], 5)
    fill(journal, busy, 10)
    journal.close()
    journal = opened(tmp_path)
    assert {state.shard_id: state.seq for state in journal.states().values()} == {0: 0, 1: 0}
    journal.close()


def test_whoever_is_past_the_newest_record_costs_no_look_into_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    fill(journal, shard_writer(), 10, 10)
    journal.release(2)
    monkeypatch.delattr(Pages, "read_after")
    assert journal.after(2) is None
    journal.close()


@pytest.mark.parametrize("size", [10, 3 * schema.PIECE])
def test_what_is_written_is_never_written_over(tmp_path: Path, size: int) -> None:
    """All goes to the ends of trees: a number that is there already is refused. LMDB is told so,
    since it need not look for the place then."""
    journal, state = opened(tmp_path), shard_writer().state
    pages = journal._pages
    assert pages is not None
    pages.write([append_of(0, 1, [b"a" * size], state)], 1)
    for shard in (0, 1):  # by its records, and by the index
        pages.write([append_of(shard, 1, [b"b" * size], state)], 1)
        assert pages.read_after(0) == (1, [b"a" * size])
    journal.close()
