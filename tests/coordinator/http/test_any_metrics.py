"""Whatever a status says, it comes out as text that Prometheus reads, and reads back as it was."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from cluster.wire.status import (
    ClusterStatus,
    HostStatus,
    ShardStatus,
    SubscriberTotals,
    WorkerStatus,
)
from cluster.wire.traffic import LATENCY_CLASSES, WorkerTraffic
from coordinator.http.metrics import render
from coordinator.http.metrics.traffic import USUAL_CAUSES
from tests.coordinator.http.any_struct import MOST, any_struct

UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""To shrink a whole status takes minutes."""
COUNTS = st.integers(0, 2**53)
HEARTBEATS = st.lists(COUNTS, min_size=LATENCY_CLASSES, max_size=LATENCY_CLASSES)

statuses = any_struct(
    ClusterStatus,
    workers=st.lists(any_struct(WorkerStatus), max_size=MOST, unique_by=lambda w: w.slot),
    hosts=st.lists(any_struct(HostStatus), max_size=MOST, unique_by=lambda h: h.name),
    shards=st.lists(any_struct(ShardStatus), max_size=MOST, unique_by=lambda s: s.shard_id),
    traffic=st.lists(
        any_struct(WorkerTraffic, heartbeats=HEARTBEATS, heartbeat_s=st.floats(0, 1e9)),
        max_size=MOST,
        unique_by=lambda t: t.slot,
    ),
    subscriber_totals=st.lists(
        any_struct(SubscriberTotals), max_size=MOST, unique_by=lambda t: t.name
    ),
    commands=st.just([]),
)


@settings(
    max_examples=25,
    phases=UNSHRUNK,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(statuses)
def test_any_status_is_text_that_prometheus_reads(status: ClusterStatus) -> None:
    told = msgspec.msgpack.decode(msgspec.msgpack.encode(status), type=ClusterStatus)
    text = render(told, "", 512)[0].decode()
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    for metric, label, wanted in (
        ("dcgw_events", "type", {name for one in status.traffic for name in one.events}),
        (
            "dcgw_reconnects",
            "cause",
            {name for one in status.traffic for name in (*USUAL_CAUSES, *one.reconnects)},
        ),
        ("dcgw_subscriber_lag_events", "subscriber", {row.name for row in status.subscribers}),
        ("dcgw_host_up", "host", {row.name for row in status.hosts}),
        ("dcgw_build_info", "version", {status.version}),
    ):
        assert {sample.labels[label] for sample in found.get(metric, [])} == wanted
    accept = "application/openmetrics-text; version=1.0.0"
    text = render(told, accept, 512)[0].decode()
    parsed = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    assert {family.name for family in parsed} >= {"dcgw_build", "dcgw_shards"}
