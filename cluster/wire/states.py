"""The words that processes share for how something is: states, and reasons of a gap.

Each is the text that goes over the wire, so that readers in other languages see words.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Level = Literal["debug", "info", "warning", "error"]
"""How much is logged: from this level on."""


class SessionState(StrEnum):
    """How a shard's session is: the states of shard_worker/protocol/states.py, and two that the
    coordinator tells of shards that no worker reports."""

    WAITING = "waiting"
    """Nothing is connected: a wait before the next try is under way."""
    CONNECTING = "connecting"
    AWAITING_HELLO = "awaiting_hello"
    AWAITING_GRANT = "awaiting_grant"
    """HELLO came, and the coordinator has yet to grant the identify."""
    IDENTIFYING = "identifying"
    RESUMING = "resuming"
    READY = "ready"
    FATAL = "fatal"
    """The gateway refused for good; somebody has to act."""
    CLOSED = "closed"
    STARTING = "starting"
    """Its worker has not reported it yet."""
    DOWN = "down"
    """Its worker is not there."""


class WorkerState(StrEnum):
    """How a worker process is, as the coordinator sees it."""

    STARTING = "starting"
    RUNNING = "running"
    MISSING = "missing"
    """The process is there, and no report comes from it."""
    RESTARTING = "restarting"
    FAILED = "failed"
    """It will not be started again by itself."""
    STOPPED = "stopped"


class HostState(StrEnum):
    """How a host is, as the coordinator sees it."""

    HERE = "here"
    """It has joined, and is heard of."""
    DRAINING = "draining"
    """It is heard of, and its shards move to other hosts; it gets no new ones."""
    AWAY = "away"
    """It is not heard of. Its workers may live: their shards are with nobody else yet."""
    GONE = "gone"
    """It is not heard of for longer than a lease: its shards are resumed elsewhere."""


class ClusterState(StrEnum):
    """How a cluster is as a whole."""

    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    """It was ready, and is not now."""
    STOPPING = "stopping"


class OperationState(StrEnum):
    """How far an operation (restart, scale, reshard) is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ReshardStage(StrEnum):
    """How far a resharding is, as subscribers are told."""

    PREPARING = "preparing"
    """Nothing of the new shard count was published yet."""
    OVERLAP = "overlap"
    """The shards of both counts publish."""
    DONE = "done"


class HeadState(StrEnum):
    """What a journal knows of a shard beside how far it is; empty for a shard as any other."""

    NONE = ""
    HELD = "held"
    """It belongs to a shard count that is still being prepared."""
    RETIRED = "retired"
    """Its shard count is no more in force."""


class GapReason(StrEnum):
    """Why events can't be had again."""

    GONE = "gone"
    """No journal has them."""
    SKIPPED = "skipped"
    """Discord's replay left them out."""
    SESSION_LOST = "session_lost"
    """Nobody saw what happened between two sessions."""
    NO_REPLAY = "no_replay"
    """There is no replay server to ask."""
    OTHER_STORE = "other_store"
    """The saved position belongs to another store."""
    AHEAD = "ahead"
    """The saved position names an epoch that this store has not come to: an older copy of the
    store took its place."""
