"""What a host agent and the coordinator say to each other (DEALER and ROUTER, through the host
gate).

One ZeroMQ frame a message: msgpack of a tagged map. The agent's socket identity is its host id,
"NAME/INSTANCE": NAME is that of its key, which the host gate holds it to, INSTANCE is random for
each process. Both sides tell how things are, again and again, and not what has changed: a message
that is lost costs a second.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from cluster.ranges import MAX_SHARDS
from cluster.wire.states import HostState

HOST_VERSION: Final = 1
REPORT_S: Final = 1.0
"""Seconds between two reports of an agent; one is sent at once where something has changed."""
ASK_AFTER_S: Final = 3.0
"""Seconds without a word from the coordinator after which an agent says hello anew."""
ENDED_S: Final = 10.0
"""For how many seconds a report names a process that has ended."""

HOST_NAME: Final = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z"
HostName = Annotated[str, msgspec.Meta(pattern=HOST_NAME)]
Instance = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Slot = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
Words = Annotated[str, msgspec.Meta(max_length=4096)]


# -- agent to coordinator ----------------------------------------------------------------------


class HeldSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A slot of the host in which a worker process lives."""

    slot: Slot
    pid: int
    start: Number = 0
    """Number of the StartWorker that it was started by; 0: it is from before this agent."""


class EndedWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process that has ended within the last ENDED_S, or could not be started."""

    slot: Slot
    pid: int | None
    """None: it never came into being."""
    start: Number = 0
    code: int | None = None
    """Exit status; -N: by signal N; None: it can't be known."""
    words: Words = ""
    """Why it could not be started, or the last line that it logged."""


class HostHello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The first message of an agent, and again where it hears nothing. Every version reads that of
    every other one."""

    version: int
    package_version: Words
    boot_id: Words
    """Id of the time since the host's kernel started."""
    workers: Annotated[int, msgspec.Meta(ge=1, le=MAX_SHARDS)]
    """How many workers the host would run: its share of them."""
    max_shards: Annotated[int, msgspec.Meta(ge=0, le=MAX_SHARDS)] = 0
    """Most shards that it takes; 0: as many as come."""
    labels: Annotated[dict[Words, Words], msgspec.Meta(max_length=64)] = {}
    address: Words = ""
    """Name of the machine, for people."""


class HostReport(msgspec.Struct, frozen=True, kw_only=True, tag="report"):
    """How a host is: all of it, once a second and at each change."""

    held: list[HeldSlot]
    """All slots in which a process lives, started by this agent or found."""
    ended: list[EndedWorker] = []
    journals: list[Slot] = []
    """All slots that have a journal on this host."""
    cpu_percent: float = 0.0
    """Part of all cores of the machine that is busy, with all that runs there."""
    memory_percent: float = 0.0
    """Part of the machine's memory that is in use."""
    disk_free_bytes: int = 0
    replay: Words = ""
    """What is wrong with the replay server; empty: nothing."""
    leaving: bool = False
    """The agent ends as soon as its workers have: nothing more is started here."""


class WorkerSaid(msgspec.Struct, frozen=True, kw_only=True, tag="worker"):
    """What a worker of this host says to the coordinator (cluster.wire.link)."""

    slot: Slot
    data: bytes


# -- coordinator to agent ----------------------------------------------------------------------


class HostWelcome(msgspec.Struct, frozen=True, kw_only=True, tag="welcome"):
    """The answer to HostHello. Endpoints "tcp://HOST:PORT"; where HOST is "*" it is that by which
    the agent has reached the coordinator."""

    version: int = HOST_VERSION
    name: str
    """The agent's own, as its key has it."""
    cluster: str
    """Store id."""
    events: list[str]
    """Where its workers' events go: an endpoint a hub."""
    replay: str
    """Where questions about its journals come from."""


class HostRefusal(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The agent may not join, or no more."""

    cause: str
    action: str = ""
    final: bool = True
    """False: it may try again in a moment, since another agent of its name was heard of lately."""


class HostHeard(msgspec.Struct, frozen=True, kw_only=True, tag="heard"):
    """The answer to HostReport: the coordinator is there."""


class StartWorker(msgspec.Struct, frozen=True, kw_only=True, tag="start"):
    """Start the worker of a slot. Said again until a report names this number: twice is once."""

    number: Number
    slot: Slot
    spec: bytes
    """A WorkerSpec (cluster.config.worker_spec) in which the agent puts what is its own: folders,
    endpoints, boot id, certificate file."""
    ca_pem: str = ""
    """Content of the certificate authority's file; empty: the system's."""

    def __repr__(self) -> str:  # the spec holds the token
        return f"StartWorker(number={self.number}, slot={self.slot})"

    def __rich_repr__(self) -> Any:
        yield "number", self.number
        yield "slot", self.slot


class SignalWorker(msgspec.Struct, frozen=True, kw_only=True, tag="signal"):
    """Send the process of a slot a signal, if it still is the one of this pid."""

    slot: Slot
    pid: int
    kill: bool = False
    """SIGKILL in place of SIGTERM."""


class TellWorker(msgspec.Struct, frozen=True, kw_only=True, tag="tell"):
    """What the coordinator says to a worker of this host (cluster.wire.link)."""

    slot: Slot
    data: bytes

    def __repr__(self) -> str:  # it may hold a session id
        return f"TellWorker(slot={self.slot})"


class ClearJournal(msgspec.Struct, frozen=True, kw_only=True, tag="clear"):
    """Remove the journal of a slot that is no more in use, unless a process lives in it."""

    slot: Slot


# -- coordinator to replay door ----------------------------------------------------------------


class KnownHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host as the coordinator sees it now."""

    name: str
    id: str
    """Its host id: where questions to it go."""
    state: HostState


class KnownHosts(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the verb "_hosts" of the control endpoint, which the replay door asks."""

    cluster: str
    """Store id."""
    hosts: list[KnownHost]
    settled: bool
    """False: hosts of the stored plan that are not among these may still come back."""


FromHost = HostHello | HostReport | WorkerSaid
ToHost = (
    HostWelcome | HostRefusal | HostHeard | StartWorker | SignalWorker | TellWorker | ClearJournal
)

_encoder = msgspec.msgpack.Encoder()
_from_host: msgspec.msgpack.Decoder[FromHost] = msgspec.msgpack.Decoder(FromHost)
_to_host: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)


def encode(message: FromHost | ToHost) -> bytes:
    """Return a message as the bytes of one frame."""
    return _encoder.encode(message)


def decode_from_host(data: bytes) -> FromHost:
    """Return an agent's message. Raises one of decode_errors.MALFORMED for anything else."""
    return _from_host.decode(data)


def decode_to_host(data: bytes) -> ToHost:
    """Return a coordinator's message. Raises one of decode_errors.MALFORMED for anything else."""
    return _to_host.decode(data)


def host_id(name: str, instance: str) -> bytes:
    """Return the socket identity of an agent."""
    return f"{name}/{instance}".encode()


def name_of(identity: bytes) -> str:
    """Return the name in a host id. ValueError: it is none."""
    name, slash, instance = identity.decode().partition("/")
    msgspec.convert(name, HostName)
    msgspec.convert(instance, Instance)
    if not slash:
        raise ValueError("it has no instance")
    return name
