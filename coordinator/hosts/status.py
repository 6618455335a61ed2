"""The hosts as `status` shows them."""

from __future__ import annotations

from cluster.wire.states import HostState
from cluster.wire.status import HostStatus, WorkerStatus
from coordinator.hosts.host import Host
from coordinator.hosts.hosts import Hosts


def host_rows(hosts: Hosts, workers: list[WorkerStatus], now: float) -> list[HostStatus]:
    """Return a row for each host that has workers, or may get some, by name. workers: as `status`
    shows them. now: monotonic seconds."""
    own: dict[str, list[WorkerStatus]] = {}
    for worker in workers:
        own.setdefault(worker.host, []).append(worker)
    rooms = hosts.rooms
    rows = [
        _row(host, own.get(name, []), now, takes=name in rooms, lacks=hosts.lacks(host))
        for name, host in sorted(hosts.by_name.items())
    ]
    return [row for row in rows if row.workers or not _is_done_with(hosts.by_name[row.name])]


def _is_done_with(host: Host) -> bool:
    """Whether nobody waits for a host any more: it has left in good order, or it was lost, and
    somebody who drains it says that it does not come back."""
    return host.left or (host.state is HostState.GONE and host.draining)


def _row(
    host: Host, own: list[WorkerStatus], now: float, *, takes: bool, lacks: dict[str, str]
) -> HostStatus:
    hello, report = host.hello, host.report if host.here else None  # of others it is old
    return HostStatus(
        name=host.name,
        state=host.shown,
        address=hello.address if hello else "",
        share=hello.workers if hello else 0,
        max_shards=hello.max_shards if hello else 0,
        labels=hello.labels if hello else {},
        workers=len(own),
        shards=sum(worker.shards for worker in own),
        shards_ready=sum(worker.shards_ready for worker in own),
        events_per_s=sum(worker.events_per_s for worker in own),
        uptime_s=now - host.joined_at if host.here and host.joined_at is not None else None,
        heard_s=None if host.heard_at is None else now - host.heard_at,
        gone_in_s=max(0.0, host.lease.ends_at - now) if host.state is HostState.AWAY else None,
        version=hello.package_version if hello else "",
        cpu_percent=report.cpu_percent if report else None,
        memory_percent=report.memory_percent if report else None,
        disk_free_bytes=report.disk_free_bytes if report else None,
        takes_workers=takes,
        left=host.left,
        detail=_detail(host, lacks, idle=not own),
    )


def _detail(host: Host, lacks: dict[str, str], *, idle: bool) -> str:
    """Return what is to be said of a host. lacks: labels that it should have. idle: it has no
    workers."""
    if not host.here or host.report is None:
        return ""
    said = []
    if host.report.replay:
        said.append(f"its replay server: {host.report.replay}")
    if host.report.leaving:
        said.append("it leaves: its agent was told to end")
    elif host.draining and idle:
        again = f"`dcgw-cluster drain {host.name} --undo`"
        said.append(f"it is drained: its agent may end, or {again} gives it workers again")
    if lacks:
        named = ", ".join(f"{name}={value}" for name, value in sorted(lacks.items()))
        said.append(f"it gets no workers, for want of the label {named} (hosts.labels)")
    return "; ".join(said)
