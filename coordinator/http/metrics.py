"""What `status` tells, as metrics for Prometheus.

Names, units and types are by Prometheus's conventions ("Metric and label naming", "Writing
exporters"): base units, `_total` for what only grows, no label whose values are without bound.
A number that is not known has no sample; it is not zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from cluster.wire.states import ClusterState, SessionState
from cluster.wire.status import (
    BudgetStatus,
    ClusterStatus,
    ShardStatus,
    SubscriberStatus,
    WorkerStatus,
)

MOST_SUBSCRIBERS: Final = 100
"""Subscribers that have samples of their own, those with the most lag; they name themselves."""


def render(status: ClusterStatus, accept: str, most_shards: int) -> tuple[bytes, str]:
    """Return the metrics as text, and its content type.

    accept: the request's Accept header; OpenMetrics where it is asked for. most_shards: with more
    shards than that, none has samples of its own, only its worker.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StatusCollector(status, most_shards))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _StatusCollector(Collector):
    """Collects from one status."""

    def __init__(self, status: ClusterStatus, most_shards: int) -> None:
        self._status = status
        self._most_shards = most_shards

    def collect(self) -> Iterator[Metric]:
        status = self._status
        yield from _cluster(status)
        yield from _workers(status.workers, status.shards)
        if len(status.shards) <= self._most_shards:
            yield from _shards(status.shards)
        yield from _budget(status.budget)
        yield from _subscribers(status.subscribers, status.subscribers_unknown)


def _cluster(status: ClusterStatus) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "dcgw_build",
        "Version of the coordinator.",
        {"version": status.version},
    )
    states = ((state.value, float(state is status.state)) for state in ClusterState)
    yield _labelled(
        GaugeMetricFamily, "dcgw_cluster_state", "State of the cluster as a whole.", "state", states
    )
    yield _gauge("dcgw_uptime_seconds", "Since the coordinator started.", status.uptime_s)
    yield _gauge("dcgw_shards", "Shards that this cluster is to run.", len(status.shards))
    yield _gauge("dcgw_shards_ready", "Shards that are ready.", status.shards_ready)
    yield _counter("dcgw_events", "Events that the shards received.", status.events)
    yield _gauge("dcgw_troubles", "Lines of trouble in `status`.", len(status.troubles))


def _workers(workers: Sequence[WorkerStatus], shards: Sequence[ShardStatus]) -> Iterator[Metric]:
    def family(
        make: Callable[..., Metric],
        name: str,
        text: str,
        value: Callable[[WorkerStatus], float | None],
    ) -> Metric:
        rows = ((str(worker.slot), value(worker)) for worker in workers)
        return _labelled(make, name, text, "worker", rows)

    gauge, counter = GaugeMetricFamily, CounterMetricFamily
    silent = _least_by_worker(shards)
    yield family(
        gauge, "dcgw_worker_up", "Whether its process runs.", lambda w: float(w.pid is not None)
    )
    yield family(gauge, "dcgw_worker_shards", "Shards of the worker.", lambda w: w.shards)
    yield family(
        gauge, "dcgw_worker_shards_ready", "Shards that are ready.", lambda w: w.shards_ready
    )
    yield family(
        gauge, "dcgw_worker_cpu_ratio", "Cores that it uses.", lambda w: w.cpu_percent / 100
    )
    yield family(
        gauge,
        "dcgw_worker_memory_bytes",
        "Memory of its own, without what is mapped.",
        lambda w: w.rss_bytes,
    )
    yield family(
        gauge,
        "dcgw_worker_journal_bytes",
        "Bytes that its journal holds.",
        lambda w: w.journal_bytes,
    )
    yield family(
        gauge,
        "dcgw_worker_journal_age_seconds",
        "Age of the oldest record in its journal.",
        lambda w: w.journal_seconds,
    )
    yield family(
        gauge,
        "dcgw_worker_journalling",
        "Whether it writes its journal.",
        lambda w: float(w.journalling),
    )
    yield family(
        gauge,
        "dcgw_worker_unpublished_records",
        "Records that wait to be sent to the hub.",
        lambda w: w.unpublished,
    )
    yield family(
        gauge,
        "dcgw_worker_last_dispatch_seconds",
        "Since the last event of any of its shards.",
        lambda w: silent.get(w.slot),
    )
    yield family(
        counter, "dcgw_worker_restarts", "How often it was started again.", lambda w: w.restarts
    )


def _least_by_worker(shards: Iterable[ShardStatus]) -> dict[int, float]:
    """Return the shortest silence among each worker's shards, in seconds."""
    least: dict[int, float] = {}
    for shard in shards:
        if shard.silent_s is not None:
            known = least.get(shard.worker, shard.silent_s)
            least[shard.worker] = min(known, shard.silent_s)
    return least


def _shards(shards: Sequence[ShardStatus]) -> Iterator[Metric]:
    def family(
        make: Callable[..., Metric],
        name: str,
        text: str,
        value: Callable[[ShardStatus], float | None],
    ) -> Metric:
        rows = ((str(shard.shard_id), value(shard)) for shard in shards)
        return _labelled(make, name, text, "shard", rows)

    gauge, counter = GaugeMetricFamily, CounterMetricFamily
    ready = SessionState.READY
    yield family(
        gauge, "dcgw_shard_ready", "Whether it is ready.", lambda s: float(s.state is ready)
    )
    yield family(counter, "dcgw_shard_events", "Events that it received.", lambda s: s.events)
    yield family(
        gauge,
        "dcgw_shard_last_dispatch_seconds",
        "Since its last event.",
        lambda s: s.silent_s,
    )
    yield family(
        gauge,
        "dcgw_shard_too_silent",
        "Whether it brings nothing, while its neighbours do.",
        lambda s: float(s.too_silent),
    )
    yield family(
        gauge, "dcgw_shard_session_age_seconds", "Since its READY.", lambda s: s.session_age_s
    )
    yield family(
        gauge,
        "dcgw_shard_heartbeat_latency_seconds",
        "Round trip of its last heartbeat.",
        lambda s: None if s.heartbeat_ms is None else s.heartbeat_ms / 1000,
    )
    yield family(gauge, "dcgw_shard_guilds", "Guilds in its READY.", lambda s: s.guilds)
    yield family(
        counter, "dcgw_shard_unplaced", "Frames that could not be used.", lambda s: s.unplaced
    )
    reconnects = CounterMetricFamily(
        "dcgw_shard_reconnects", "Connections lost, by cause.", labels=("shard", "cause")
    )
    for shard in shards:
        for cause, count in shard.reconnects.items():
            reconnects.add_metric((str(shard.shard_id), cause), count)
    yield reconnects


def _budget(budget: BudgetStatus) -> Iterator[Metric]:
    if budget.known:
        yield _gauge("dcgw_identify_limit", "Identifies that a day has.", budget.total)
        yield _gauge("dcgw_identify_remaining", "Identifies that are left.", budget.remaining)
        yield _gauge(
            "dcgw_identify_reset_seconds", "Until all of them are back.", budget.reset_after_s
        )
        yield _gauge("dcgw_identify_concurrency", "Identifies at a time.", budget.max_concurrency)
    yield _gauge("dcgw_identify_spent", "Granted by this store in this window.", budget.spent)
    yield _gauge(
        "dcgw_identify_waiting",
        "Shards and programs that wait for a grant.",
        len(budget.waiting) + len(budget.outside),
    )
    yield _gauge(
        "dcgw_identify_wait_seconds", "How long the last of them will wait.", budget.wait_s
    )


def _subscribers(subscribers: Sequence[SubscriberStatus], unknown: int) -> Iterator[Metric]:
    known = len(subscribers)
    yield _gauge("dcgw_subscribers", "Connections to the hub.", known + unknown)
    named = sorted(subscribers, key=lambda row: row.lag, reverse=True)[:MOST_SUBSCRIBERS]
    # Several may have one name: they are one bot in several processes, and stand as one.
    lag, events, gaps, replays = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row in named:
        lag[row.name] = max(lag[row.name], row.lag)
        events[row.name] += row.events
        gaps[row.name] += row.gaps
        replays[row.name] += row.replays
    for make, name, text, values in (
        (GaugeMetricFamily, "lag_events", "Events that it has not taken yet.", lag),
        (CounterMetricFamily, "events", "Events that it took.", events),
        (CounterMetricFamily, "gaps", "Gaps that it was told of.", gaps),
        (CounterMetricFamily, "replays", "Answers of the replay server.", replays),
    ):
        yield _labelled(make, f"dcgw_subscriber_{name}", text, "subscriber", values.items())


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value)


def _labelled(
    make: Callable[..., Metric],
    name: str,
    text: str,
    label: str,
    rows: Iterable[tuple[str, float | None]],
) -> Metric:
    """Return a family with a sample for each row whose value is known."""
    family = make(name, text, labels=(label,))
    for of, value in rows:
        if value is not None:
            family.add_metric((of,), value)  # type: ignore[attr-defined]  # each family has it
    return family
