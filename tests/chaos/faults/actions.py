"""How each kind of fault is done. An action returns when what it broke is mended again as far as a
connection, a process or a subscriber goes; that all events then come, the driver waits for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tests.chaos.cluster_under_test import ClusterUnderTest
from tests.chaos.faults.connections import (
    FaultAction,
    connection,
    dead_resume_host,
    refused_connections,
    repeated_seq,
    replay_skips,
    stall,
)
from tests.chaos.faults.full_pipe import full_pipe
from tests.chaos.faults.hosts import (
    agent_killed,
    host_cut,
    host_cut_off,
    host_drained,
    host_frozen,
    host_gate_killed,
    host_killed,
    host_lost,
    host_replay_killed,
    host_slow,
    host_stopped,
    host_worker_killed,
)
from tests.chaos.faults.operations import (
    resharded,
    rolling_restart,
    scaled,
    shard_restarted,
    worker_restarted,
)
from tests.chaos.faults.processes import (
    cache_killed,
    coordinator_killed,
    coordinator_stopped,
    proxy_killed,
    replay_killed,
    replay_stopped,
    two_workers_killed,
    worker_and_coordinator_killed,
    worker_and_replay_killed,
    worker_hangs,
    worker_killed,
    worker_stopped,
)
from tests.chaos.faults.subscribers import (
    late_joiner,
    proxy_client_gone,
    started_together,
    subscriber_busy,
    subscriber_restarted,
    subscriber_stopped,
)

FAULT_ACTIONS: Final[dict[str, FaultAction]] = {
    "cut": connection("cut"),
    "half_open": connection("half_open"),
    "mute_heartbeats": connection("mute_heartbeats"),
    "op7": connection("op7"),
    "op9_resumable": connection("op9", resumable=True),
    "op9_lost": connection("op9", resumable=False),
    "close_resumable": connection("close"),
    "close_lost": connection("close"),
    "forgotten_session": connection("forget"),
    "corrupt": connection("corrupt"),
    "truncate": connection("truncate"),
    "stall": stall,
    "repeated_seq": repeated_seq,
    "refused_connections": refused_connections,
    "dead_resume_host": dead_resume_host,
    "replay_skips": replay_skips,
    "worker_killed": worker_killed,
    "worker_stopped": worker_stopped,
    "worker_hangs": worker_hangs,
    "two_workers_killed": two_workers_killed,
    "coordinator_killed": coordinator_killed,
    "coordinator_stopped": coordinator_stopped,
    "replay_killed": replay_killed,
    "replay_stopped": replay_stopped,
    "proxy_killed": proxy_killed,
    "cache_killed": cache_killed,
    "worker_and_coordinator_killed": worker_and_coordinator_killed,
    "worker_and_replay_killed": worker_and_replay_killed,
    "full_pipe": full_pipe,
    "rolling_restart": rolling_restart,
    "worker_restarted": worker_restarted,
    "shard_restarted": shard_restarted,
    "scaled": scaled,
    "resharded": resharded,
    "subscriber_stopped": subscriber_stopped,
    "subscriber_busy": subscriber_busy,
    "subscriber_restarted": subscriber_restarted,
    "late_joiner": late_joiner,
    "started_together": started_together,
    "proxy_client_gone": proxy_client_gone,
    "agent_killed": agent_killed,
    "host_worker_killed": host_worker_killed,
    "host_killed": host_killed,
    "host_lost": host_lost,
    "host_stopped": host_stopped,
    "host_frozen": host_frozen,
    "host_cut": host_cut,
    "host_cut_off": host_cut_off,
    "host_slow": host_slow,
    "host_gate_killed": host_gate_killed,
    "host_replay_killed": host_replay_killed,
    "host_drained": host_drained,
}


def shards_met(tested: ClusterUnderTest, params: dict[str, Any]) -> Iterable[int]:
    """The shards that a fault may meet: the one that it names, or all."""
    return [params["shard"] % tested.shards] if "shard" in params else range(tested.shards)
