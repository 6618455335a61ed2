"""Metrics as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics
from prometheus_client.registry import Collector

from cluster.wire.status import ClusterStatus
from coordinator.http.metrics.cache import cache_metrics
from coordinator.http.metrics.cluster import (
    budget_metrics,
    cluster_metrics,
    command_metrics,
    gate_metrics,
)
from coordinator.http.metrics.hosts import host_metrics
from coordinator.http.metrics.proxies import proxy_metrics
from coordinator.http.metrics.shards import shard_metrics
from coordinator.http.metrics.subscribers import subscriber_metrics
from coordinator.http.metrics.traffic import traffic_metrics
from coordinator.http.metrics.workers import worker_metrics

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def render(status: ClusterStatus, accept: str, most_shards: int) -> tuple[bytes, str]:
    """Return the metrics as text, and its content type.

    accept: the request's Accept header; OpenMetrics where it is asked for. most_shards: with more
    shards than that, none has samples of its own, only its worker.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StatusCollector(status, most_shards))
    form = content_type(accept)
    encode: Callable[[CollectorRegistry], bytes] = (
        as_openmetrics if form == OPENMETRICS else as_text
    )
    return encode(registry), form


def content_type(accept: str) -> str:
    """Return the content type of what `render` returns for an Accept header: one of two, whatever
    the header says. prometheus-client's own choice repeats the version that is asked for, and fails
    where that is none."""
    wanted = {one.partition(";")[0].strip().lower() for one in accept.split(",")}
    return OPENMETRICS if OPENMETRICS.partition(";")[0] in wanted else TEXT


def families(status: ClusterStatus, most_shards: int) -> Iterator[Metric]:
    """Yield the metrics of a status. most_shards: as in `render`."""
    yield from cluster_metrics(status)
    yield from traffic_metrics(status.traffic)
    yield from worker_metrics(status.workers, status.shards)
    yield from host_metrics(status.hosts, status.workers)
    if len(status.shards) <= most_shards:
        yield from shard_metrics(status.shards)
    yield from budget_metrics(status.budget)
    yield from command_metrics(status.commands)
    yield from subscriber_metrics(status)
    yield from gate_metrics(status.gate)
    yield from cache_metrics(status.cache)
    yield from proxy_metrics(status.proxies)


class _StatusCollector(Collector):
    """Collects from one status."""

    def __init__(self, status: ClusterStatus, most_shards: int) -> None:
        self._status = status
        self._most_shards = most_shards

    def collect(self) -> Iterator[Metric]:
        return families(self._status, self._most_shards)
