"""Statuses of clusters, as the tests of the HTTP server need them."""

from __future__ import annotations

from typing import Any

from cluster.wire.proxies import ProxyReport
from cluster.wire.states import ClusterState, HostState, SessionState, WorkerState
from cluster.wire.status import (
    BudgetStatus,
    CacheReport,
    ClusterStatus,
    CommandStatus,
    GateReport,
    HostStatus,
    HubReport,
    ShardStatus,
    SubscriberStatus,
    SubscriberTotals,
    WorkerStatus,
)
from cluster.wire.traffic import WorkerTraffic


def shard(shard_id: int, **changed: Any) -> ShardStatus:
    """Return a shard that is ready."""
    usual: dict[str, Any] = {
        "worker": 0,
        "state": SessionState.READY,
        "epoch": 1,
        "seq": 10,
        "events": 10,
        "events_per_s": 2.0,
        "silent_s": 0.5,
        "session_age_s": 60.0,
        "heartbeat_ms": 40.0,
        "guilds": 3,
        "reconnects": {},
        "detail": "",
    }
    return ShardStatus(shard_id=shard_id, **usual | changed)


def worker(slot: int, **changed: Any) -> WorkerStatus:
    """Return a worker that runs."""
    usual: dict[str, Any] = {
        "pid": 100 + slot,
        "state": WorkerState.RUNNING,
        "uptime_s": 61.0,
        "cpu_percent": 12.0,
        "rss_bytes": 50_000_000,
        "shards": 2,
        "shards_ready": 2,
        "events_per_s": 4.0,
        "journal_bytes": 1_000_000,
        "journal_seconds": 59.0,
        "journalling": True,
        "unpublished": 0,
        "restarts": 0,
        "version": "1.2.3",
    }
    return WorkerStatus(slot=slot, **usual | changed)


def host(name: str, **changed: Any) -> HostStatus:
    """Return a host that is here."""
    usual: dict[str, Any] = {
        "state": HostState.HERE,
        "address": f"{name}.example",
        "share": 2,
        "takes_workers": True,
        "workers": 2,
        "shards": 4,
        "shards_ready": 4,
        "events_per_s": 8.0,
        "uptime_s": 3600.0,
        "heard_s": 0.4,
        "version": "1.2.3",
        "cpu_percent": 17.0,
        "memory_percent": 41.0,
        "disk_free_bytes": 90 << 30,
    }
    return HostStatus(name=name, **usual | changed)


def away(name: str, **changed: Any) -> HostStatus:
    """Return a host that is not heard of, and may be there."""
    usual: dict[str, Any] = {
        "state": HostState.AWAY,
        "takes_workers": False,
        "uptime_s": None,
        "heard_s": 18.0,
        "gone_in_s": 12.2,
        "cpu_percent": None,
        "memory_percent": None,
        "disk_free_bytes": None,
    }
    return host(name, **usual | changed)


def gone(name: str, **changed: Any) -> HostStatus:
    """Return a host that was given up."""
    usual: dict[str, Any] = {
        "state": HostState.GONE,
        "heard_s": 190.0,
        "gone_in_s": None,
        "workers": 0,
        "shards": 0,
        "shards_ready": 0,
        "events_per_s": 0.0,
    }
    return away(name, **usual | changed)


def traffic(slot: int, **changed: Any) -> WorkerTraffic:
    """Return what a worker has counted in a minute."""
    usual: dict[str, Any] = {
        "events": {"READY": 2, "MESSAGE_CREATE": 15, "other": 3},
        "holes": 1,
        "received_bytes": 4_000,
        "batch_bytes": 9_000,
        "heartbeats": [0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 1],
        "heartbeat_s": 12.2,
        "unjournalled": 0,
        "reconnects": {"op 7": 2, "closed": 1},
        "closes": {"4000": 1},
        "cpu_s": 7.5,
    }
    return WorkerTraffic(slot=slot, **usual | changed)


def totals(name: str, **changed: Any) -> SubscriberTotals:
    """Return what subscribers of a name have counted."""
    usual: dict[str, Any] = {
        "events": 27,
        "gaps": {"gone": 1},
        "replays": 1,
        "misses": 2,
        "unfit": 0,
    }
    return SubscriberTotals(name=name, **usual | changed)


def command(op: str, **changed: Any) -> CommandStatus:
    """Return commands of an opcode, of which one waits."""
    return CommandStatus(op=op, **{"sent": 5, "failed": 1, "waiting": 1} | changed)


def subscriber(name: str, **changed: Any) -> SubscriberStatus:
    """Return a subscriber that keeps up."""
    usual: dict[str, Any] = {
        "pid": 7,
        "lag": 0,
        "events": 20,
        "gaps": 0,
        "replays": 1,
        "since_s": 30.0,
    }
    return SubscriberStatus(name=name, **usual | changed)


def budget(**changed: Any) -> BudgetStatus:
    """Return a budget of which two identifies are spent."""
    usual: dict[str, Any] = {
        "total": 1000,
        "remaining": 998,
        "reset_after_s": 3600.0,
        "max_concurrency": 1,
        "spent": 2,
        "waiting": [],
        "wait_s": 0.0,
    }
    return BudgetStatus(**usual | changed)


def status(**changed: Any) -> ClusterStatus:
    """Return a cluster of two shards on one worker, all of it ready."""
    shards = changed.get("shards", [shard(0), shard(1)])
    usual: dict[str, Any] = {
        "name": "test",
        "store_id": "0123456789abcdef",
        "pid": 1,
        "version": "1.2.3",
        "uptime_s": 62.0,
        "state": ClusterState.READY,
        "shard_count": len(shards),
        "shards_ready": sum(row.state is SessionState.READY for row in shards),
        "events": 20,
        "events_per_s": 4.0,
        "api_url": "https://discord.example/api",
        "gateway_url": "wss://gateway.example",
        "sandbox": False,
        "hub_endpoint": "ipc:///run/events",
        "replay_endpoint": "ipc:///run/replay",
        "workers": [worker(0)],
        "shards": shards,
        "traffic": [traffic(row.slot) for row in changed.get("workers", [worker(0)])],
        "budget": budget(),
    }
    return ClusterStatus(**usual | changed)


def full_status() -> ClusterStatus:
    """Return a cluster of which everything is known, and everything has happened."""
    return status(
        shards=[shard(0), shard(1, reconnects={"op 7": 1})],
        workers=[worker(0, host="host-1")],
        hosts=[host("host-1"), away("host-2")],
        subscribers=[subscriber("bot", lag=3)],
        subscriber_totals=[totals("bot")],
        commands=[command("presence_update")],
        hub_processes=[HubReport(number=1, pid=9, connections=2, cpu_s=1.5)],
        cache=CacheReport(
            pid=10,
            guilds=12,
            unavailable=1,
            stale=2,
            stale_shards=[1],
            unseen=3,
            unseen_shards=[0, 2],
            events=900,
            transactions=400,
            gaps=1,
            malformed=2,
            disk_bytes=5_000_000,
            max_bytes=1 << 30,
            cpu_s=2.5,
            rss_bytes=30_000_000,
        ),
        gate=GateReport(pid=8, events="tcp://*:7000", keys=2, subscribers=1, refused=3),
        proxy="ws://127.0.0.1:7320",
        proxies=[ProxyReport(id="0123", pid=10, clients=2, events=100)],
    )
