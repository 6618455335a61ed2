"""A queue that asks a broker, and the broker's, over real ZeroMQ: one limiter for both."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from cluster.control import ControlClient
from cluster.errors import ApiUnavailableError, BudgetError, ClusterError
from cluster.identify.limiter import GRANT_TIMEOUT_S
from cluster.wire import link
from cluster.wire.identifies import POLL_S
from coordinator.state.database import StoreError
from tests.coordinator.identifies.identify_rig import INTERVAL_S, Cluster, asking, granting, until

Scenario = Callable[[Cluster, Cluster], Awaitable[None]]


def play(folder: Path, scenario: Scenario, **options: Any) -> None:
    """East grants, west asks it."""

    async def whole() -> None:
        async with granting(folder, **options) as east, asking(folder, east.endpoint) as west:
            await scenario(east, west)

    asyncio.run(whole())


def asking_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **given: Any
) -> AbstractAsyncContextManager[Cluster]:
    """West goes on with its sessions, and looks again and again for a broker at east's address."""
    monkeypatch.setattr("coordinator.identifies.brokered_queue.LOOK_S", 0.05)
    endpoint = f"ipc://{folder / 'east'}"
    return asking(folder, endpoint, patience=0.1, going_on=True, **given)


async def work(cluster: Cluster, count: int, log: list[tuple[float, int]]) -> None:
    """A worker that takes so many grants and identifies at once."""
    for _ in range(count):
        _, grant = await cluster.next()
        log.append((time.monotonic(), grant.shard_id))
        cluster.sent(grant)


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_the_shards_of_both_start_in_one_order_and_one_pace(
    short_folder: Path, concurrency: int
) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        identifies: list[tuple[float, int]] = []
        east.want(0)
        _, first = await east.next()  # it holds its bucket up until all are there
        west.want(7, 6, 5, 4)
        waiting = sum(bucket == 0 for bucket in (shard % concurrency for shard in (4, 5, 6, 7)))
        await until(lambda: len(east.queue.status().outside) >= waiting)
        east.want(1, 2, 3)
        identifies.append((time.monotonic(), 0))
        east.sent(first)
        async with asyncio.timeout(60):
            await asyncio.gather(work(east, 3, identifies), work(west, 4, identifies))
        for bucket in range(concurrency):
            own = [
                (sent_at, shard) for sent_at, shard in identifies if shard % concurrency == bucket
            ]
            assert all(b[0] - a[0] >= INTERVAL_S - 0.02 for a, b in itertools.pairwise(own))
            if concurrency == 1:
                assert [shard for _, shard in own] == list(range(8))
        assert east.queue.status().spent == 8
        assert west.queue.status().spent == 4

    play(short_folder, scenario, concurrency=concurrency)


def test_epochs_and_ledger_of_the_asker_are_its_own(short_folder: Path) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        for epoch in (1, 2):
            west.want(4)
            _, grant = await west.next()
            assert (grant.shard_id, grant.epoch) == (4, epoch)
            west.sent(grant)
        assert west.store.known(8, 4).epoch == 2
        assert east.store.known(8, 4).epoch == 0

    play(short_folder, scenario)


def test_an_unused_grant_comes_back_in_both_ledgers(short_folder: Path) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        west.want(4)
        _, grant = await west.next()
        west.unused(grant)
        await until(lambda: east.queue.status().spent == 0)
        assert west.queue.status().spent == 0
        west.absent = True
        west.want(5)
        await until(lambda: west.store.known(8, 5).epoch == 1)
        await until(lambda: east.queue.status().spent == 0)
        assert west.queue.status().spent == 0, "nobody was there to take it"

    play(short_folder, scenario)


def test_a_worker_that_asks_again_is_told_again(short_folder: Path) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        west.want(4, 4)
        _, grant = await west.next()
        west.want(4)
        assert (await west.next())[1] == grant
        assert east.queue.status().spent == 1

    play(short_folder, scenario)


def test_a_grant_that_found_a_full_pipe_is_given_when_it_has_room(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.identifies.brokered_queue.REACH_AGAIN_S", 0.01)

    async def scenario(east: Cluster, west: Cluster) -> None:
        west.absent = True
        west.want(4)
        await until(lambda: west.store.known(8, 4).epoch >= 2)
        assert west.queue.status().waiting == [4]
        west.absent = False
        _, grant = await west.next()
        assert (grant.shard_id, west.queue.status().spent) == (4, 1)
        west.absent = True
        west.want(4)  # it does not know of its grant, and its pipe is full again
        west.absent = False
        assert (await west.next())[1] == grant
        west.absent = True
        west.want(4)
        west.sent(grant)  # it knows by now
        await until(lambda: west.queue.status().waiting == [])
        west.absent = False
        west.want(5)
        assert (await west.next())[1].shard_id == 5
        assert (west.queue.status().spent, east.queue.status().spent) == (2, 2)

    play(short_folder, scenario)


def test_the_grant_of_a_dead_worker_is_spent_and_its_others_leave_the_line(
    short_folder: Path,
) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        west.want(4, 5)
        await west.next()
        await until(lambda: len(east.queue.status().outside) == 1)
        died = time.monotonic()
        west.queue.gone(0)
        east.want(0)
        granted_at, _ = await east.next()
        assert granted_at >= died + INTERVAL_S - 0.02, "it may have been sent until then"
        assert east.queue.status().outside == []
        assert (west.queue.status().spent, east.queue.status().spent) == (1, 2)
        west.want(4)  # the next worker of the slot
        await until(lambda: len(east.queue.status().outside) == 1)

    play(short_folder, scenario)


def test_a_ready_is_passed_on(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a late one means is the limiter's."""

    async def scenario(east: Cluster, west: Cluster) -> None:
        west.want(4)
        _, grant = await west.next()
        accepted: list[tuple[int, float]] = []
        monkeypatch.setattr(
            east.limiter, "accepted", lambda shard, _, now: accepted.append((shard, now))
        )
        west.sent(grant)
        ready = time.monotonic()
        west.queue.ready(0, [4])
        await until(lambda: accepted != [])
        ((shard, granted_at),) = accepted
        assert shard == 4
        assert granted_at >= ready

    play(short_folder, scenario)


def test_a_start_over_what_the_broker_has_left_is_refused(short_folder: Path) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        west.queue.require(7)
        with pytest.raises(BudgetError, match="8 identifies are needed and 7 of 1000 are left at"):
            west.queue.require(8)

    play(short_folder, scenario, remaining=7)


def test_a_broker_that_comes_back_goes_on_from_its_ledger(
    short_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was gone with a grant outstanding and shards waiting."""

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            broker = await stack.enter_async_context(AsyncExitStack())
            east = await broker.enter_async_context(granting(short_folder))
            west = await stack.enter_async_context(
                asking(short_folder, east.endpoint, patience=1.0)
            )
            west.want(4)
            _, grant = await west.next()
            west.want(5)
            await until(lambda: len(east.queue.status().outside) == 1)
            await broker.aclose()
            await until(lambda: "does not answer" in west.queue.status().trouble)
            assert west.queue.status().waiting == [5]
            assert west.grants.empty()
            west.sent(grant)  # said to nobody yet
            again = await broker.enter_async_context(granting(short_folder))
            back = time.monotonic()
            granted_at, second = await west.next()
            assert back + INTERVAL_S - 0.05 <= granted_at < back + POLL_S, (
                "it is asked again at once"
            )
            assert (second.shard_id, again.queue.status().spent) == (5, 2)
            await until(lambda: west.queue.status().trouble == "")

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    said = [r.getMessage() for r in caplog.records if r.name == "coordinator.identifies.broker"]
    words = ("does not answer", "answers again", "was restarted")
    assert [line for line, word in zip(said, words, strict=True) if word not in line] == []


def test_the_next_coordinator_passes_on_what_a_worker_says_of_an_old_grant(
    short_folder: Path,
) -> None:
    async def scenario() -> None:
        async with granting(short_folder) as east:
            async with asking(short_folder, east.endpoint) as west:
                west.want(4)
                _, grant = await west.next()
            async with asking(short_folder, east.endpoint) as west:
                west.sent(grant)
                east.want(0)
                sent = time.monotonic()
                granted_at, other = await east.next()
                assert sent + INTERVAL_S - 0.02 <= granted_at < sent + GRANT_TIMEOUT_S, (
                    "not given up for lost"
                )
                east.sent(other)
                assert west.queue.status().spent == 1
                west.want(5)
                assert (await west.next())[1].grant_id == grant.grant_id + 1

    asyncio.run(scenario())


def test_another_account_is_refused_at_the_start_and_later(short_folder: Path) -> None:
    async def scenario() -> None:
        async with granting(short_folder) as east, ControlClient(east.endpoint) as control:
            west = Cluster(short_folder, "west", (4, 5, 6, 7), 8)
            with pytest.raises(ClusterError, match="runs for another account"):
                await west.asks(control, token="Nzg5.other.bot")
            west.store.close()

    asyncio.run(scenario())


def test_nobody_at_the_brokers_address_is_said_at_the_start(short_folder: Path) -> None:
    async def scenario() -> None:
        west = Cluster(short_folder, "west", (4, 5, 6, 7), 8)
        async with ControlClient(f"ipc://{short_folder / 'nobody'}", timeout=0.05) as control:
            with pytest.raises(ClusterError, match=r"no coordinator answers at ipc:.*nobody"):
                await west.asks(control)
        west.store.close()

    asyncio.run(scenario())


def test_where_sessions_live_a_broker_that_is_away_is_waited_for(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with asking_nobody(short_folder, monkeypatch) as west:
            status = west.queue.status()
            assert (status.known, "does not answer" in status.trouble) == (False, True)
            with pytest.raises(ClusterError, match=r"not known.*does not answer"):
                west.queue.require(1)
            west.want(4)
            async with granting(short_folder):
                _, grant = await west.next()
                assert grant.shard_id == 4
                status = west.queue.status()
                assert (status.known, status.trouble) == (True, "")
                west.queue.require(1)

    asyncio.run(scenario())


def test_a_broker_that_waits_for_discord_itself_is_waited_for(short_folder: Path) -> None:
    """It knows no numbers; who has nothing to go on with is told so."""

    async def scenario() -> None:
        async with granting(short_folder, held=ClusterError("the API is away")) as east:
            async with ControlClient(east.endpoint) as control:
                west = Cluster(short_folder, "west", (4, 5, 6, 7), 8)
                with pytest.raises(ApiUnavailableError, match="the API is away"):
                    await west.asks(control)
                west.store.close()
            async with asking(short_folder, east.endpoint, going_on=True) as waiting:
                assert "the API is away" in waiting.queue.status().trouble

    asyncio.run(scenario())


def test_a_broker_that_comes_back_without_numbers_is_not_one_that_does_not_answer(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with asking_nobody(short_folder, monkeypatch) as west:
            assert "does not answer" in west.queue.status().trouble
            west.want(4)
            async with granting(short_folder, held=ClusterError("the API is away")):
                told = west.queue.status
                await until(
                    lambda: (
                        "the API is away" in told().trouble
                        and "does not answer" not in told().trouble
                    )
                )

    asyncio.run(scenario())


def test_a_stranger_that_comes_late_grants_nothing(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with asking_nobody(short_folder, monkeypatch, token="Nzg5.other.bot") as west:
            west.want(4)
            async with granting(short_folder) as east:
                await until(lambda: "another account" in west.queue.status().trouble)
                assert west.grants.empty()
                assert east.queue.status().outside == []
                assert east.queue.status().spent == 0

    asyncio.run(scenario())


def test_a_stranger_is_not_waited_for(short_folder: Path) -> None:
    async def scenario() -> None:
        async with granting(short_folder) as east, ControlClient(east.endpoint) as control:
            west = Cluster(short_folder, "west", (4, 5, 6, 7), 8)
            with pytest.raises(ClusterError, match="runs for another account"):
                await west.asks(control, token="Nzg5.other.bot", going_on=True)
            west.store.close()

    asyncio.run(scenario())


def test_who_asks_here_is_told_where_to_ask(short_folder: Path) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        async with ControlClient(west.endpoint) as control:
            with pytest.raises(ClusterError, match=r"has its identifies from .*east: ask there"):
                await control.request_identify(shard_id=1).granted()
            third = Cluster(short_folder, "third", (1,), 8)
            with pytest.raises(ClusterError, match="ask there"):
                await third.asks(control)
            third.store.close()

    play(short_folder, scenario)


def test_a_ledger_that_cant_be_written_gives_the_grant_back(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        def full(*_: object) -> int:
            raise StoreError("database or disk is full")

        monkeypatch.setattr("coordinator.identifies.brokered_queue.ASK_AGAIN_S", 0.05)
        with monkeypatch.context() as patch:
            patch.setattr(west.store, "grant", full)
            west.want(4)
            await until(lambda: "disk is full" in west.queue.status().trouble)
            assert west.grants.empty()
        _, grant = await west.next()
        assert (grant.shard_id, west.queue.status().trouble) == (4, "")
        await until(lambda: east.queue.status().spent == 1)

    play(short_folder, scenario)


def test_a_worker_is_not_heard_for_shards_of_others(short_folder: Path) -> None:
    async def scenario(east: Cluster, west: Cluster) -> None:
        for shard in (0, 8, -2, 2**63):
            west.queue.handle(0, link.IdentifyRequest(shard_id=shard))
        assert west.queue.status().waiting == []

    play(short_folder, scenario)
