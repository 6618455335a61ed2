"""Metrics of a status, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from cluster.wire.states import ClusterState, SessionState
from coordinator.http.metrics import MOST_SUBSCRIBERS, render
from tests.coordinator.http.statuses import budget, shard, status, subscriber, worker

Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(most_shards: int = 512, **changed: Any) -> Samples:
    text, content_type = render(status(**changed), "", most_shards)
    assert content_type.startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_numbers_stand_in_base_units() -> None:
    found = samples(
        shards=[
            shard(0, heartbeat_ms=40.0, silent_s=1.5, reconnects={"op 7": 2, "zombie": 1}),
            shard(1, worker=1, state=SessionState.RESUMING, heartbeat_ms=None, silent_s=None),
        ],
        workers=[worker(0, cpu_percent=12.0), worker(1, pid=None)],
        subscribers=[subscriber("bot", lag=3), subscriber("bot", lag=5, events=7)],
        subscribers_unknown=2,
    )
    expected = {
        ("dcgw_build_info", (("version", "1.2.3"),)): 1,
        ("dcgw_cluster_state", (("state", "ready"),)): 1,
        ("dcgw_cluster_state", (("state", "degraded"),)): 0,
        ("dcgw_shards", ()): 2,
        ("dcgw_shards_ready", ()): 1,
        ("dcgw_events_total", ()): 20,
        ("dcgw_shard_ready", (("shard", "1"),)): 0,
        ("dcgw_shard_heartbeat_latency_seconds", (("shard", "0"),)): 0.04,
        ("dcgw_shard_reconnects_total", (("cause", "op 7"), ("shard", "0"))): 2,
        ("dcgw_shard_last_dispatch_seconds", (("shard", "0"),)): 1.5,
        ("dcgw_worker_cpu_ratio", (("worker", "0"),)): 0.12,
        ("dcgw_worker_up", (("worker", "1"),)): 0,
        ("dcgw_worker_last_dispatch_seconds", (("worker", "0"),)): 1.5,
        ("dcgw_identify_remaining", ()): 998,
        ("dcgw_subscribers", ()): 4,
        ("dcgw_subscriber_lag_events", (("subscriber", "bot"),)): 5,
        ("dcgw_subscriber_events_total", (("subscriber", "bot"),)): 27,
    }
    assert {key: found[key] for key in expected} == expected


def test_what_is_not_known_has_no_sample() -> None:
    found = samples(
        shards=[shard(0, heartbeat_ms=None, silent_s=None, session_age_s=None)],
        workers=[worker(0, journal_seconds=None)],
        budget=budget(known=False),
    )
    names = {name for name, _ in found}
    assert "dcgw_shard_ready" in names
    assert "dcgw_identify_spent" in names
    assert not names & {
        "dcgw_shard_heartbeat_latency_seconds",
        "dcgw_shard_last_dispatch_seconds",
        "dcgw_shard_session_age_seconds",
        "dcgw_worker_journal_age_seconds",
        "dcgw_worker_last_dispatch_seconds",
        "dcgw_identify_remaining",
    }


def test_labels_have_a_bound() -> None:
    many = [shard(number) for number in range(20)]
    assert any(name.startswith("dcgw_shard_") for name, _ in samples(20, shards=many))
    assert not any(name.startswith("dcgw_shard_") for name, _ in samples(19, shards=many))
    crowd = [subscriber(f"s{number}", lag=number) for number in range(MOST_SUBSCRIBERS + 50)]
    found = samples(subscribers=crowd)
    named = [labels for name, labels in found if name == "dcgw_subscriber_lag_events"]
    assert len(named) == MOST_SUBSCRIBERS
    assert (("subscriber", f"s{MOST_SUBSCRIBERS + 49}"),) in named


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_is_escaped(name: str, cause: str) -> None:
    found = samples(
        shards=[shard(0, reconnects={cause: 1})],
        subscribers=[subscriber(name, lag=1)],
    )
    assert sum(key[0] == "dcgw_subscriber_lag_events" for key in found) == 1
    assert sum(key[0] == "dcgw_shard_reconnects_total" for key in found) == 1


def test_openmetrics_where_it_is_asked_for() -> None:
    text, content_type = render(status(), "application/openmetrics-text; version=1.0.0", 512)
    assert content_type.startswith("application/openmetrics-text")
    parsed = openmetrics.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]
    families = {family.name for family in parsed}
    assert {"dcgw_build", "dcgw_events", "dcgw_cluster_state"} <= families


def test_each_state_has_its_sample() -> None:
    for state in ClusterState:
        found = samples(state=state)
        ones = [labels for (name, labels), value in found.items()
                if name == "dcgw_cluster_state" and value == 1]  # fmt: skip
        assert ones == [(("state", state.value),)]
