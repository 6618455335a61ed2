"""Metrics of a status, as Prometheus reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from shutil import which
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from cluster.wire.states import ClusterState, HostState, SessionState
from cluster.wire.status import ClusterStatus
from coordinator.http.metrics import content_type, render
from coordinator.http.metrics.hosts import MOST_HOSTS
from coordinator.http.metrics.rendering import OPENMETRICS, TEXT
from coordinator.http.metrics.subscribers import MOST_NAMES
from tests.coordinator.http.metrics_page import PAGE, page
from tests.coordinator.http.statuses import (
    away,
    budget,
    command,
    full_status,
    gone,
    host,
    shard,
    status,
    subscriber,
    totals,
    traffic,
    worker,
)

Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]
PROMTOOL = which("promtool")


def samples_of(told: ClusterStatus, most_shards: int = 512) -> Samples:
    text, content_type = render(told, "", most_shards)
    assert content_type.startswith("text/plain; version=")
    found = [
        ((sample.name, tuple(sorted(sample.labels.items()))), sample.value)
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    ]
    assert len(found) == len(dict(found)), "a sample stands twice"
    return dict(found)


def samples(most_shards: int = 512, **changed: Any) -> Samples:
    return samples_of(status(**changed), most_shards)


def test_numbers_stand_in_base_units() -> None:
    found = samples(
        shards=[
            shard(0, heartbeat_ms=40.0, silent_s=1.5, reconnects={"op 7": 2, "zombie": 1}),
            shard(1, worker=1, state=SessionState.RESUMING, heartbeat_ms=None, silent_s=None),
        ],
        workers=[worker(0), worker(1, pid=None)],
        budget=budget(waiting=[1], granted=3, returned=1),
        subscribers=[subscriber("bot", lag=3), subscriber("bot", lag=5)],
        subscriber_totals=[totals("bot"), totals("left", gaps={})],
        subscribers_unknown=2,
        commands=[command("presence_update")],
    )
    expected = {
        ("dcgw_build_info", (("version", "1.2.3"),)): 1,
        ("dcgw_cluster_state", (("state", "ready"),)): 1,
        ("dcgw_cluster_state", (("state", "degraded"),)): 0,
        ("dcgw_shards", ()): 2,
        ("dcgw_shards_ready", ()): 1,
        ("dcgw_events_total", (("type", "MESSAGE_CREATE"), ("worker", "1"))): 15,
        ("dcgw_events_total", (("type", "other"), ("worker", "0"))): 3,
        ("dcgw_received_bytes_total", (("worker", "0"),)): 4000,
        ("dcgw_reconnects_total", (("cause", "op 7"), ("worker", "0"))): 2,
        ("dcgw_closes_total", (("code", "4000"), ("worker", "0"))): 1,
        ("dcgw_closes_total", (("code", "4014"), ("worker", "0"))): 0,
        ("dcgw_reconnects_total", (("cause", "zombie"), ("worker", "1"))): 0,
        ("dcgw_subscriber_gaps_total", (("reason", "skipped"), ("subscriber", "left"))): 0,
        ("dcgw_shard_ready", (("shard", "1"),)): 0,
        ("dcgw_shard_heartbeat_latency_seconds", (("shard", "0"),)): 0.04,
        ("dcgw_shard_reconnects_total", (("shard", "0"),)): 3,
        ("dcgw_shard_last_dispatch_seconds", (("shard", "0"),)): 1.5,
        ("dcgw_worker_cpu_seconds_total", (("worker", "0"),)): 7.5,
        ("dcgw_worker_up", (("worker", "1"),)): 0,
        ("dcgw_worker_last_dispatch_seconds", (("worker", "0"),)): 1.5,
        ("dcgw_worker_slowest_heartbeat_seconds", (("worker", "0"),)): 0.04,
        ("dcgw_identify_remaining", ()): 998,
        ("dcgw_identify_waiting", ()): 1,
        ("dcgw_identifies_granted_total", ()): 3,
        ("dcgw_identifies_returned_total", ()): 1,
        ("dcgw_commands_total", (("op", "presence_update"), ("result", "sent"))): 5,
        ("dcgw_commands_total", (("op", "presence_update"), ("result", "failed"))): 1,
        ("dcgw_commands_waiting", (("op", "presence_update"),)): 1,
        ("dcgw_subscribers", ()): 4,
        ("dcgw_subscriber_connections", (("subscriber", "bot"),)): 2,
        ("dcgw_subscriber_lag_events", (("subscriber", "bot"),)): 5,
        ("dcgw_subscriber_events_total", (("subscriber", "left"),)): 27,
        ("dcgw_subscriber_gaps_total", (("reason", "gone"), ("subscriber", "bot"))): 1,
    }
    assert {key: found[key] for key in expected} == expected


def test_a_worker_tells_of_its_shards_together() -> None:
    found = samples(
        workers=[worker(0)],
        shards=[
            shard(0, silent_s=1.5, session_age_s=7.0, heartbeat_ms=40.0, too_silent=True),
            shard(1, silent_s=2.5, session_age_s=9.0, heartbeat_ms=50.0),
            shard(2, silent_s=None, heartbeat_ms=90.0, state=SessionState.RESUMING),
        ],
    )
    expected = {
        "last_dispatch_seconds": 1.5,
        "session_age_seconds": 7.0,
        "slowest_heartbeat_seconds": 0.05,
        "shards_too_silent": 1,
        "guilds": 9,
    }
    for name, value in expected.items():
        assert found[f"dcgw_worker_{name}", (("worker", "0"),)] == value


def test_latencies_are_cumulative() -> None:
    counts = [0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 1]
    found = samples(traffic=[traffic(0, heartbeats=counts, heartbeat_s=12.2)])
    buckets = {
        dict(labels)["le"]: value
        for (name, labels), value in found.items()
        if name == "dcgw_heartbeat_latency_seconds_bucket"
    }
    assert buckets == {
        "0.01": 0, "0.025": 1, "0.05": 3, "0.1": 4, "0.25": 4, "0.5": 4, "1.0": 4, "2.5": 4,
        "5.0": 4, "10.0": 4, "+Inf": 5,
    }  # fmt: skip
    assert found["dcgw_heartbeat_latency_seconds_count", (("worker", "0"),)] == 5
    assert found["dcgw_heartbeat_latency_seconds_sum", (("worker", "0"),)] == 12.2


def test_what_is_not_known_has_no_sample() -> None:
    found = samples(
        shards=[shard(0, heartbeat_ms=None, silent_s=None, session_age_s=None)],
        workers=[worker(0, journal_seconds=None, uptime_s=None), worker(1)],
        budget=budget(known=False),
    )
    names = {name for name, _ in found}
    assert "dcgw_shard_ready" in names
    assert "dcgw_identify_spent" in names
    assert ("dcgw_worker_shards_too_silent", (("worker", "1"),)) in found
    assert ("dcgw_worker_journal_age_seconds", (("worker", "0"),)) not in found
    assert ("dcgw_worker_uptime_seconds", (("worker", "0"),)) not in found
    assert not names & {
        "dcgw_shard_heartbeat_latency_seconds",
        "dcgw_shard_last_dispatch_seconds",
        "dcgw_shard_session_age_seconds",
        "dcgw_worker_last_dispatch_seconds",
        "dcgw_worker_session_age_seconds",
        "dcgw_worker_slowest_heartbeat_seconds",
        "dcgw_identify_remaining",
    }


def test_labels_have_a_bound() -> None:
    many = [shard(number) for number in range(20)]
    assert any(name.startswith("dcgw_shard_") for name, _ in samples(20, shards=many))
    assert not any(name.startswith("dcgw_shard_") for name, _ in samples(19, shards=many))
    names = [f"s{number}" for number in range(MOST_NAMES + 50)]
    found = samples(
        subscribers=[subscriber(name, lag=lag) for lag, name in enumerate(names)],
        subscriber_totals=[totals(name) for name in names],
    )
    for metric in ("dcgw_subscriber_lag_events", "dcgw_subscriber_events_total"):
        named = {dict(labels)["subscriber"] for name, labels in found if name == metric}
        assert named == set(names[50:])


def test_hosts() -> None:
    found = samples(
        hosts=[host("a", shards_ready=3), away("b"), gone("c", version="", share=0)],
        workers=[worker(0, host="a"), worker(1, host="b"), worker(2)],
    )
    a, b, c = ((("host", name),) for name in "abc")
    expected = {
        ("dcgw_host_up", a): 1,
        ("dcgw_host_up", b): 0,
        ("dcgw_host_up", c): 0,
        ("dcgw_host_state", (("host", "a"), ("state", "here"))): 1,
        ("dcgw_host_state", (("host", "a"), ("state", "gone"))): 0,
        ("dcgw_host_state", (("host", "b"), ("state", "away"))): 1,
        ("dcgw_host_state", (("host", "c"), ("state", "gone"))): 1,
        ("dcgw_host_build_info", (("host", "a"), ("version", "1.2.3"))): 1,
        ("dcgw_host_uptime_seconds", a): 3600,
        ("dcgw_host_last_heard_seconds", b): 18,
        ("dcgw_host_lease_seconds", b): 12.2,
        ("dcgw_host_worker_share", a): 2,
        ("dcgw_host_workers", a): 2,
        ("dcgw_host_workers", c): 0,
        ("dcgw_host_shards", a): 4,
        ("dcgw_host_shards_ready", a): 3,
        ("dcgw_host_cpu_ratio", a): 0.17,
        ("dcgw_host_memory_ratio", a): 0.41,
        ("dcgw_host_disk_free_bytes", a): 90 << 30,
        ("dcgw_worker_host_info", (("host", "a"), ("worker", "0"))): 1,
        ("dcgw_worker_host_info", (("host", "b"), ("worker", "1"))): 1,
    }
    assert {key: found[key] for key in expected} == expected
    unknown = {
        ("dcgw_host_lease_seconds", a), ("dcgw_host_lease_seconds", c),
        ("dcgw_host_uptime_seconds", b), ("dcgw_host_cpu_ratio", b),
        ("dcgw_host_memory_ratio", b), ("dcgw_host_disk_free_bytes", b),
        ("dcgw_host_worker_share", c),
    }  # fmt: skip
    assert not unknown & found.keys()
    assert not [labels for name, labels in found if name == "dcgw_worker_host_info"
                and dict(labels)["worker"] == "2"]  # fmt: skip


def test_each_state_of_a_host_has_its_sample() -> None:
    for state in HostState:
        found = samples(hosts=[host("a", state=state)])
        ones = [labels for (name, labels), value in found.items()
                if name == "dcgw_host_state" and value == 1]  # fmt: skip
        assert ones == [(("host", "a"), ("state", state.value))]
        up = state in (HostState.HERE, HostState.DRAINING)
        assert found["dcgw_host_up", (("host", "a"),)] == up


def test_without_hosts_there_is_no_metric_of_them() -> None:
    assert not [name for name, _ in samples() if name.startswith(("dcgw_host", "dcgw_worker_host"))]


def test_of_too_many_hosts_those_that_are_not_here_have_samples() -> None:
    rows = [host(f"h{n:04}") for n in range(MOST_HOSTS + 5)] + [gone("lost")]
    named = {dict(labels)["host"] for name, labels in samples(hosts=rows) if name == "dcgw_host_up"}
    assert len(named) == MOST_HOSTS
    assert "lost" in named


def test_openmetrics_where_it_is_asked_for() -> None:
    text, content_type = render(full_status(), "application/openmetrics-text; version=1.0.0", 512)
    assert content_type.startswith("application/openmetrics-text")
    parsed = openmetrics.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]
    families = {family.name for family in parsed}
    assert {"dcgw_build", "dcgw_events", "dcgw_cluster_state"} <= families


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "application/openmetrics-text;version=0.0.1;q=0.5,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
         "*/*;q=0.2", OPENMETRICS),
        ("text/html, Application/OpenMetrics-Text", OPENMETRICS),
        ("application/openmetrics-text;version=none", OPENMETRICS),
        ("application/openmetrics-text;version=99999.1", OPENMETRICS),
        ("text/plain;version=1.x", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        (";version=application/openmetrics-text, ,;=", TEXT),
    ],
)  # fmt: skip
def test_whatever_is_accepted_there_are_two_forms(accept: str, form: str) -> None:
    """The first is what Prometheus sends."""
    assert content_type(accept) == render(full_status(), accept, 512)[1] == form


def test_each_state_has_its_sample() -> None:
    for state in ClusterState:
        found = samples(state=state)
        ones = [labels for (name, labels), value in found.items()
                if name == "dcgw_cluster_state" and value == 1]  # fmt: skip
        assert ones == [(("state", state.value),)]


def test_the_page_names_all_metrics() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run python -m tests.coordinator.http.metrics_page"
    )


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_objects_to_nothing() -> None:
    assert PROMTOOL is not None
    text, _ = render(full_status(), "", 512)
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
