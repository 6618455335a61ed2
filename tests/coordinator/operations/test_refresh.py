"""A shard that is to identify anew: who is told what, and when it is done, with a played worker."""

from __future__ import annotations

import asyncio
from typing import cast

import msgspec
import pytest

from cluster.errors import BudgetError, ClusterError
from cluster.wire import link
from cluster.wire.states import SessionState
from cluster.wire.status import BudgetStatus, OutsideClaim
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.operations import restarting
from coordinator.operations.restarting import RollingRestart
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.workers.fleet import Fleet
from coordinator.workers.supervisor import Supervisor

BUDGET = BudgetStatus(
    total=1000, remaining=10, reset_after_s=60.0, max_concurrency=1, spent=0, waiting=[],
    wait_s=0.0,
)  # fmt: skip


class Queue:
    """The identifies, as a refresh sees them."""

    def __init__(self) -> None:
        self.budget = BUDGET

    def require(self, needed: int) -> None:
        if self.budget.remaining < needed:
            raise BudgetError("none is left")

    def status(self) -> BudgetStatus:
        return self.budget


class Cluster:
    """Two shards, each with a worker that does what it is told by way of `asked`."""

    def __init__(self) -> None:
        assignments = Assignments(Plan(2, {0: (0,), 1: (1,)}))
        self.told: list[tuple[int, link.ToWorker]] = []
        self.is_there = True
        self.fleet = Fleet.start_with(assignments, self.send, lambda: 0.0)
        self.queue = Queue()
        self.restarting = RollingRestart(
            self.fleet, cast(Supervisor, None), cast(GuardedQueue, self.queue)
        )
        self.report(1, SessionState.READY, epoch=3)

    def send(self, slot: int, message: link.ToWorker) -> bool:
        self.told.append((slot, message))
        return self.is_there

    def report(self, shard: int, state: SessionState, *, epoch: int) -> None:
        row = link.ShardReport(shard_id=shard, state=state, epoch=epoch, seq=1, events=1)
        report = link.Report(
            slot=shard, has=[shard], shards=[row], cpu_seconds=0.0, rss_bytes=0, events=1,
            journal_bytes=0, journal_seconds=None, journalling=True, unpublished=0,
        )  # fmt: skip
        self.fleet.reports.report(report, 0.0)
        self.fleet.changes.tell()


def test_it_is_done_when_the_next_session_is_ready() -> None:
    async def scenario() -> None:
        cluster = Cluster()
        refresh = asyncio.create_task(cluster.restarting.refresh(1))
        await asyncio.sleep(0)
        assert cluster.told == [(1, link.Reconnect(shard_id=1, identify=True))]
        cluster.report(1, SessionState.WAITING, epoch=3)
        cluster.report(1, SessionState.READY, epoch=3)  # as before: it has only resumed
        await asyncio.sleep(0)
        cluster.report(1, SessionState.IDENTIFYING, epoch=4)
        await asyncio.sleep(0)
        assert not refresh.done()
        cluster.report(1, SessionState.READY, epoch=4)
        assert await refresh == "shard 1 identified anew: its guilds are on their way"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"remaining": 0}, "none is left"),
        ({"waiting": [0]}, "1 wait for an identify already"),
        (
            {"outside": [OutsideClaim(shard_id=0, shard_count=1, who="?")]},
            "1 wait for an identify already",
        ),
        ({"trouble": "4014"}, "no identify is granted now: 4014"),
    ],
)
def test_no_session_is_ended_that_could_not_be_followed_at_once(
    changed: dict[str, object], says: str
) -> None:
    cluster = Cluster()
    cluster.queue.budget = msgspec.structs.replace(BUDGET, **changed)
    with pytest.raises(ClusterError, match=says):
        asyncio.run(cluster.restarting.refresh(1))
    assert cluster.told == []


def test_a_shard_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    with pytest.raises(ClusterError, match="there is no shard 2"):
        asyncio.run(cluster.restarting.refresh(2))
    cluster.is_there = False
    with pytest.raises(ClusterError, match="worker 1, which has shard 1, is not there now"):
        asyncio.run(cluster.restarting.refresh(1))
    cluster.is_there = True
    monkeypatch.setattr(restarting, "BACK_S", 0.0)
    with pytest.raises(ClusterError, match="shard 1 is not ready after 0 s: ready"):
        asyncio.run(cluster.restarting.refresh(1))
