"""The hosts as `status` shows them."""

from __future__ import annotations

from cluster.wire.states import HostState
from cluster.wire.status import HostStatus, WorkerStatus
from coordinator.hosts.host import Host
from coordinator.hosts.hosts import Hosts


def host_rows(hosts: Hosts, workers: list[WorkerStatus], now: float) -> list[HostStatus]:
    """Return a row for each host, by name. workers: as `status` shows them. now: monotonic
    seconds."""
    return [_row(host, workers, now) for _, host in sorted(hosts.by_name.items())]


def _row(host: Host, workers: list[WorkerStatus], now: float) -> HostStatus:
    own = [worker for worker in workers if worker.host == host.name]
    hello, report = host.hello, host.report
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
        cpu_percent=report.cpu_percent if report else 0.0,
        memory_percent=report.memory_percent if report else 0.0,
        disk_free_bytes=report.disk_free_bytes if report else 0,
        detail=_detail(host),
    )


def _detail(host: Host) -> str:
    if host.report is not None and host.report.replay:
        return f"its replay server: {host.report.replay}"
    if host.report is not None and host.report.leaving:
        return "it leaves: its agent was told to end"
    return ""
