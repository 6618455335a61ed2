"""Metrics as text."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from cluster.wire.status import ClusterStatus
from coordinator.http.metrics.cluster import (
    budget_metrics,
    cluster_metrics,
    command_metrics,
    gate_metrics,
)
from coordinator.http.metrics.shards import shard_metrics
from coordinator.http.metrics.subscribers import subscriber_metrics
from coordinator.http.metrics.traffic import traffic_metrics
from coordinator.http.metrics.workers import worker_metrics


def render(status: ClusterStatus, accept: str, most_shards: int) -> tuple[bytes, str]:
    """Return the metrics as text, and its content type.

    accept: the request's Accept header; OpenMetrics where it is asked for. most_shards: with more
    shards than that, none has samples of its own, only its worker.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StatusCollector(status, most_shards))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def content_type(accept: str) -> str:
    """Return the content type of what `render` returns for an Accept header: one of a few, whatever
    the header says."""
    form: str = choose_encoder(accept)[1]
    return form


def families(status: ClusterStatus, most_shards: int) -> Iterator[Metric]:
    """Yield the metrics of a status. most_shards: as in `render`."""
    yield from cluster_metrics(status)
    yield from traffic_metrics(status.traffic)
    yield from worker_metrics(status.workers, status.shards)
    if len(status.shards) <= most_shards:
        yield from shard_metrics(status.shards)
    yield from budget_metrics(status.budget)
    yield from command_metrics(status.commands)
    yield from subscriber_metrics(status)
    yield from gate_metrics(status.gate)


class _StatusCollector(Collector):
    """Collects from one status."""

    def __init__(self, status: ClusterStatus, most_shards: int) -> None:
        self._status = status
        self._most_shards = most_shards

    def collect(self) -> Iterator[Metric]:
        return families(self._status, self._most_shards)
