"""What is wrong with a cluster by its status, in words: the same in a terminal and on the page.
Pure.

What may pass by itself is not here (cluster/cli/terminal/status_text.py, `looks`), and neither are
limits that are near (`warnings` of a status).
"""

from __future__ import annotations

from typing import Final

from cluster.wire.states import SessionState, WorkerState
from cluster.wire.status import ClusterStatus
from cluster.words import named, roughly, span

IN_TROUBLE: Final = (WorkerState.FAILED, WorkerState.MISSING, WorkerState.RESTARTING)


def complaints(status: ClusterStatus) -> list[str]:
    """Return what a reader must act on, a line each: what gave up, failed, or can't keep the
    promise."""
    lines: dict[str, list[int]] = {}
    for shard in status.shards:
        if shard.state is SessionState.FATAL:
            lines.setdefault(shard.detail, []).append(shard.shard_id)
    found = [f"{named(ids)} gave up: {detail}" for detail, ids in lines.items()]
    found += [
        f"worker {worker.slot} {worker.state}: {worker.detail}"
        for worker in status.workers
        if worker.detail and worker.state in IN_TROUBLE
    ]
    found += [
        f"worker {worker.slot} can't write its journal: a crash now would lose events"
        for worker in status.workers
        if not worker.journalling and worker.state is WorkerState.RUNNING
    ]
    found += _silent(status)
    if status.budget.trouble:
        again = status.budget.asked_again_s
        when = "" if again is None else f"; it is asked again in {roughly(again)}"
        found.append(f"{status.budget.trouble}{when}")
    return [*found, *status.troubles]


def _silent(status: ClusterStatus) -> list[str]:
    silent = [shard for shard in status.shards if shard.too_silent]
    if not silent:
        return []
    ids = [shard.shard_id for shard in silent]
    least = span(min(shard.silent_s or 0.0 for shard in silent))
    longer = " or longer" if len(ids) > 1 else ""
    are = "are silent: they" if len(ids) > 1 else "is silent: it"
    return [
        f"{named(ids)} {are} brought nothing for {least}{longer} while others did: "
        f"`dcgw-cluster restart --shard {ids[0]}` gives a shard another connection"
    ]
