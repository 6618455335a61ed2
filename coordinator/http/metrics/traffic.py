"""The metrics of what workers count: events, bytes, heartbeats, lost connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import HistogramMetricFamily, Metric

from cluster.discord.close_codes import CLOSE_CODES
from cluster.wire.traffic import LATENCY_BOUNDS_S, WorkerTraffic
from coordinator.http.metrics.families import Column, columns, family

USUAL_CAUSES: Final = ("op 7", "op 9", "closed", "connection lost", "connect failed", "zombie")
"""Causes that are told of from the start, as zero: of a counter that begins at one, increase() sees
nothing."""
CODES: Final = ("none", *map(str, CLOSE_CODES))
"""Close codes that are told of from the start."""

_COLUMNS: Final[Sequence[Column[WorkerTraffic]]] = (
    Column("dcgw_worker_cpu_seconds", "CPU that the worker's processes have used.",
           lambda t: t.cpu_s, counts=True),
    Column("dcgw_received_bytes",
           "Bytes that came from the gateway after handshakes, compressed as they came.",
           lambda t: t.received_bytes, counts=True),
    Column("dcgw_batch_bytes",
           "Bytes of the batches that events became: what is journalled and published.",
           lambda t: t.batch_bytes, counts=True),
    Column("dcgw_event_holes", "Ranges of events that the gateway's replays left out.",
           lambda t: t.holes, counts=True),
    Column("dcgw_worker_unjournalled_drains",
           "Times that the worker published events which it could not journal.",
           lambda t: t.unjournalled, counts=True),
)  # fmt: skip
_BOUNDS: Final = (*(f"{bound}" for bound in LATENCY_BOUNDS_S), "+Inf")


def traffic_metrics(traffic: Sequence[WorkerTraffic]) -> Iterator[Metric]:
    """Yield the metrics of what these workers have counted."""
    yield _by(
        "dcgw_events", "Events that were received, by type.", "type", traffic, lambda t: t.events
    )
    yield from columns(_COLUMNS, "worker", [(str(one.slot), one) for one in traffic])
    yield _by(
        "dcgw_reconnects",
        "Connections to the gateway that were lost or given up, by cause.",
        "cause",
        traffic,
        lambda t: dict.fromkeys(USUAL_CAUSES, 0) | t.reconnects,
    )
    yield _by(
        "dcgw_closes",
        "Connections that the gateway closed, by close code; none: it sent none.",
        "code",
        traffic,
        lambda t: dict.fromkeys(CODES, 0) | t.closes,
    )
    yield _latencies(traffic)


def _by(
    name: str,
    text: str,
    label: str,
    traffic: Sequence[WorkerTraffic],
    counts: Callable[[WorkerTraffic], Mapping[str, int]],
) -> Metric:
    found = family(name, text, ("worker", label), counts=True)
    for one in traffic:
        slot = str(one.slot)
        for of, count in counts(one).items():
            found.add_metric((slot, of), count)
    return found


def _latencies(traffic: Sequence[WorkerTraffic]) -> Metric:
    found = HistogramMetricFamily(
        "dcgw_heartbeat_latency_seconds",
        "Round trips of heartbeats that were answered.",
        labels=("worker",),
    )
    for one in traffic:
        counts = list(zip(_BOUNDS, accumulate(one.heartbeats), strict=True))
        found.add_metric((str(one.slot),), counts, one.heartbeat_s)
    return found
