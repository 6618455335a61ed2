"""What `status` tells of a cluster: one model for the command line, and for whoever asks over the
control endpoint."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from cluster.wire.control import Failure
from cluster.wire.proxies import ProxyReport
from cluster.wire.states import (
    ClusterState,
    HostState,
    OperationState,
    SessionState,
    WorkerState,
)
from cluster.wire.traffic import WorkerTraffic


class ShardStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A shard as `status` shows it; seconds and milliseconds as the names say. It is in no cycle,
    so the garbage collector need not look at many thousands of them."""

    shard_id: int
    worker: int
    state: SessionState
    epoch: int
    seq: int
    events: int
    events_per_s: float
    silent_s: float | None = None
    """Seconds since the last dispatch; None: there was none since the worker started."""
    too_silent: bool = False
    """Whether it brings nothing for longer than chance explains, while its neighbours do."""
    unplaced: int = 0
    """How many frames were left out since the worker started: JSON, and of no place."""
    session_age_s: float | None
    heartbeat_ms: float | None
    late_acks: int = 0
    """How many heartbeats were answered after the next one was sent, since the worker started."""
    guilds: int
    reconnects: dict[str, int]
    detail: str
    next_try_s: float | None = None
    """Seconds until the next connection is begun; None: there is one, there will be none, or it
    hangs on how the worker's other shards fare."""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as `status` shows it."""

    slot: int
    pid: int | None
    state: WorkerState
    uptime_s: float | None
    cpu_percent: float
    rss_bytes: int
    """Memory of its own: resident, without what is mapped from files, as the journal is."""
    shards: int
    shards_ready: int
    events_per_s: float
    journal_bytes: int
    journal_seconds: float | None
    journalling: bool
    unpublished: int
    restarts: int
    version: str = ""
    """Package version the worker runs; empty: unknown."""
    detail: str = ""
    host: str = ""
    """The host that it runs on, or is to; empty: the coordinator's own."""


class HostStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A host as `status` shows it: one that has joined, or that has shards by the plan."""

    name: str
    state: HostState
    address: str = ""
    """Name of the machine, for people."""
    share: int = 0
    """How many workers it would run."""
    max_shards: int = 0
    """Most shards that it takes; 0: as many as come."""
    labels: dict[str, str] = {}
    takes_workers: bool = False
    """Whether workers may be started on it now."""
    workers: int = 0
    """How many workers it has by the plan."""
    shards: int = 0
    shards_ready: int = 0
    events_per_s: float = 0.0
    uptime_s: float | None = None
    """Seconds since its agent joined; None: it is not here."""
    heard_s: float | None = None
    """Seconds since it was heard of last; None: never."""
    gone_in_s: float | None = None
    """Seconds until it is given up, and its shards are resumed elsewhere; None: it is heard of."""
    version: str = ""
    """Package version of its agent; empty: not known."""
    cpu_percent: float | None = None
    """Part of all cores of the machine that is busy, with all that runs there; None: not known, as
    of one that is not here."""
    memory_percent: float | None = None
    """Part of the machine's memory that is in use."""
    disk_free_bytes: int | None = None
    """What is free where its workers have their journals."""
    left: bool = False
    """Whether it is gone because its agent was told to end."""
    detail: str = ""
    """What is wrong with it, in words."""


class CommandStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The commands of one opcode that were given to the coordinator since it started."""

    op: str
    """Name of the opcode, in lower case; "other": it has none."""
    sent: int
    """How many were handed to a connection."""
    failed: int
    """How many were not, and whoever gave them was told why."""
    waiting: int
    """How many wait now for a worker, a session or room in the gateway's limit."""


class OutsideClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A shard of a program outside that waits for a grant of this cluster's."""

    shard_id: int
    shard_count: int
    """Shard count; 0: the program did not say."""
    who: str


class BudgetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The identify budget."""

    total: int
    remaining: int
    reset_after_s: float
    max_concurrency: int
    spent: int
    """How many identifies this store granted in the current window."""
    waiting: list[int]
    """Shards that wait for a grant, in the order in which they will get one."""
    wait_s: float
    """How long the last of them will wait, by the limiter's arithmetic."""
    outside: list[OutsideClaim] = []
    """Programs outside that wait here, in the order in which they came."""
    granted: int = 0
    """How many identifies were granted since the coordinator started, to its shards and to programs
    outside."""
    returned: int = 0
    """How many of these were not sent, and given back."""
    broker: str = ""
    """Control endpoint of the coordinator that grants; empty: this one."""
    trouble: str = ""
    """Why nothing is granted at this moment, where it is not for the limits; empty: none."""
    known: bool = True
    """Whether Discord has said how many are left since this coordinator started; False: total,
    remaining, reset_after_s and max_concurrency mean nothing."""
    asked_again_s: float | None = None
    """Seconds until Discord is asked again for numbers that could not be had; None: it need not
    be."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a long operation."""

    id: str
    kind: str
    """What it is: "rolling restart", "scale" ..."""
    text: str = ""
    """The current step, or the result."""
    done: int = 0
    total: int = 0
    """How many steps there are; 0: it can't be said."""
    state: OperationState = OperationState.RUNNING
    failure: Failure | None = None
    seconds: float = 0.0
    """Seconds since it began; once over, how long it took."""
    left_s: float | None = None
    """Seconds that it will still take, by the limiter's arithmetic; None: it can't be said."""


MOST_MISFITS: Final = 16
LONGEST_MISFIT: Final = 400
MOST_CACHE_SHARDS: Final = 64
"""The most shards that the cache names of those with something wrong."""

Misfits = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=LONGEST_MISFIT)], int],
    msgspec.Meta(max_length=MOST_MISFITS),
]
"""How many events did not fit at a place, by event and place; those with the most."""


GapReasons = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=32)], Annotated[int, msgspec.Meta(ge=0)]],
    msgspec.Meta(max_length=16),
]
"""How many gaps there were, by reason."""


class SubscriberReport(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `subscriber`: what a subscriber says of itself every few seconds."""

    id: Annotated[str, msgspec.Meta(max_length=32)]
    """Random id of the subscriber, the same for as long as it lives."""
    name: Annotated[str, msgspec.Meta(max_length=64)]
    pid: int
    lag: int
    """Events that are known to exist and were not given out yet."""
    events: int
    """Events that were given out since it began."""
    gaps: int
    gap_reasons: GapReasons = {}
    replays: int
    """Answers that it needed from the replay server."""
    misses: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How often something did not come by way of the hub that should have, and was asked for: the
    hub drops what a subscriber does not take in time."""
    fenced: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How many messages were left out since their epoch was over before they came."""
    unfit: int = 0
    """Events that its process asked for typed and that do not fit their class, whole or in part."""
    misfits: Misfits = {}
    needs: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Bits of the privileged intents that the events need which it named."""
    leaving: bool = False


class SubscriberStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A subscriber as `status` shows it."""

    name: str
    pid: int
    lag: int
    events: int
    gaps: int
    gap_reasons: dict[str, int] = {}
    """How many gaps there were, by reason."""
    replays: int
    """Answers that it needed from the replay server."""
    misses: int = 0
    """How often something did not come by way of the hub that should have, and was asked for."""
    fenced: int = 0
    """How many messages it left out since their epoch was over: a worker that was taken for lost,
    and replaced, went on sending."""
    unfit: int = 0
    misfits: dict[str, int] = {}
    since_s: float
    lacks: list[str] = []
    """Privileged intents that the events need which it named, and that the cluster lacks."""


class SubscriberTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What all subscribers of one name have counted, one after another and beside each other, as
    far as this coordinator has heard. Those that have left are counted still, until nothing was
    heard of the name for a day."""

    name: str
    events: int
    """Events that were given out."""
    gaps: dict[str, int]
    """How many gaps there were, by reason."""
    replays: int
    """Answers that they needed from the replay server."""
    misses: int
    """How often something did not come by way of the hub that should have, and was asked for."""
    fenced: int = 0
    """How many messages they left out since their epoch was over."""
    unfit: int
    """Events that were asked for typed and do not fit their class."""


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `_gate`: what the TCP gate says of itself every few seconds. It alone says it: it
    passes on no verb that begins with an underscore."""

    pid: int
    events: str = ""
    """Where the gate listens for subscribers; empty: it does not."""
    replay: str = ""
    control: str = ""
    keys: int
    """How many clients may come in."""
    subscribers: int
    """How many connections to `events` there are."""
    refused: int
    """How many connections were not let in."""
    full: bool = False
    """Whether it has no descriptors for more connections."""
    trouble: str = ""
    """Why nobody is let in; empty: there is no reason."""


class HostGateReport(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `_host_gate`: what the host gate says of itself, as the TCP gate does."""

    pid: int
    connections: int
    """How many connections of hosts to `control` there are."""
    refused: int
    """How many connections were not let in, and messages that were none of the sender's."""
    dropped: int = 0
    """How many messages nobody took; all are said again."""
    full: bool = False
    """Whether it has no descriptors for more connections."""
    trouble: str = ""
    """Why no host is let in; empty: there is no reason."""


class HubReport(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `_hub`: what a hub that is a process of its own says of itself every second. It
    alone says it."""

    number: int
    pid: int
    connections: int
    """How many are connected to it to hear events."""
    full: list[str] = []
    """Which of its endpoints let nobody in any more, as no descriptors are left."""
    cpu_s: float = 0.0
    """Seconds of CPU that it has taken."""
    rss_bytes: int = 0
    """Memory of its own."""


class CacheReport(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `_cache`: what the process that keeps the bot's guilds says of itself every
    second. It alone says it."""

    pid: int
    guilds: int
    """Guilds that it has."""
    unavailable: int = 0
    """Guilds of these that have not come since the last READY, or that an outage hides."""
    stale: int = 0
    """Guilds of unknown age: events were missed, and their GUILD_CREATE has not come since."""
    stale_shards: Annotated[list[int], msgspec.Meta(max_length=MOST_CACHE_SHARDS)] = []
    """Shards of these guilds, some of them."""
    unseen: int = 0
    """Guilds that the bot is in by what its shards say, and that the cache has never seen."""
    unseen_shards: Annotated[list[int], msgspec.Meta(max_length=MOST_CACHE_SHARDS)] = []
    """Shards of these guilds, some of them."""
    events: int = 0
    """Events that were taken in since the process started."""
    transactions: int = 0
    gaps: int = 0
    """Gaps that it was told of since it started."""
    malformed: int = 0
    """Events since it started that were not what Discord documents, and left out."""
    disk_bytes: int = 0
    """Bytes in use of those that it may take."""
    max_bytes: int = 0
    full: bool = False
    """Whether it takes nothing in, since there is no room left."""
    cpu_s: float = 0.0
    """Seconds of CPU that it has taken."""
    rss_bytes: int = 0
    """Memory of its own."""


class ClusterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `status`."""

    name: str
    store_id: str
    pid: int
    version: str
    uptime_s: float
    cpu_s: float = 0.0
    """Seconds of CPU that the coordinator, with the hub in it, has taken."""
    rss_bytes: int = 0
    """Memory of the coordinator's own: resident, without what is mapped from files."""
    state: ClusterState
    shard_count: int
    """The shard count in force. Of a part of a bot, ``shards`` has fewer rows."""
    shards_ready: int
    """How many rows of ``shards`` are ready."""
    events: int
    events_per_s: float
    api_url: str
    gateway_url: str
    sandbox: bool
    account: Literal["bot", "user"] = "bot"
    hub_endpoint: str
    """Where subscribers connect."""
    hub_endpoints: list[str] = []
    """Where each hub publishes, that of `hub_endpoint` first: whoever wants all events connects to
    all. Empty: there is no other."""
    replay_endpoint: str
    workers: list[WorkerStatus]
    hosts: list[HostStatus] = []
    """The hosts that workers run on, by name; empty: they run on the coordinator's own."""
    shards: list[ShardStatus]
    """The shards that this cluster is to run, of the shard count in force."""
    traffic: list[WorkerTraffic] = []
    """What the workers have counted, in the order of ``workers``."""
    budget: BudgetStatus
    subscribers: list[SubscriberStatus] = []
    """Subscribers that report themselves, as Subscriber does."""
    subscriber_totals: list[SubscriberTotals] = []
    """What subscribers have counted, by name; those that were heard of last."""
    commands: list[CommandStatus] = []
    """The commands that were given to this cluster, by opcode."""
    subscribers_unknown: int = 0
    """How many other connections to the hub there are."""
    operation: Operation | None = None
    """The long request that is under way, or was the last; None: there was none."""
    hub_processes: list[HubReport] = []
    """The hubs but the first, which is the coordinator's own, and but those that are away."""
    gate: GateReport | None = None
    """The TCP gate; None: there is none, or it is not up."""
    cache: CacheReport | None = None
    """The process that keeps the bot's guilds; None: there is none, or it is not up."""
    http: str = ""
    """Where HTTP is served, as a URL; empty: it is not."""
    proxy: str = ""
    """Where this host's gateway proxy listens, as a URL; empty: there is none."""
    proxies: list[ProxyReport] = []
    """The processes of gateway proxies that report themselves, here and on other hosts."""
    troubles: list[str] = []
    """What is wrong with the coordinator's own parts, in words."""
    warnings: list[str] = []
    """Limits that are near, and what to do before they hurt, in words."""

    @property
    def hubs(self) -> list[str]:
        """Where each hub publishes."""
        return self.hub_endpoints or [self.hub_endpoint]
