"""How a worker's shards hang on its lease."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from msgspec.structs import replace

from cluster.wire.link import IdentifyGrant, Lease, ShardPlan, Take
from shard_worker.lease_watch import LeaseWatch
from shard_worker.worker import Exit, Worker
from tests.played_loop import play
from tests.shard_worker.test_adopt_seconds import worker_spec
from tests.shard_worker.test_shard import HELLO, PLAN, Ordered
from tests.shard_worker.test_worker_reports import let_report

LEASE_S = 30.0


def leased(plans: list[ShardPlan]) -> tuple[Worker, Ordered]:
    """Return a worker with a lease by the loop's clock, and what its shards do. Its journal holds
    nothing."""
    loop = asyncio.get_running_loop()
    worker, wire = Worker(replace(worker_spec(), lease_s=LEASE_S)), Ordered()
    worker._lease = LeaseWatch(
        LEASE_S, on_begin=worker._begin, on_over=worker._on_lease_over, clock=loop.time
    )
    let_report(worker, lambda _: True)
    journal = cast(Any, worker._journal)
    journal.shard, journal.read_other_slots = lambda _: (wire, None, 0), int
    worker._transport = cast(Any, SimpleNamespace(connect=wire.connect, received_bytes=0))
    for plan in plans:
        worker._add(plan)
    return worker, wire


def test_no_shard_connects_before_it_nor_after_it_and_none_identifies() -> None:
    async def scenario() -> None:
        worker, wire = leased([PLAN])
        worker._shards[0].start()
        assert wire.done == []
        worker, wire = leased([PLAN])
        worker._on_message(Take(shard=ShardPlan(shard_id=1, shard_count=2)))
        assert (sorted(worker._shards), wire.done) == ([0, 1], [])
        worker._on_message(Lease(number=worker._lease.report()))
        await asyncio.sleep(1)
        assert len(wire.done) == 2
        shard = worker._shards[0]
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        worker._lease._clock = lambda: asyncio.get_running_loop().time() + LEASE_S
        worker._on_message(IdentifyGrant(shard_id=0, grant_id=3, epoch=1))
        assert wire.payloads == []
        assert ("unused", 3) not in wire.done, "the worker tells it"
        assert worker._stopping.result()[0] is Exit.ORPHANED

    play(scenario)


def test_after_the_end_no_answer_begins_anything() -> None:
    async def scenario() -> None:
        worker, wire = leased([PLAN])
        number = worker._lease.report()
        await asyncio.sleep(LEASE_S)
        worker._look_for_coordinator()
        assert worker._stopping.result()[0] is Exit.ORPHANED
        worker._on_message(Lease(number=number))
        worker._on_message(Lease(number=worker._lease.report()))
        assert wire.done == []

    play(scenario)
