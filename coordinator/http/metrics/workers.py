"""The metrics of each worker: of its process, of its journal, and of its shards together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from prometheus_client.metrics_core import InfoMetricFamily, Metric

from cluster.wire.states import SessionState
from cluster.wire.status import ShardStatus, WorkerStatus
from coordinator.http.metrics.families import Column, columns

_COLUMNS: Final[Sequence[Column[WorkerStatus]]] = (
    Column("dcgw_worker_up", "Whether the worker has a process (1) or not (0).",
           lambda w: float(w.pid is not None)),
    Column("dcgw_worker_uptime_seconds", "Time since the worker's process was started.",
           lambda w: w.uptime_s),
    Column("dcgw_worker_restarts", "How often the worker's process has ended and was started "
           "again.",
           lambda w: w.restarts, counts=True),
    Column("dcgw_worker_memory_bytes",
           "Memory of the worker's own: resident, without what is mapped from files, as its "
           "journal is.",
           lambda w: w.rss_bytes),
    Column("dcgw_worker_shards", "Shards that the worker is to run.", lambda w: w.shards),
    Column("dcgw_worker_shards_ready", "Shards of the worker that are ready.",
           lambda w: w.shards_ready),
    Column("dcgw_worker_journal_bytes", "Bytes that the worker's journal holds.",
           lambda w: w.journal_bytes),
    Column("dcgw_worker_journal_age_seconds",
           "How far the worker's journal reaches back, to its oldest record: for so long "
           "subscribers can ask for what they missed.",
           lambda w: w.journal_seconds),
    Column("dcgw_worker_journalling",
           "Whether the worker writes its journal (1), or can't, and events are lost if it dies "
           "(0).",
           lambda w: float(w.journalling)),
    Column("dcgw_worker_unpublished_records",
           "Records in the worker's journal that wait to be sent to the hub.",
           lambda w: w.unpublished),
)  # fmt: skip


class _Shards(NamedTuple):
    """The shards of a worker together."""

    silent_s: float | None
    age_s: float | None
    too_silent: int
    guilds: int
    last_latency_s: float | None


_TOGETHER: Final[Sequence[Column[_Shards]]] = (
    Column("dcgw_worker_last_dispatch_seconds",
           "Time since the last event of any of the worker's shards.", lambda s: s.silent_s),
    Column("dcgw_worker_session_age_seconds",
           "Time since the last READY of any of the worker's shards.", lambda s: s.age_s),
    Column("dcgw_worker_shards_too_silent",
           "Shards of the worker that are silent: they bring nothing for longer than chance "
           "explains, while their neighbours do.", lambda s: s.too_silent),
    Column("dcgw_worker_guilds", "Guilds that the READYs of the worker's shards named.",
           lambda s: s.guilds),
    Column("dcgw_worker_slowest_heartbeat_seconds",
           "Longest round trip among the last heartbeats of the worker's shards that are ready.",
           lambda s: s.last_latency_s),
)  # fmt: skip


def worker_metrics(
    workers: Sequence[WorkerStatus], shards: Iterable[ShardStatus]
) -> Iterator[Metric]:
    """Yield the metrics of these workers, which have these shards."""
    build = InfoMetricFamily(
        "dcgw_worker_build", "Version of the package that the worker runs.", labels=("worker",)
    )
    for worker in workers:
        if worker.version:
            build.add_metric((str(worker.slot),), {"version": worker.version})
    yield build
    yield from columns(_COLUMNS, "worker", [(str(worker.slot), worker) for worker in workers])
    of_worker: dict[int, list[ShardStatus]] = {worker.slot: [] for worker in workers}
    for shard in shards:
        of_worker.setdefault(shard.worker, []).append(shard)
    together = [(str(slot), _together(its)) for slot, its in of_worker.items()]
    yield from columns(_TOGETHER, "worker", together)


def _together(shards: Sequence[ShardStatus]) -> _Shards:
    latencies = [
        shard.heartbeat_ms / 1000
        for shard in shards
        if shard.heartbeat_ms is not None and shard.state is SessionState.READY
    ]
    return _Shards(
        silent_s=min((s.silent_s for s in shards if s.silent_s is not None), default=None),
        age_s=min((s.session_age_s for s in shards if s.session_age_s is not None), default=None),
        too_silent=sum(shard.too_silent for shard in shards),
        guilds=sum(shard.guilds for shard in shards),
        last_latency_s=max(latencies, default=None),
    )
