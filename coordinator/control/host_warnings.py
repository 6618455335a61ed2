"""Warns of hosts: of shards that none takes, and of versions that differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cluster.complaints import named_hosts
from cluster.wire.states import HostState
from cluster.wire.status import HostStatus, WorkerStatus
from cluster.words import count, named

MORE = "add a host, or raise --max-shards of one"


def host_warnings(
    hosts: Sequence[HostStatus], workers: Sequence[WorkerStatus], version: str
) -> Iterator[str]:
    """Yield a line for each thing that is to be warned of. version: the coordinator's."""
    takers = [host for host in hosts if host.takes_workers]
    yield from _stranded(hosts, workers, takers)
    yield from _crowded(takers)
    yield from _versions(hosts, version)


def _stranded(
    hosts: Sequence[HostStatus], workers: Sequence[WorkerStatus], takers: Sequence[HostStatus]
) -> Iterator[str]:
    """Warn of workers whose host is gone, and that no other host takes."""
    gone = {host.name for host in hosts if host.state is HostState.GONE}
    stranded = [
        worker
        for worker in workers
        if worker.host in gone and not any(_takes(host, worker.shards) for host in takers)
    ]
    if not stranded:
        return
    shards = sum(worker.shards for worker in stranded)
    why = "no host that is here takes them" if takers else "no host is here that takes workers"
    who = named([worker.slot for worker in stranded], what="worker")
    yield f"the {count(shards, 'shard')} of {who} can't be resumed: {why}; {MORE}"


def _takes(host: HostStatus, shards: int) -> bool:
    return not host.max_shards or host.shards + shards <= host.max_shards


def _crowded(takers: Sequence[HostStatus]) -> Iterator[str]:
    """Warn of hosts that together could not take the shards of one of them, if it was lost."""
    if len(takers) < 2 or not all(host.max_shards for host in takers):
        return
    free = sum(max(0, host.max_shards - host.shards) for host in takers)

    def left_over(host: HostStatus) -> int:
        """How many of its shards the others would not take."""
        return host.shards - (free - max(0, host.max_shards - host.shards))

    worst = max(takers, key=left_over)
    if (shards := left_over(worst)) > 0:
        yield (
            f"if host {worst.name} was lost, the others would not take {count(shards, 'shard')} of "
            f"it: {MORE}"
        )


def _versions(hosts: Sequence[HostStatus], version: str) -> Iterator[str]:
    here = (HostState.HERE, HostState.DRAINING)
    others = [host for host in hosts if host.state in here and host.version not in ("", version)]
    if not others or not version:
        return
    runs = "runs" if len(others) == 1 else "run"
    yield (
        f"{named_hosts(others)} {runs} dcgw-cluster {others[0].version}"
        f"{'' if len({host.version for host in others}) == 1 else ' and others'}, the coordinator "
        f"{version}: install {version} there and start the agent again, one host after the other"
    )
