"""What happened in a cluster, in plain words: the answer to `happenings`.

The coordinator keeps the last hundred. Each has a number, and numbers only grow, also from one
coordinator of a cluster to the next, so that a reader asks for what came after the last one it saw.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class HappeningKind(StrEnum):
    """What may happen."""

    STARTED = "started"
    """The coordinator began to run the cluster."""
    STOPPING = "stopping"
    RELOADED = "reloaded"
    """The configuration was read again."""
    RELOAD_REFUSED = "reload_refused"
    """It was read again and can't be used: what was before holds."""
    ALL_READY = "all_ready"
    """Every shard is ready, and not every one was before."""
    WORKER_STARTED = "worker_started"
    WORKER_ADOPTED = "worker_adopted"
    """A worker that outlived the coordinator before this one was taken over."""
    WORKER_ENDED = "worker_ended"
    """A worker's process ended as it was told to."""
    WORKER_DIED = "worker_died"
    """A worker's process ended and was not told to, or could not be started."""
    WORKER_FAILED = "worker_failed"
    """It is not started again, or a try a minute only."""
    WORKER_MISSING = "worker_missing"
    """The process is there, and no report comes from it."""
    SHARD_LOST = "shard_lost"
    """A shard lost its connection."""
    CONNECT_FAILED = "connect_failed"
    """A shard could not make a connection; told once until it has one, or the cause is another."""
    SHARD_RESUMED = "shard_resumed"
    """A shard is ready with the session that it had."""
    SHARD_IDENTIFIED = "shard_identified"
    """A shard is ready with a new session."""
    SHARD_REFUSED = "shard_refused"
    """Discord refused a shard for good: somebody has to act."""
    IDENTIFY_GRANTED = "identify_granted"
    BUDGET_LOW = "budget_low"
    OPERATION_BEGAN = "operation_began"
    OPERATION_DONE = "operation_done"
    OPERATION_FAILED = "operation_failed"
    CHILD_ENDED = "child_ended"
    """A process beside the workers ended, and is started again."""
    HOST_JOINED = "host_joined"
    """A host has joined, or is heard of again."""
    HOST_AWAY = "host_away"
    """A host is not heard of; its workers may live."""
    HOST_GONE = "host_gone"
    """A host was given up: its shards go on elsewhere."""
    HOST_LEFT = "host_left"
    """The agent of a host was told to end, and nothing of it lives any more."""
    SUBSCRIBER_CAME = "subscriber_came"
    SUBSCRIBER_LEFT = "subscriber_left"
    GAP = "gap"
    """A subscriber says that events could not be had again."""


class Severity(StrEnum):
    """How much a happening matters to whoever looks after the cluster."""

    INFO = "info"
    WARNING = "warning"
    """Something went wrong, and the cluster mends it."""
    ERROR = "error"
    """A person has to act."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One happening, or several of a kind that are summed up."""

    number: int
    at: float
    """When it happened, or the last of those that are summed up: Unix seconds."""
    kind: HappeningKind
    severity: Severity
    text: str
    """The sentence, for people."""
    count: int = 1
    """How many are summed up in it."""
    seconds: float = 0.0
    """Within how many seconds those happened."""
    worker: int | None = None
    """The worker; None: it is about none, or about several."""
    shard: int | None = None
    """The shard; None: it is about none, or about several."""
    shards: list[int] = []
    """The shards that are summed up, at most 1,000 of them; empty: it is about one, or none."""
    epoch: int | None = None
    """The epoch of the shard's session."""
    cause: str = ""
    """Why, in words."""


class HappeningsAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `happenings`."""

    after: int = 0
    """The number of the last one that is known; 0: none."""


class Happenings(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `happenings`."""

    last: int
    """The number of the newest one; 0: there is none."""
    happenings: list[Happening]
    """Those that are kept and came after, the oldest first. Numbers left out were not kept."""
