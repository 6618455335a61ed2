"""Waits until a cluster that was started is ready, and says how far it is."""

from __future__ import annotations

from typing import Final

from cluster.cli.launch import CoordinatorProcess
from cluster.cli.signals import StopRequests, first
from cluster.cli.terminal import status_text
from cluster.cli.terminal.progress import Show, Step
from cluster.control import ControlClient
from cluster.errors import ClusterError
from cluster.wire.states import ClusterState, SessionState
from cluster.wire.status import ClusterStatus

LOOK_S: Final = 0.5


async def until_ready(
    process: CoordinatorProcess, control: ControlClient, requests: StopRequests, show: Show
) -> ClusterStatus | None:
    """Return the status of a cluster whose shards are all ready, or have given up; None: somebody
    asked for a stop before. Raises ClusterError if its coordinator ends meanwhile."""
    while not requests.count:
        if process.process.poll() is not None:
            raise await process.died()
        try:
            status = await control.status()
        except ClusterError as error:  # it may come back; whether it lives is seen above
            show(Step(f"No status: {error}"))
        else:
            if is_settled(status):
                return status
            show(step(status))
        await first(requests.wait(), process.wait(), within_s=LOOK_S)
    return None


def is_settled(status: ClusterStatus) -> bool:
    """Whether nothing more comes by itself: each shard is ready, or was refused for good."""
    if status.state is ClusterState.READY:
        return True
    over = (SessionState.READY, SessionState.FATAL)
    gave_up = any(shard.state is SessionState.FATAL for shard in status.shards)
    return gave_up and all(shard.state in over for shard in status.shards)


def step(status: ClusterStatus) -> Step:
    """Return how far a start is: what keeps it, else who waits, and how long that takes by the
    limiter's arithmetic."""
    wrong = status_text.complaints(status) or status_text.looks(status)
    text = f"{status.name}: {wrong[0].plain if wrong else _under_way(status)}"
    budget = status.budget
    left_s = budget.wait_s if budget.waiting and not budget.trouble else None
    return Step(text, status.shards_ready, len(status.shards), left_s)


def _under_way(status: ClusterStatus) -> str:
    if status.budget.waiting:
        return f"{len(status.budget.waiting):,} shards wait to identify, {_at_a_time(status)}"
    return "shards connect"


def _at_a_time(status: ClusterStatus) -> str:
    return f"{status.budget.max_concurrency} at a time"
