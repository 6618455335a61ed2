"""The metrics of each shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.metrics_core import Metric

from cluster.wire.states import SessionState
from cluster.wire.status import ShardStatus
from coordinator.http.metrics.families import Column, columns

_COLUMNS: Final[Sequence[Column[ShardStatus]]] = (
    Column("dcgw_shard_ready", "Whether the shard is ready (1) or not (0).",
           lambda s: float(s.state is SessionState.READY)),
    Column("dcgw_shard_events", "Events that the shard received.",
           lambda s: s.events, counts=True),
    Column("dcgw_shard_last_dispatch_seconds", "Time since the shard's last event.",
           lambda s: s.silent_s),
    Column("dcgw_shard_too_silent",
           "Whether the shard is silent (1) or not (0): it brings nothing for longer than chance "
           "explains, while its neighbours do.",
           lambda s: float(s.too_silent)),
    Column("dcgw_shard_session_age_seconds", "Time since the READY of the shard's session.",
           lambda s: s.session_age_s),
    Column("dcgw_shard_heartbeat_latency_seconds",
           "Round trip of the shard's last heartbeat that was answered.",
           lambda s: None if s.heartbeat_ms is None else s.heartbeat_ms / 1000),
    Column("dcgw_shard_late_heartbeats",
           "Heartbeats of the shard that were answered after the next one was sent.",
           lambda s: s.late_acks, counts=True),
    Column("dcgw_shard_guilds", "Guilds that the READY of the shard's session named.",
           lambda s: s.guilds),
    Column("dcgw_shard_reconnects", "Connections of the shard that were lost or given up.",
           lambda s: sum(s.reconnects.values()), counts=True),
    Column("dcgw_shard_unplaced_frames", "Frames that the shard had to leave out.",
           lambda s: s.unplaced, counts=True),
)  # fmt: skip


def shard_metrics(shards: Sequence[ShardStatus]) -> Iterator[Metric]:
    """Yield the metrics of these shards."""
    return columns(_COLUMNS, "shard", [(str(shard.shard_id), shard) for shard in shards])
