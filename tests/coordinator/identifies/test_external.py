"""Programs outside share a cluster's identifies: one line, one budget, one ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.control import ControlClient
from cluster.errors import ClusterError
from cluster.wire.identifies import IdentifyAsk, account_key
from coordinator.verb import Parcel
from tests.coordinator.identifies.identify_rig import ACCOUNT, INTERVAL_S, Cluster, granting, until

Scenario = Callable[[Cluster, ControlClient], Awaitable[None]]


def play(folder: Path, scenario: Scenario, **options: Any) -> None:
    """A cluster that grants, and a client of its control endpoint."""

    async def whole() -> None:
        async with granting(folder, **options) as east, ControlClient(east.endpoint) as control:
            await scenario(east, control)

    asyncio.run(whole())


def test_leaving_the_block_says_that_it_was_sent(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        async with control.request_identify(shard_id=3, shard_count=8):
            pass
        left = time.monotonic()
        east.want(0)
        granted_at, grant = await east.next()
        assert granted_at >= left + INTERVAL_S - 0.05, "the bucket is closed from when it was left"
        assert (grant.shard_id, grant.epoch) == (0, 1)
        assert east.queue.status().spent == 2
        assert east.store.known(8, 3).epoch == 0, "an epoch of shard 3 of this cluster is its own"

    play(short_folder, scenario)


def test_leaving_it_by_an_error_gives_the_grant_back(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        with pytest.raises(OSError, match="no route"):
            async with control.request_identify(shard_id=3):
                raise OSError("no route to Discord")
        east.want(0)
        _, grant = await east.next()
        assert grant.shard_id == 0
        assert (east.queue.status().spent, east.queue.status().remaining) == (1, 999)

    play(short_folder, scenario)


@pytest.mark.parametrize(("said", "spent"), [("sent", 1), ("unused", 0)])
def test_what_is_said_in_the_block_holds(short_folder: Path, said: str, spent: int) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        async def fails() -> None:
            async with control.request_identify(shard_id=3) as grant:
                await getattr(grant, said)()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fails()
        async with control.request_identify(shard_id=3) as grant:
            await getattr(grant, said)()
            await grant.ready()
        assert east.queue.status().spent == 2 * spent

    play(short_folder, scenario)


def test_it_waits_in_the_workers_line_in_shard_order(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        order: list[int] = []

        async def program(shard: int) -> None:
            async with control.request_identify(shard_id=shard, who=f"program {shard}"):
                order.append(shard)

        async def workers(count: int) -> None:
            for _ in range(count):
                _, grant = await east.next()
                order.append(grant.shard_id)
                east.sent(grant)

        east.want(0)
        _, first = await east.next()
        programs = [asyncio.create_task(program(shard)) for shard in (7, 2, 5)]
        await until(lambda: len(east.queue.status().outside) == 3)
        east.want(3, 1)
        status = east.queue.status()
        assert (status.waiting, status.outside[0].who) == ([1, 3], "program 7")
        assert status.wait_s == pytest.approx(3 * INTERVAL_S, abs=0.02), "1, 2, 3 if 0 is sent now"
        east.sent(first)
        async with asyncio.timeout(60):
            await asyncio.gather(workers(2), *programs)
        assert order == [1, 2, 3, 5, 7]
        assert east.queue.status().outside == []

    play(short_folder, scenario)


def test_the_same_shard_of_a_program_takes_no_turn_from_the_workers(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        async with control.request_identify(shard_id=0):
            waits = asyncio.create_task(control.request_identify(shard_id=1).granted())
            await until(lambda: len(east.queue.status().outside) == 1)
            east.want(0)
        _, grant = await east.next()
        assert grant.shard_id == 0, "0 had its grant, this cluster's 0 had none"
        assert not waits.done()
        waits.cancel()

    play(short_folder, scenario)


def test_one_who_gives_up_leaves_the_line(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        east.want(0)
        await east.next()
        asked = control.request_identify(shard_id=1, shard_count=16, who="\x1b[2Jme\n")
        waits = asyncio.create_task(asked.granted())
        await until(lambda: len(east.queue.status().outside) == 1)
        (claim,) = east.queue.status().outside
        assert (claim.shard_id, claim.shard_count, claim.who) == (1, 16, "?[2Jme?")
        waits.cancel()
        await until(lambda: east.queue.status().outside == [])
        assert east.limiter.schedule(time.monotonic()) == []

    play(short_folder, scenario)


def test_the_turn_of_one_who_is_gone_goes_to_the_next_at_once(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        east.want(0)
        _, first = await east.next()
        gone = ControlClient(east.endpoint)
        waits = asyncio.create_task(gone.request_identify(shard_id=1).granted())
        await until(lambda: len(east.queue.status().outside) == 1)
        waits.cancel()
        gone.close()  # as a killed process does: nothing is said
        await asyncio.gather(waits, return_exceptions=True)
        east.want(2)
        east.sent(first)
        async with asyncio.timeout(60):
            assert (await east.next())[1].shard_id == 2
        assert east.queue.status().spent == 2

    play(short_folder, scenario)


def test_a_client_asks_other_things_while_it_waits(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        east.want(0)
        await east.next()
        waits = [
            asyncio.create_task(control.request_identify(shard_id=1).granted()) for _ in range(50)
        ]
        await until(lambda: len(east.queue.status().outside) == 50)
        budget = await control.identify_budget()
        assert (budget.total, budget.remaining, budget.max_concurrency) == (1000, 999, 1)
        for one in waits:
            one.cancel()

    play(short_folder, scenario)


def test_nothing_is_granted_over_the_budget(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        async with control.request_identify(shard_id=0) as grant:
            east.want(1)
            waits = asyncio.create_task(control.request_identify(shard_id=2).granted())
            await until(lambda: len(east.queue.status().outside) == 1)
            assert east.queue.status().wait_s > 70_000, "until the reset"
            await grant.unused()
        _, given = await east.next()
        assert given.shard_id == 1
        assert not waits.done()
        waits.cancel()

    play(short_folder, scenario, remaining=1, concurrency=4)


def test_who_runs_another_account_is_refused(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        def ask(token: str) -> IdentifyAsk:
            key = account_key(token, east.store.store_id)
            return IdentifyAsk(ticket=token, shard_id=5, who="west", account=key)

        with pytest.raises(ClusterError, match=r"west asks .*another account") as caught:
            await control.identify(ask("Nzg5.other.bot"), patience=None).granted()
        assert "Nzg5" not in str(caught.value)
        assert east.queue.status().outside == []
        # The same bot after its token was reset
        await control.identify(ask("MTIz.new.token"), patience=None).granted()

    play(short_folder, scenario)


def test_a_ticket_is_good_for_one_shard_and_one_identify(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        one = control.identify(IdentifyAsk(ticket="t", shard_id=5), patience=None)
        await one.granted()
        await one.granted()  # asked again: the same grant
        assert east.queue.status().spent == 1
        with pytest.raises(ClusterError, match="of shard 5"):
            await control.identify(IdentifyAsk(ticket="t", shard_id=6), patience=None).granted()
        await control.identify(IdentifyAsk(ticket="t", shard_id=5), patience=None).sent()
        with pytest.raises(ClusterError, match="was sent already"):
            await control.identify(IdentifyAsk(ticket="t", shard_id=5), patience=None).granted()

    play(short_folder, scenario)


def test_a_grant_that_was_asked_for_again_is_not_taken_back_for_the_first_time(
    short_folder: Path,
) -> None:
    """Whoever asked is there: it has the answer to its second question."""

    async def scenario(east: Cluster, control: ControlClient) -> None:
        identify = east.queue.verbs()["identify"]
        args = {"ticket": "t", "shard_id": 5}
        first, second = await identify(args), await identify(args)
        assert isinstance(first, Parcel)
        assert isinstance(second, Parcel)
        assert first.undelivered is not None
        first.undelivered()
        assert east.queue.status().spent == 1
        second.undelivered()
        assert east.queue.status().spent == 0

    play(short_folder, scenario)


def test_a_grant_that_reached_nobody_was_no_turn(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        lost = await east.queue.verbs()["identify"]({"ticket": "t", "shard_id": 1})
        assert isinstance(lost, Parcel)
        east.want(3)
        again = asyncio.create_task(control.request_identify(shard_id=1).granted())
        await until(lambda: len(east.queue.status().outside) == 1)
        lost.undelivered()
        await until(lambda: again.done() or not east.grants.empty())
        assert again.done(), "it has the place that it had"
        await again

    play(short_folder, scenario)


def test_an_identify_of_which_nothing_is_known_closes_its_bucket(short_folder: Path) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        await control.identify(IdentifyAsk(ticket="of before", shard_id=5), patience=None).sent()
        given_back = time.monotonic()
        east.want(0)
        granted_at, _ = await east.next()
        assert granted_at >= given_back + INTERVAL_S - 0.05
        assert {row.shard_id for row in east.store.recent(ACCOUNT, 0, time.time())} == {0}

    play(short_folder, scenario)


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"ticket": "", "shard_id": 0},
        {"ticket": "x" * 65, "shard_id": 0},
        {"ticket": "t", "shard_id": -1},
        {"ticket": "t", "shard_id": 2**63},
        {"ticket": "t", "shard_id": True},
        {"ticket": "t", "shard_id": 0, "who": "w" * 81},
    ],
)
def test_arguments_that_are_none_are_refused(short_folder: Path, args: dict[str, object]) -> None:
    async def scenario(east: Cluster, control: ControlClient) -> None:
        with pytest.raises(ClusterError, match="not the arguments"):
            await control.connection.exchange("identify", object, args, 5.0)
        assert east.queue.status().outside == []

    play(short_folder, scenario)
