"""The store in a real PostgreSQL: fenced, with a server that is away, silent, or another one."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cluster.endpoints.paths import ClusterPaths
from cluster.errors import AlreadyRunningError, ClusterError, ConfigError
from coordinator.state import schema
from coordinator.state.database import LeaseLostError, StoreError
from coordinator.state.lease import LEASE_S, HeldLease
from coordinator.state.postgres import connection, lease_keeper
from coordinator.state.postgres.opening import HeldStore, PostgresOpening
from coordinator.state.store import Store
from tests.postgres_server import PASSWORD, PostgresServer, programs

ACCOUNT = "account"
NOW = 1_800_000_000.0


class Site:
    """State folders, of which each is a coordinator's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def opening(self, url: str, name: str = "one", key: str = "") -> PostgresOpening:
        state = self.folder / name
        state.mkdir(exist_ok=True)
        paths = ClusterPaths(name="test", state_dir=state, runtime_dir=state)
        paths.lock.touch()
        return PostgresOpening(url, paths, key)

    async def open(self, url: str, name: str = "one", key: str = "") -> HeldStore:
        return await self.opening(url, name, key).open(None)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A server of the test's own, which it may stop."""
    made = postgres.another()
    yield made
    made.close()


def play(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 40))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0.02)


class Kept:
    """A store whose lease is kept meanwhile."""

    def __init__(self, held: HeldStore) -> None:
        self.store = held.store
        self.lease: HeldLease = held.keeper.lease
        self._task = asyncio.create_task(held.keeper.run())

    async def lost(self) -> LeaseLostError:
        with pytest.raises(LeaseLostError) as caught:
            await self._task
        return caught.value

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError, LeaseLostError):
            await self._task
        self.store.close()


def take_away(url: str, server: PostgresServer) -> None:
    """Do what another coordinator does that takes the lease over."""
    taken = "UPDATE lease SET holder = 'another', beat = beat + 1, seat = 'elsewhere'"
    server.sql(url.rpartition("/")[2], taken)


def ours(store: Store) -> bool:
    return store.is_ours


def test_who_lost_the_lease_writes_nothing(
    site: Site, postgres: PostgresServer, database_url: str
) -> None:
    async def scenario() -> None:
        store = (await site.open(database_url)).store
        assert store.grant(1, ACCOUNT, 4, 0, NOW) == 1
        assert ours(store)
        take_away(database_url, postgres)
        for write in (
            lambda: store.grant(2, ACCOUNT, 4, 0, NOW),
            lambda: store.grant_outside(2, ACCOUNT, 4, 0, NOW),
            lambda: store.sent(1, NOW),
            lambda: store.seen(4, [0], NOW),
            store.forget_sessions,
            lambda: store.set_retired({1: NOW}),
        ):
            with pytest.raises(LeaseLostError, match="another coordinator"):
                write()
        assert not ours(store)
        assert store.known(4, 0).epoch == 1, "what it knows stays as it was written"
        store.close()
        name = database_url.rpartition("/")[2]
        assert postgres.sql(name, "SELECT grant_id, sent_at FROM identifies") == "1|"
        assert postgres.sql(name, "SELECT holder FROM lease") == "another", "its end frees nothing"

    play(scenario())


def test_the_next_one_goes_on_where_the_one_before_was(site: Site, database_url: str) -> None:
    async def scenario() -> None:
        one = (await site.open(database_url)).store
        one.grant(1, ACCOUNT, 4, 0, NOW)
        one.seen(4, [0], one.time.now())
        one.set_retired({3: NOW})
        one.mark_sandbox_journals(True)
        before = one.time.now()
        one.close()
        other = (await site.open(database_url, "other")).store
        assert other.store_id == one.store_id
        assert other.grant(other.next_grant_id(), ACCOUNT, 4, 0, NOW) == 2
        assert before <= other.time.now() < before + 5.0
        assert other.known(4, 0).seen_at is None
        assert other.retired == {}, "its own folder has no journal"
        assert not other.has_sandbox_journals
        other.close()

    play(scenario())


def test_two_that_start_at_once_never_both_have_it(site: Site, database_url: str) -> None:
    """The tables are made by one of them."""

    async def scenario() -> None:
        kept: list[Kept] = []

        async def start(name: str) -> None:
            kept.append(Kept(await site.open(database_url, name)))

        done = await asyncio.gather(*map(start, "abcd"), return_exceptions=True)
        refused = [error for error in done if error is not None]
        assert len(kept) == 1
        assert [type(error) for error in refused] == [AlreadyRunningError] * 3
        assert all("(pid " in str(error) and "--standby" in str(error) for error in refused)
        assert all(PASSWORD not in str(error) for error in refused)
        assert kept[0].store.grant(1, ACCOUNT, 4, 0, NOW) == 1
        await kept[0].close()

    play(scenario())


def test_a_standby_waits_and_takes_over_when_it_is_given_up(site: Site, database_url: str) -> None:
    async def scenario() -> None:
        one = Kept(await site.open(database_url))
        why: list[str] = []
        waiting = asyncio.create_task(site.opening(database_url, "other").open(why.append))
        await until(lambda: bool(why))
        assert one.store.grant(1, ACCOUNT, 4, 0, NOW) == 1
        await one.close()
        began = time.monotonic()
        other = Kept(await waiting)
        assert time.monotonic() - began < LEASE_S / 2
        assert len(why) == 1
        assert "(pid " in why[0]
        assert other.store.grant(2, ACCOUNT, 4, 0, NOW) == 2
        await other.close()

    play(scenario())


def test_a_standby_that_is_ended_ends_at_once(site: Site, database_url: str) -> None:
    async def scenario() -> None:
        one = Kept(await site.open(database_url))
        why: list[str] = []
        waiting = asyncio.create_task(site.opening(database_url, "other").open(why.append))
        await until(lambda: bool(why))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert one.store.grant(1, ACCOUNT, 4, 0, NOW) == 1
        await one.close()

    play(scenario())


def test_a_server_that_restarts_costs_no_epoch(site: Site, server: PostgresServer) -> None:
    async def scenario() -> None:
        kept = Kept(await site.open(server.new_database()))
        store = kept.store
        assert store.grant(1, ACCOUNT, 4, 0, NOW) == 1
        await asyncio.to_thread(server.stop)
        with pytest.raises(StoreError) as caught:
            store.grant(2, ACCOUNT, 4, 0, NOW)
        assert PASSWORD not in str(caught.value)
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(StoreError, match="can't be reached"):
                store.grant(2, ACCOUNT, 4, 0, NOW)
        assert time.monotonic() - began < 0.5, "while it is away nobody waits for it"
        assert store.trouble
        assert store.known(4, 0).epoch == 1
        assert store.spent(ACCOUNT, NOW) == 1
        await asyncio.to_thread(server.start)
        await until(lambda: written(store, 3))
        assert store.known(4, 0).epoch == 2
        assert store.trouble == ""
        await kept.close()

    play(scenario())


def has_one_grant(replica: PostgresServer, url: str) -> bool:
    return replica.sql(url.rpartition("/")[2], "SELECT count(*) FROM identifies") == "1"


def written(store: Store, grant_id: int) -> bool:
    """Whether a grant could be written."""
    with suppress(StoreError):
        store.grant(grant_id, ACCOUNT, 4, 0, NOW)
        return True
    return False


def test_a_server_that_is_silent_holds_nobody_up(
    site: Site, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that was cut off may have been committed, or not: no epoch is given twice."""

    async def scenario() -> None:
        monkeypatch.setattr(connection, "MOST_WAIT_S", 0.5)
        kept = Kept(await site.open(server.new_database()))
        store = kept.store
        assert store.grant(1, ACCOUNT, 4, 0, NOW) == 1
        server.freeze()
        began = time.monotonic()
        with pytest.raises(StoreError):
            store.grant(2, ACCOUNT, 4, 0, NOW)
        assert time.monotonic() - began < 3.0
        server.thaw()
        await until(lambda: written(store, 3))
        assert store.known(4, 0).epoch in (2, 3)
        await kept.close()

    play(scenario())


def test_who_is_frozen_in_the_midst_of_a_transaction_is_cut_off(
    site: Site, postgres: PostgresServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the lease's row locked, for which a standby waits."""

    async def scenario() -> None:
        monkeypatch.setattr(connection, "MOST_WAIT_S", 0.5)
        kept = Kept(await site.open(database_url))
        store = kept.store

        def frozen() -> None:
            with store._db.transaction():
                store._put("server_key", "never written")
                take_away(database_url, postgres)

        with pytest.raises(StoreError):
            frozen()
        assert "another coordinator" in str(await kept.lost())
        with pytest.raises(LeaseLostError):
            store.grant(1, ACCOUNT, 4, 0, NOW)
        await kept.close()
        name = database_url.rpartition("/")[2]
        assert postgres.sql(name, "SELECT count(*) FROM meta WHERE key = 'server_key'") == "0"

    play(scenario())


def test_after_a_lease_without_the_server_another_may_have_it(
    site: Site, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        clock = [100.0]
        monkeypatch.setattr("coordinator.state.postgres.opening.since_boot_s", lambda: clock[0])
        monkeypatch.setattr("coordinator.state.postgres.database.since_boot_s", lambda: clock[0])
        monkeypatch.setattr(lease_keeper, "RENEW_S", 0.05)
        kept = Kept(await site.open(server.new_database()))
        clock[0] += 4.0
        await until(lambda: kept.lease.holds(clock[0] + LEASE_S - 0.1))
        await asyncio.to_thread(server.stop)
        clock[0] += LEASE_S - 0.1
        assert ours(kept.store)
        clock[0] += 0.2
        assert not ours(kept.store)
        await asyncio.to_thread(server.start)
        await until(lambda: ours(kept.store))
        await until(lambda: written(kept.store, 1))
        await kept.close()

    play(scenario())


def test_a_failover_loses_nothing_that_the_holder_knows(site: Site, server: PostgresServer) -> None:
    """The replica lagged behind, as one may that is not synchronous."""

    async def scenario() -> None:
        url = server.new_database()
        replica = await asyncio.to_thread(server.replica)
        try:
            both = url.replace(
                f"127.0.0.1:{server.port}", f"127.0.0.1:{server.port},127.0.0.1:{replica.port}"
            )
            kept = Kept(await site.open(both))
            store = kept.store
            store.grant(1, ACCOUNT, 4, 0, NOW)
            name = url.rpartition("/")[2]
            await until(lambda: has_one_grant(replica, url))
            replica.stop(signal.SIGQUIT)  # it is cut off, and gets none of what follows
            assert store.grant(2, ACCOUNT, 4, 0, NOW) == 2
            assert store.grant(3, ACCOUNT, 4, 1, NOW) == 1
            server.stop(signal.SIGQUIT)
            standby = Path(replica.data) / "standby.signal"
            standby.unlink()  # a start without it is a promotion
            replica.start()
            await until(lambda: written(store, 4))
            assert store.known(4, 0).epoch == 3
            rows = "SELECT string_agg(grant_id::text, ' ' ORDER BY grant_id) FROM identifies"
            assert replica.sql(name, rows) == "1 2 3 4"
            epochs = "SELECT string_agg(epoch::text, ' ' ORDER BY shard_id) FROM shards"
            assert replica.sql(name, epochs) == "3 1"
            await kept.close()
        finally:
            replica.close()

    play(scenario())


def test_who_is_promoted_is_found_by_the_url(site: Site, server: PostgresServer) -> None:
    async def scenario() -> None:
        url = server.new_database()
        replica = await asyncio.to_thread(server.replica)
        try:
            both = url.replace(
                f"127.0.0.1:{server.port}", f"127.0.0.1:{replica.port},127.0.0.1:{server.port}"
            )
            kept = Kept(await site.open(both))
            assert kept.store.grant(1, ACCOUNT, 4, 0, NOW) == 1, "not the replica, which is first"
            await until(lambda: has_one_grant(replica, url))
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(replica.promote)
            await until(lambda: written(kept.store, 2))
            assert kept.store.known(4, 0).epoch == 2
            await kept.close()
        finally:
            replica.close()

    play(scenario())


def test_other_keys_are_refused(site: Site, database_url: str) -> None:
    async def scenario() -> None:
        one = Kept(await site.open(database_url, key="k1"))
        with pytest.raises(ConfigError, match="another key for TCP"):
            await site.open(database_url, "other", key="k2")
        await one.close()
        renewed = Kept(await site.open(database_url, key="k3"))
        await renewed.close()
        other = Kept(await site.open(database_url, "other", key="k3"))
        await other.close()

    play(scenario())


def test_a_newer_schema_is_refused_and_left_alone(
    site: Site, postgres: PostgresServer, database_url: str
) -> None:
    async def scenario() -> None:
        (await site.open(database_url)).store.close()
        name = database_url.rpartition("/")[2]
        postgres.sql(name, f"UPDATE schema_version SET version = {schema.VERSION + 1}")
        with pytest.raises(ClusterError, match="newer dcgw-cluster"):
            await site.open(database_url)
        assert postgres.sql(name, "SELECT holder IS NULL FROM lease") == "t"

    play(scenario())


def test_a_standby_that_was_overtaken_by_a_newer_program_leaves_the_store_alone(
    site: Site, postgres: PostgresServer, database_url: str
) -> None:
    async def scenario() -> None:
        one = Kept(await site.open(database_url))
        why: list[str] = []
        waiting = asyncio.create_task(site.opening(database_url, "other").open(why.append))
        await until(lambda: bool(why))
        name = database_url.rpartition("/")[2]
        postgres.sql(name, f"UPDATE schema_version SET version = {schema.VERSION + 1}")
        await one.close()
        with pytest.raises(ClusterError, match="newer dcgw-cluster"):
            await waiting
        assert postgres.sql(name, "SELECT holder IS NULL FROM lease") == "t"

    play(scenario())


def test_an_older_schema_is_migrated_or_left_as_it_was(
    site: Site, postgres: PostgresServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        store = (await site.open(database_url)).store
        store.grant(1, ACCOUNT, 4, 2, NOW)
        store.close()
        name = database_url.rpartition("/")[2]
        more = "ALTER TABLE identifies ADD COLUMN who TEXT NOT NULL DEFAULT 'us';"
        monkeypatch.setattr(schema, "VERSION", 3)
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, f"{more} nonsense;"))
        with pytest.raises(ClusterError, match="can't be used"):
            await site.open(database_url)
        assert postgres.sql(name, "SELECT version FROM schema_version") == "2"
        assert postgres.sql(name, "SELECT holder IS NULL FROM lease") == "t"
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:2], more))
        again = (await site.open(database_url)).store
        assert again.known(4, 2).epoch == 1
        again.close()
        assert postgres.sql(name, "SELECT who FROM identifies") == "us"

    play(scenario())


def test_another_program_s_database_is_left_alone(
    site: Site, postgres: PostgresServer, database_url: str
) -> None:
    async def scenario() -> None:
        name = database_url.rpartition("/")[2]
        postgres.sql(name, "CREATE TABLE meta (id INTEGER)")
        with pytest.raises(ClusterError, match="another program"):
            await site.open(database_url)
        tables = "SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'"
        assert postgres.sql(name, tables) == "meta"

    play(scenario())


@pytest.mark.parametrize("wrong", ["password", "port", "database"])
def test_what_is_wrong_is_said_without_the_password(
    site: Site, postgres: PostgresServer, database_url: str, wrong: str
) -> None:
    async def scenario() -> None:
        url = {
            "password": database_url.replace("p4ss", "wr0ng-p4ss"),
            "port": database_url.replace(f":{postgres.port}/", ":1/"),
            "database": f"{database_url}nowhere",
        }[wrong]
        with pytest.raises(ClusterError, match="can't be used") as caught:
            await site.open(url)
        assert "p4ss" not in str(caught.value)
        assert "\n" not in str(caught.value)

    play(scenario())


def test_a_wait_is_bounded_though_the_server_says_nothing(postgres: PostgresServer) -> None:
    one = connection.connect(postgres.url("postgres"))
    connection.begin(one, 0.2)
    began = time.monotonic()
    with pytest.raises(Exception, match="does not answer"):
        one.execute("SELECT pg_sleep(1.5)")
    assert time.monotonic() - began < 1.0
    assert one.closed


def test_the_tests_have_a_server_where_debian_s_is() -> None:
    assert (programs() is not None) == any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
