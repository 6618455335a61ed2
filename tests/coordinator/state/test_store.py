"""The store: ledger, epochs and plan, over restarts."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cluster.config.shards import ShardRange
from cluster.endpoints.paths import ClusterPaths
from cluster.errors import ClusterError
from coordinator.sharding.plan import StoredPlan, make_plan
from coordinator.state import schema
from coordinator.state.database import StoreError
from coordinator.state.postgres.opening import PostgresOpening
from coordinator.state.store import DAY_S, KEEP_LEDGER_S, Store, StoredGateway

ACCOUNT = "account"
NOW = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture(params=["sqlite", "postgres"])
def reopen(request: pytest.FixtureRequest, path: Path) -> Callable[[], Store]:
    """What opens the same store, in each of the databases that it can be in."""
    if request.param == "sqlite":
        return lambda: Store.open(path)
    url = request.getfixturevalue("database_url")
    paths = ClusterPaths(name="test", state_dir=path.parent, runtime_dir=path.parent)
    paths.lock.touch()

    def opened() -> Store:
        return asyncio.run(PostgresOpening(url, paths).open(None)).store

    return opened


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Iterator[Store]:
    store = reopen()
    yield store
    store.close()


def test_the_store_id_is_made_once(reopen: Callable[[], Store]) -> None:
    ids = set()
    for _ in range(2):
        store = reopen()
        ids.add(store.store_id)
        store.close()
    (only,) = ids
    assert len(only) == 16
    int(only, 16)


def test_nobody_else_can_read_it(path: Path) -> None:
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_epochs_grow_over_restarts_accounts_and_shard_counts(reopen: Callable[[], Store]) -> None:
    store = reopen()
    assert [store.grant(n, ACCOUNT, 4, 0, NOW) for n in (1, 2)] == [1, 2]
    assert store.grant(3, ACCOUNT, 4, 1, NOW) == 1
    assert store.grant(4, ACCOUNT, 8, 0, NOW) == 3, "a journal keeps a shard id's epochs in order"
    store.close()
    store = reopen()
    assert store.grant(5, "other account", 4, 0, NOW) == 4, "a position names one event for ever"
    assert store.known(4, 0).account == "other account"
    assert store.known(4, 3).epoch == 0
    assert store.next_grant_id() == 6
    store.close()


def test_an_epoch_is_not_given_when_the_grant_cant_be_written(store: Store) -> None:
    store.grant(1, ACCOUNT, 4, 0, NOW)
    with pytest.raises(StoreError):
        store.grant(1, ACCOUNT, 4, 0, NOW)  # the same grant id
    assert store.known(4, 0).epoch == 1


def test_a_grant_is_spent_until_it_is_said_to_be_unused(store: Store) -> None:
    for number in (1, 2, 3):
        store.grant(number, ACCOUNT, 4, number, NOW)
    store.grant(4, "other", 4, 0, NOW)
    assert store.spent(ACCOUNT, NOW) == 3
    store.unused(2)
    assert store.spent(ACCOUNT, NOW) == 2


def test_the_ledger_counts_from_the_last_reset_and_at_most_a_day(store: Store) -> None:
    store.reset_due(ACCOUNT, NOW + 3600, NOW)
    store.grant(1, ACCOUNT, 4, 0, NOW + 10)
    store.reset_due(ACCOUNT, NOW + 3600 + 0.4, NOW + 20)  # the same reset, fetched again
    assert store.spent(ACCOUNT, NOW + 30) == 1
    later = NOW + 3700
    store.reset_due(ACCOUNT, later + DAY_S, later)
    assert store.spent(ACCOUNT, later) == 0
    store.grant(2, ACCOUNT, 4, 0, later)
    assert store.spent(ACCOUNT, later + DAY_S - 1) == 1
    assert store.spent(ACCOUNT, later + DAY_S + 1) == 0


def test_what_may_have_been_sent_lately_is_remembered(store: Store) -> None:
    for number, shard in ((1, 0), (2, 1), (3, 2), (4, 3)):
        store.grant(number, ACCOUNT, 4, shard, NOW)
    store.sent(1, NOW + 4)
    store.sent(2, NOW + 1)
    store.unused(3)
    assert store.recent(ACCOUNT, NOW - 1, NOW + 6) == [(1, NOW + 1), (0, NOW + 4), (3, NOW + 6)]
    assert store.recent(ACCOUNT, NOW + 2, NOW + 6) == [(0, NOW + 4)]
    store.grant(5, ACCOUNT, 4, 1, NOW + 5)
    store.sent(5, NOW + 5)
    assert (1, NOW + 5) in store.recent(ACCOUNT, NOW - 1, NOW + 6), "the last one of a shard"
    assert len(store.recent(ACCOUNT, NOW - 1, NOW + 6)) == 3


def test_a_grant_to_a_program_outside_is_spent_and_is_no_epoch_of_ours(store: Store) -> None:
    store.grant(1, ACCOUNT, 8, 3, NOW)
    store.grant_outside(2, ACCOUNT, 8, 3, NOW + 1)
    store.grant_outside(3, ACCOUNT, 0, 5, NOW + 1)
    assert store.spent(ACCOUNT, NOW + 2) == 3
    assert (store.known(8, 3).epoch, store.known(8, 5).epoch) == (1, 0)
    store.sent(2, NOW + 2)
    store.unused(3)
    assert store.recent(ACCOUNT, NOW + 1, NOW + 3) == [(3, NOW + 2)]
    assert store.spent(ACCOUNT, NOW + 2) == 2
    assert store.next_grant_id() == 4


def test_old_rows_go_and_grant_ids_still_count_on(store: Store) -> None:
    store.grant(7, ACCOUNT, 4, 0, NOW)
    store.grant(8, ACCOUNT, 4, 1, NOW)
    later = NOW + KEEP_LEDGER_S + 1
    store.reset_due(ACCOUNT, later + 10, later)
    assert [row.shard_id for row in store.recent(ACCOUNT, 0, later)] == [1]
    assert store.next_grant_id() == 9


def test_which_sessions_are_known_to_live(store: Store) -> None:
    for shard in range(4):
        store.grant(shard + 1, ACCOUNT, 4, shard, NOW)
    store.grant(5, ACCOUNT, 2, 0, NOW)
    store.seen(2, [0], NOW)
    store.seen(4, [0, 1, 2], NOW)
    assert store.known(2, 0).seen_at is None, "that count is in force no more"
    store.seen(4, [2], NOW + 1, lost=[1])
    store.grant(9, ACCOUNT, 4, 0, NOW)  # an identify ends the session that was seen
    assert [store.known(4, shard).seen_at for shard in range(4)] == [None, None, NOW + 1, None]
    store.forget_sessions()
    assert store.known(4, 2).seen_at is None


def test_what_discord_said_is_that_accounts_alone(store: Store) -> None:
    assert store.gateway(ACCOUNT) is None
    said = StoredGateway(account=ACCOUNT, url="wss://gateway", shards=4, max_concurrency=2)
    store.set_gateway(said)
    assert store.gateway(ACCOUNT) == said
    assert store.gateway("other") is None


def test_the_plan_comes_back_as_it_was(reopen: Callable[[], Store]) -> None:
    stored = StoredPlan(
        plan=make_plan(ShardRange(16, 31, 64), 3), asked_shards="16-31/64", asked_workers="auto"
    )
    store = reopen()
    assert store.plan() is None
    store.set_plan(stored)
    store.close()
    store = reopen()
    assert store.plan() == stored
    store.close()


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    database.close()
    with pytest.raises(ClusterError, match="newer dcgw-cluster") as caught:
        Store.open(path)
    assert "upgrade" in caught.value.action


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 600]
)
def test_a_damaged_file_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ClusterError, match="can't be opened") as caught:
        Store.open(path)
    assert str(path) in caught.value.cause


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="can't be opened"):
        Store.open(tmp_path / "missing" / "store.sqlite")


def test_an_older_schema_is_migrated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stood in it stays; a step that fails leaves it as it was."""
    with closing(Store.open(path)) as store:
        store_id = store.store_id
        store.grant(1, "a", 4, 2, 10.0)
    more = "ALTER TABLE identifies ADD COLUMN who TEXT NOT NULL DEFAULT 'us';"
    monkeypatch.setattr(schema, "VERSION", 3)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, f"{more} nonsense;"))
    with pytest.raises(ClusterError, match="can't be opened"):
        Store.open(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        assert "who" not in {row[1] for row in db.execute("PRAGMA table_info(identifies)")}
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:2], more))
    with closing(Store.open(path)) as store:
        assert store.store_id == store_id
        assert store.known(4, 2).epoch == 1
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
        assert db.execute("SELECT who FROM identifies").fetchall() == [("us",)]


def test_what_was_granted_is_on_the_disk_before_it_is_given(path: Path) -> None:
    """SQLite's NORMAL keeps a commit from a crash of the process, not from a loss of power: an
    epoch would be used twice."""
    store = Store.open(path)
    ((synchronous,),) = store._db.read("PRAGMA synchronous")
    ((mode,),) = store._db.read("PRAGMA journal_mode")
    assert (synchronous, mode) == (2, "wal")
    store.close()
