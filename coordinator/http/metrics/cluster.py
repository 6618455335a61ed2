"""The metrics of the cluster as a whole: its state, its identifies, the commands given to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import InfoMetricFamily, Metric

from cluster.wire.states import ClusterState
from cluster.wire.status import BudgetStatus, ClusterStatus, CommandStatus, GateReport
from coordinator.http.metrics.families import counter, family, gauge


def cluster_metrics(status: ClusterStatus) -> Iterator[Metric]:
    """Yield the metrics of a cluster that have no labels but its state."""
    yield InfoMetricFamily(
        "dcgw_build", "Version of the coordinator's package.", {"version": status.version}
    )
    states = family(
        "dcgw_cluster_state",
        "State of the cluster as a whole: 1 for the one that it is in, 0 for the others.",
        ("state",),
    )
    for state in ClusterState:
        states.add_metric((state.value,), float(state is status.state))
    yield states
    yield gauge("dcgw_uptime_seconds", "Time since the coordinator started.", status.uptime_s)
    yield counter(
        "dcgw_coordinator_cpu_seconds",
        "CPU that the coordinator, with the hub in it, has used.",
        status.cpu_s,
    )
    yield gauge(
        "dcgw_coordinator_memory_bytes",
        "Memory of the coordinator's own: resident, without what is mapped from files.",
        status.rss_bytes,
    )
    hubs = family(
        "dcgw_hub_cpu_seconds",
        "CPU that a hub has used which is a process of its own, as all but the first are.",
        ("hub",),
        counts=True,
    )
    for hub in status.hub_processes:
        hubs.add_metric((str(hub.number),), hub.cpu_s)
    yield hubs
    yield gauge("dcgw_shards", "Shards that this cluster is to run.", len(status.shards))
    yield gauge("dcgw_shards_ready", "Shards that are ready.", status.shards_ready)
    yield gauge(
        "dcgw_troubles",
        "What is wrong with the coordinator's own parts, in lines of `status`.",
        len(status.troubles),
    )
    yield gauge(
        "dcgw_warnings", "Limits that are near, in lines of `status`.", len(status.warnings)
    )


def gate_metrics(gate: GateReport | None) -> Iterator[Metric]:
    """Yield the metrics of the TCP gate; there are none without one."""
    if gate is not None:
        yield gauge("dcgw_gate_keys", "Clients that may come in over TCP.", gate.keys)
        yield gauge("dcgw_gate_subscribers", "Subscribers over TCP.", gate.subscribers)
        yield counter(
            "dcgw_gate_refused_connections",
            "Connections over TCP that were not let in.",
            gate.refused,
        )


def budget_metrics(budget: BudgetStatus) -> Iterator[Metric]:
    """Yield the metrics of the identify budget."""
    if budget.known:
        yield gauge("dcgw_identify_limit", "Identifies that the account has a day.", budget.total)
        yield gauge("dcgw_identify_remaining", "Identifies that are left.", budget.remaining)
        yield gauge(
            "dcgw_identify_reset_seconds", "Time until all of them are back.", budget.reset_after_s
        )
        yield gauge(
            "dcgw_identify_concurrency",
            "Identifies that may be sent within 5 s.",
            budget.max_concurrency,
        )
    yield gauge(
        "dcgw_identify_spent", "Identifies that were spent since the last reset.", budget.spent
    )
    yield gauge(
        "dcgw_identify_waiting",
        "Shards and programs outside that wait for leave to identify.",
        len(budget.waiting) + len(budget.outside),
    )
    yield gauge(
        "dcgw_identify_wait_seconds", "How long the last of these shards will wait.", budget.wait_s
    )
    yield counter(
        "dcgw_identifies_granted",
        "Identifies that were granted, to shards and to programs outside.",
        budget.granted,
    )
    yield counter(
        "dcgw_identifies_returned",
        "Identifies that were granted and given back unsent.",
        budget.returned,
    )


def command_metrics(commands: Sequence[CommandStatus]) -> Iterator[Metric]:
    """Yield the metrics of the commands that were given to the cluster."""
    done = family(
        "dcgw_commands",
        "Commands that were handed to a connection (sent), or were not (failed).",
        ("op", "result"),
        counts=True,
    )
    waiting = family(
        "dcgw_commands_waiting",
        "Commands that wait for a worker, a session or room in the gateway's limit.",
        ("op",),
    )
    for row in commands:
        done.add_metric((row.op, "sent"), row.sent)
        done.add_metric((row.op, "failed"), row.failed)
        waiting.add_metric((row.op,), row.waiting)
    yield done
    yield waiting
