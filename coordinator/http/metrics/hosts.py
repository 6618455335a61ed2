"""The metrics of the hosts that workers run on; there are none where they run on the coordinator's
own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.metrics_core import InfoMetricFamily, Metric

from cluster.wire.states import HostState
from cluster.wire.status import HostStatus, WorkerStatus
from coordinator.http.metrics.families import Column, columns, family

MOST_HOSTS: Final = 512
"""So many hosts have samples, those that are not here first. A host's name is that of a key, so
whoever makes keys bounds the names."""
_UP: Final = (HostState.HERE, HostState.DRAINING)

_COLUMNS: Final[Sequence[Column[HostStatus]]] = (
    Column("dcgw_host_up", "Whether the host is heard of (1) or not (0).",
           lambda h: float(h.state in _UP)),
    Column("dcgw_host_uptime_seconds", "Time since the host's agent joined.",
           lambda h: h.uptime_s),
    Column("dcgw_host_last_heard_seconds", "Time since the host's agent was heard of last.",
           lambda h: h.heard_s),
    Column("dcgw_host_lease_seconds",
           "Time until the host, which is away, is given up and its shards are resumed on other "
           "hosts.",
           lambda h: h.gone_in_s),
    Column("dcgw_host_worker_share", "Workers that the host would run.",
           lambda h: h.share or None),
    Column("dcgw_host_workers", "Workers that the host has by the plan.", lambda h: h.workers),
    Column("dcgw_host_shards", "Shards of the host's workers.", lambda h: h.shards),
    Column("dcgw_host_shards_ready", "Shards of the host's workers that are ready.",
           lambda h: h.shards_ready),
    Column("dcgw_host_cpu_ratio",
           "CPU of the host's machine that is in use by whatever runs there, of all of its cores "
           "(0 to 1).",
           lambda h: _ratio(h.cpu_percent)),
    Column("dcgw_host_memory_ratio", "Memory of the host's machine that is in use (0 to 1).",
           lambda h: _ratio(h.memory_percent)),
    Column("dcgw_host_disk_free_bytes",
           "Bytes that are free where the host's workers have their journals.",
           lambda h: h.disk_free_bytes),
)  # fmt: skip


def host_metrics(hosts: Sequence[HostStatus], workers: Sequence[WorkerStatus]) -> Iterator[Metric]:
    """Yield the metrics of these hosts, on which these workers run."""
    if not hosts:
        return
    listed = sorted(hosts, key=lambda host: host.state in _UP)[:MOST_HOSTS]
    states = family(
        "dcgw_host_state",
        "State of the host: 1 for the one that it is in, 0 for the others.",
        ("host", "state"),
    )
    build = InfoMetricFamily(
        "dcgw_host_build", "Version of the package that the host's agent runs.", labels=("host",)
    )
    for host in listed:
        for state in HostState:
            states.add_metric((host.name, state.value), float(state is host.state))
        if host.version:
            build.add_metric((host.name,), {"version": host.version})
    yield states
    yield build
    yield from columns(_COLUMNS, "host", [(host.name, host) for host in listed])
    names = {host.name for host in listed}
    places = InfoMetricFamily(
        "dcgw_worker_host", "Host that the worker runs on, or is to.", labels=("worker",)
    )
    for worker in workers:
        if worker.host in names:
            places.add_metric((str(worker.slot),), {"host": worker.host})
    yield places


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
