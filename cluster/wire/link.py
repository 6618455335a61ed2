"""What a worker and its coordinator say to each other over the link (ROUTER and DEALER, ipc).

One ZeroMQ frame a message: msgpack of a tagged map. The worker's socket identity is its slot
number in ASCII. What a worker is started with is cluster/config/worker_spec.py.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from cluster.wire.control import Failure
from cluster.wire.shard_state import ShardState
from cluster.wire.states import Level, SessionState
from cluster.wire.traffic import Traffic

LINK_VERSION: Final = 3
OVERLAP_NS: Final = 10_000_000_000
"""How long both shard counts deliver, unless it is said."""


class ShardPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One shard that a worker is given."""

    shard_id: int
    shard_count: int
    last_epoch: int = 0
    """Epoch of the newest identify that the store knows for this shard; 0: none yet."""
    resume: bool = True
    """Whether to resume the session in the journal; False: it is of another account or server."""
    state: ShardState | None = None
    """Where the shard was on another host, as the coordinator knows it: what this host's journals
    know counts if it is newer. None: nothing is known."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """All that a session must know of the account and of Discord."""

    token: str
    kind: Literal["bot", "user"] = "bot"
    """Kind of the account."""
    intents: int = 0
    """Intent bits; 0 for a user account."""
    capabilities: int = 0
    """Capability bits; those of a bot are 0, or what it was given."""
    client_build_number: int = 0
    """Build number of Discord's web client that a user account identifies as; 0 for a bot."""
    subscribe_guilds: Literal["all"] | list[int] = []
    """Guilds that a user account subscribes to after each READY."""
    launch: str = ""
    """Id of this run of the client (account.new_launch), the same in all its processes; empty: the
    worker makes one."""
    gateway_url: str
    """Where to connect: wss://host[:port], without a query."""
    api_version: int = 10
    compress: str = "zlib-stream"
    """Transport compression: "zlib-stream", "zstd-stream" or "" for none."""
    ca_file: str = ""
    """PEM file of the certificate authority; empty: the system's."""
    impersonate: str = "chrome"
    presence: dict[str, Any] | None = None
    large_threshold: int = 250

    def __repr__(self) -> str:  # the token must not reach a log by way of an f-string
        return f"{type(self).__name__}({self.kind}, {self.gateway_url})"


# -- worker to coordinator ---------------------------------------------------------------------


class ShardReport(msgspec.Struct, frozen=True, kw_only=True):
    """State of one shard, as the worker sees it. Seconds are as of the message; whoever keeps it
    counts them on by a monotonic clock of its own."""

    shard_id: int
    state: SessionState
    epoch: int
    seq: int
    """Last journalled seq of this epoch; -1: none."""
    events: int
    """How many dispatches came since the worker started."""
    silent_s: float | None = None
    """Seconds since the last dispatch; None: there was none since the worker started."""
    unplaced: int = 0
    """How many frames were left out since the worker started: JSON, and of no place."""
    session_age_s: float | None = None
    """Seconds since the session's READY, in whichever process; None: there is none, or it is not
    known."""
    heartbeat_ms: float | None = None
    """Milliseconds of the round trip of the last heartbeat that was answered."""
    late_acks: int = 0
    """How many heartbeats were answered after the next one was sent, since the worker started."""
    guilds: int = 0
    """How many guilds the session's READY named."""
    reconnects: dict[str, int] = {}
    """How many reconnects, by cause."""
    detail: str = ""
    """Why the shard is in this state: for a fatal close what it means and what to do."""
    next_try_s: float | None = None
    """Seconds until the next connection is begun; None: there is one, there will be none, or it
    hangs on how the worker's other shards fare."""
    refused: int | None = None
    """The close code that made the shard fatal."""


class ShardCounts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What every dispatch moves, of a shard of which nothing else has changed: the fields of its
    ShardReport. An array of numbers, of which the garbage collector need not know, since a busy
    worker says it of a thousand shards once a second."""

    shard_id: int
    seq: int
    events: int
    silent_s: float | None


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The first message after connecting, and again after the coordinator was gone. Every version
    reads that of every other one."""

    version: int
    slot: int
    pid: int
    started_at: float
    """When the worker started: Unix seconds."""
    package_version: str
    shard_count: int
    """Shard count of the worker's shards; 0: it has no shards."""
    shards: list[ShardReport]
    hub: int = 0
    """Number of the hub that it publishes to."""


class Report(msgspec.Struct, frozen=True, kw_only=True, tag="report"):
    """How a worker is: once a second, and at once when a shard changes its state. The shards that
    it says nothing of are as they were said last: since Welcome each was told of once, and each is
    again now and then."""

    slot: int
    number: int = 0
    """Number of this report, counted from a random one in each process; 0: it holds no lease."""
    has: list[int]
    """Ids of all shards that the worker has."""
    shards: list[ShardReport] = []
    """Those that have changed since the last report."""
    counts: list[ShardCounts] = []
    """Those that brought events since the last report and have not changed else."""
    cpu_seconds: float
    rss_bytes: int
    """Memory of its own: resident, without what is mapped from files, as the journal is."""
    events: int
    """How many dispatches were journalled since the worker started."""
    journal_bytes: int
    journal_seconds: float | None
    """How many seconds of events the journal holds; None: unknown yet."""
    journalling: bool
    """Whether the journal is written; False: it can't be, or not for a second yet, and the promise
    is suspended."""
    unpublished: int
    """Records that the journal holds beyond the publisher's cursor."""
    held: bool = False
    """Whether what its shards receive is held back: see WorkerSpec.held_for."""
    traffic: Traffic | None = None
    """What it has counted; None: it is of a version that does not say."""


class IdentifyRequest(msgspec.Struct, frozen=True, kw_only=True, tag="identify_request"):
    """May this shard identify? Answered by IdentifyGrant when its turn comes."""

    shard_id: int


class IdentifySent(msgspec.Struct, frozen=True, kw_only=True, tag="identify_sent"):
    """The granted identify went out: the bucket's window runs from now."""

    shard_id: int
    grant_id: int


class IdentifyUnused(msgspec.Struct, frozen=True, kw_only=True, tag="identify_unused"):
    """The granted identify was not sent and will not be."""

    shard_id: int
    grant_id: int


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag="sent"):
    """What has become of the command of this number: handed to the connection, or not."""

    number: int
    failure: Failure | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, tag="checkpoint"):
    """Where shards are, for the case that this host is lost, or that they move to another: all of
    a shard's state when its session begins, when the coordinator has said Welcome, and when the
    shard is released. The seqs of reports count on from there. A worker without a lease sends
    none."""

    slot: int
    states: list[ShardState]

    def __repr__(self) -> str:  # session ids are credentials
        return f"Checkpoint(slot={self.slot}, shards={[s.shard_id for s in self.states]})"


class Stopped(msgspec.Struct, frozen=True, kw_only=True, tag="stopped"):
    """The last message of a worker: its sessions are closed, its journal is synced."""

    slot: int


# -- coordinator to worker ---------------------------------------------------------------------


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag="welcome"):
    """The answer to Hello: this coordinator owns the worker now. The next report tells of every
    shard."""

    version: int = LINK_VERSION


class IdentifyGrant(msgspec.Struct, frozen=True, kw_only=True, tag="identify_grant"):
    """This shard may identify now, once, as this epoch."""

    shard_id: int
    grant_id: int
    epoch: int


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop"):
    """Close the sessions and exit. logout: end the sessions (1000) instead of leaving them
    resumable. cause: written as the cause of the epochs' end; only with logout."""

    logout: bool = False
    cause: str = "logout"


class Out(msgspec.Struct, frozen=True, kw_only=True, tag="out"):
    """The watermark made at sent_ns came out of the hub, and so did every event it covers."""

    sent_ns: int


class Publish(msgspec.Struct, frozen=True, kw_only=True, tag="publish"):
    """The shard count of this worker's shards comes into force: publish what they receive from now
    on. Said to a worker that does so already, it changes nothing."""

    overlap_ns: int = OVERLAP_NS
    """Nanoseconds for which the other shard count still publishes."""


class Reconnect(msgspec.Struct, frozen=True, kw_only=True, tag="reconnect"):
    """Close this shard's connection and resume on another; a shard that has given up tries anew."""

    shard_id: int
    identify: bool = False
    """Whether to end the session, and identify in place of resuming. A worker of a version without
    this field resumes."""


class Send(msgspec.Struct, frozen=True, kw_only=True, tag="send"):
    """Send this command on a shard's connection, in its turn. Answered by Sent."""

    number: int
    shard_id: int
    op: int
    payload: bytes
    """The whole JSON text, at most 4096 bytes."""

    def __repr__(self) -> str:  # it may hold a session id, or what somebody writes
        return f"Send(number={self.number}, shard_id={self.shard_id}, op={self.op})"


class Release(msgspec.Struct, frozen=True, kw_only=True, tag="release"):
    """Give this shard up to the worker of another slot: close its connection resumably, leave its
    session in this slot's journal, and report at once that it is no more among those it has."""

    shard_id: int
    to_slot: int


class Take(msgspec.Struct, frozen=True, kw_only=True, tag="take"):
    """This shard is this worker's from now on. Its session is in a journal of this host, and no
    other worker has the shard any more."""

    shard: ShardPlan


class LogLevel(msgspec.Struct, frozen=True, kw_only=True, tag="log_level"):
    """Log from this level on. A worker that does not know this goes on as it did."""

    level: Level


class Lease(msgspec.Struct, frozen=True, kw_only=True, tag="lease"):
    """The answer to the report of this number: the worker's lease runs for WorkerSpec.lease_s from
    when it sent that, by its own clock."""

    number: int


class KeptReport(msgspec.Struct, frozen=True, array_like=True):
    """A report of which the coordinator has kept what it told of shards."""

    number: int
    unknown: list[int]
    """Shards of which it knows no state that their seqs would count on from: they are told of
    again."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, tag="kept"):
    """What these reports told of shards is checkpointed, and outlives this coordinator: it may be
    acknowledged to Discord."""

    pid: int
    """Process id of the worker that this is for: the next one in its slot counts its reports from 1
    again."""
    reports: list[KeptReport]


FromWorker = (
    Hello | Report | IdentifyRequest | IdentifySent | IdentifyUnused | Sent | Checkpoint | Stopped
)
ToWorker = (
    Welcome
    | IdentifyGrant
    | Stop
    | Out
    | Publish
    | Reconnect
    | Send
    | Release
    | Take
    | LogLevel
    | Lease
    | Kept
)

_encoder = msgspec.msgpack.Encoder()
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)


def encode(message: FromWorker | ToWorker) -> bytes:
    """Return a link message as the bytes of one frame."""
    return _encoder.encode(message)


def decode_from_worker(data: bytes) -> FromWorker:
    """Return a worker's message. Raises one of decode_errors.MALFORMED for anything else."""
    return _from_worker.decode(data)


def decode_to_worker(data: bytes) -> ToWorker:
    """Return a coordinator's message. Raises one of decode_errors.MALFORMED for anything else."""
    return _to_worker.decode(data)
