"""The ends at which the proxy's parts meet; each is made, and tested, without the others.

server/    sockets, handshakes, what a client may say when     calls Sessions and Commands
sessions/  who gets which events, and how far each has come    calls Outlet and View
view/      what a session sees of the cluster                  pure, but for the cache
requests/  what clients ask of Discord                         calls ControlClient
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from cluster.proxy.entry import Entry
from cluster.proxy.identify import Identify

ANSWERS: Final = frozenset(
    (
        "CHANNEL_INFO",
        "GUILD_MEMBERS_CHUNK",
        "RATE_LIMITED",
        "SOUNDBOARD_SOUNDS",
        "VOICE_SERVER_UPDATE",
    )
)
"""Names of the events that answer somebody: `Asked` alone says which sessions get one, and `View`
is not asked."""


class Outlet(Protocol):
    """A client's connection, as its session sees it."""

    @property
    def waiting(self) -> int:
        """Bytes that the client has not taken yet. Whenever it has taken all of them,
        `Session.room` is called."""

    def dispatch(self, payloads: Sequence[bytes]) -> None:
        """Send whole payloads, each the JSON text of a dispatch, in one write."""

    def close(self, code: int, reason: str) -> None:
        """Close the connection; its session is told by `detach` before this returns."""

    def request_heartbeat(self) -> None:
        """Send op 1, which a client answers with a heartbeat ("Sending Heartbeats"), unless one is
        unanswered."""

    @property
    def owes_heartbeat(self) -> bool:
        """Whether a heartbeat was asked for, and has not come."""


class Identified(Protocol):
    """One client's session, with a connection or without. Its id says which it is: the object is
    another after a RESUME."""

    @property
    def id(self) -> str: ...

    @property
    def identify(self) -> Identify: ...

    @property
    def predecessor(self) -> str:
        """Id of the session that this one is the heir of; empty: it is nobody's."""


class Session(Identified, Protocol):
    """One connection's hold of a session: a RESUME gives another one, and this one has no say in
    the session any more."""

    @property
    def seq(self) -> int:
        """The last s that was sent; 0: none."""

    def acknowledge(self, seq: int) -> None:
        """Take note that the client has got as far as this (a heartbeat's `d`, a RESUME's seq).
        Refused (4007): it can't have."""

    def room(self) -> None:
        """The client has taken all that waited: send on."""

    def detach(self, *, over: bool) -> None:
        """The connection has ended. over: with 1000 or 1001, after which no RESUME is possible; a
        later IDENTIFY goes on from here all the same."""


class Sessions(Protocol):
    """All sessions of a proxy."""

    async def identify(self, outlet: Outlet, identify: Identify) -> Session:
        """Begin a session: READY, GUILD_CREATE for every guild, then events. Refused.
        InvalidSession: not now (op 9). If the client goes meanwhile, the session is detached once
        this returns."""

    async def resume(
        self, outlet: Outlet, session_id: str, seq: int, client: str
    ) -> Session | None:
        """Go on with a session: what came after seq, then RESUMED. None: it is not there, is
        another client's, or can't be gone on with (op 9, d false). Refused (4007).
        InvalidSession: it can't now."""


class Commands(Protocol):
    """What clients ask of Discord."""

    def identified(self, session: Session) -> None:
        """A session has begun; its IDENTIFY may carry a presence."""

    def resumed(self, session: Session) -> None:
        """A session goes on with a new connection."""

    def received(self, session: Session, op: int, d: Any) -> None:
        """Do what a client asks; op: none that the server handles itself (1, 2, 6). Refused: it
        asks for what can't be."""

    def detached(self, session: Session, *, over: bool) -> None:
        """The session has no client any more; over: as in `Session.detach`."""

    def shard_ready(self, shard_id: int, shard_count: int) -> None:
        """A shard of the cluster has begun a new session (READY): its presence is the
        configuration's, until the clients' is sent again."""


class View(Protocol):
    """What one session sees of the cluster's events. It is shown every entry once, in order, but
    for answers (Asked); after a RESUME another view, made of an earlier `state`, is shown what came
    after that once more, and has to come to the same."""

    @property
    def state(self) -> bytes:
        """What the view has learnt (which guilds its client has, which of them are unavailable,
        where a Gap came), for `Views.go_on`. The same object for as long as nothing has changed:
        it is asked for after each turn."""

    def see(self, entry: Entry) -> bytes | None:
        """Return the tail of the dispatch (`Entry.tail`, or another in its place); None: the
        session gets nothing; b"": it gets what `made_up` says, which is asked for at once."""

    def made_up(self, entry: Entry) -> Sequence[tuple[str, bytes]]:
        """Return (name, d) of the dispatches that the entry seen last brings in its own place:
        GUILD_DELETE for the guilds that a new READY no longer lists."""


class Snapshot(Protocol):
    """The cache at one moment; cluster.cache's is one."""

    @property
    def position(self) -> Mapping[str, Any] | None:
        """How far the cache had come: as Subscriber.position has it. None: nothing has come."""


class Snapshots(Protocol):
    """The cache."""

    def snapshot(self) -> AbstractContextManager[Any]:
        """Return the cache as it is now, a Snapshot, to be left soon."""


class Beginning(Protocol):
    """What a session begins with, by one snapshot."""

    @property
    def view(self) -> View:
        """What it sees of all that comes after the snapshot."""

    @property
    def ready(self) -> bytes:
        """`d` of READY."""

    @property
    def guilds(self) -> Sequence[int]:
        """Ids of the guilds that the session is told of, in order (`Views.told`)."""


class Views(Protocol):
    """Makes what sessions see. snapshot: of cluster.cache."""

    def begin(
        self, identify: Identify, session_id: str, snapshot: Any, *, before: bytes = b""
    ) -> Beginning:
        """Begin a session. before: `state` of the view of the session that it is the heir of: a
        guild that was not known to that one may be told of by its GUILD_CREATE once more. Refused:
        4000 while the cache knows no bot."""

    def told(
        self, identify: Identify, snapshot: Any, guild_id: int, *, joins: int = 0
    ) -> tuple[str, bytes] | None:
        """Return (name, d) of what a session that begins is told of a guild: GUILD_CREATE, or
        GUILD_DELETE while an outage hides it, as Discord does; None: the guild is gone. joins: how
        many members more the guild has by what the session will be sent of GUILD_MEMBER_ADD and
        _REMOVE: its member_count is less by that, and comes out right."""

    def go_on(self, identify: Identify, state: bytes) -> View:
        """Return a view that goes on from what another of the same IDENTIFY had learnt."""


class Asked(Protocol):
    """Which answers of Discord are whose (requests/)."""

    def answer(self, session: Identified, entry: Entry) -> bytes | None:
        """Return the tail of a dispatch of ANSWERS as this session gets it; None: it is not the
        session's. The same for the same event, however often it is asked."""
