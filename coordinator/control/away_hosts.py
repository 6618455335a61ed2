"""What is shown of shards whose host is away: what their workers said last is old. Pure.

They may live and hold their sessions, but nothing of them comes out, so nobody is to take them for
ready: `/readyz` and who waits for all shards among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cluster.wire.states import HostState, SessionState
from cluster.wire.status import HostStatus, ShardStatus, WorkerStatus


def not_heard(
    hosts: Sequence[HostStatus], workers: Sequence[WorkerStatus], shards: Sequence[ShardStatus]
) -> tuple[list[HostStatus], list[WorkerStatus], list[ShardStatus]]:
    """Return the rows of a status with the shards of hosts that are away as not ready."""
    away = {host.name for host in hosts if host.state is HostState.AWAY}
    there = {worker.slot: worker.host for worker in workers if worker.host in away}
    replace = msgspec.structs.replace
    return (
        [replace(host, shards_ready=0) if host.name in away else host for host in hosts],
        [replace(one, shards_ready=0) if one.slot in there else one for one in workers],
        [
            replace(shard, state=SessionState.DOWN, detail=f"host {there[shard.worker]} is away")
            if shard.state is SessionState.READY and shard.worker in there
            else shard
            for shard in shards
        ],
    )
