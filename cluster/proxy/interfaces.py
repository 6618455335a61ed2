"""The ends at which the proxy's parts meet; each is made, and tested, without the others.

server/    sockets, handshakes, what a client may say when     calls Sessions and Commands
sessions/  who gets which events, and how far each has come    calls Outlet and View
view/      what a session sees of the cluster                  pure, but for the cache
requests/  what clients ask of Discord                         calls ControlClient
"""

from __future__ import annotations

from collections.abc import Sequence
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
        """Bytes that the client has not taken yet."""

    def dispatch(self, payloads: Sequence[bytes]) -> None:
        """Send whole payloads, each the JSON text of a dispatch, in one write."""

    def close(self, code: int, reason: str) -> None:
        """Close the connection; the session is told by `detach`."""

    def request_heartbeat(self) -> None:
        """Send op 1, which a client answers with a heartbeat ("Sending Heartbeats")."""


class Session(Protocol):
    """One client's session, while it has a connection."""

    @property
    def id(self) -> str: ...

    @property
    def identify(self) -> Identify: ...

    @property
    def predecessor(self) -> str:
        """Id of the session that this one is the heir of; empty: it is nobody's."""

    @property
    def seq(self) -> int:
        """The last s that was sent; 0: none."""

    def acknowledge(self, seq: int) -> None:
        """Take note that the client has got as far as this (a heartbeat's `d`, a RESUME's seq).
        Refused (4007): it can't have."""

    def room(self) -> None:
        """The connection has room again: send on."""

    def detach(self, *, over: bool) -> None:
        """The connection has ended. over: with 1000 or 1001, after which no RESUME is possible; a
        later IDENTIFY goes on from here all the same."""


class Sessions(Protocol):
    """All sessions of a proxy."""

    async def identify(self, outlet: Outlet, identify: Identify) -> Session:
        """Begin a session: READY, GUILD_CREATE for every guild, then events. Refused."""

    async def resume(
        self, outlet: Outlet, session_id: str, seq: int, client: str
    ) -> Session | None:
        """Go on with a session: what came after seq, then RESUMED. None: it is not there, is
        another client's, or can't be gone on with (op 9, d false). Refused (4007)."""


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
    """What one session sees of the cluster's events."""

    def see(self, entry: Entry) -> bytes | None:
        """Return the tail of the dispatch (`Entry.tail`, or another in its place); None: this
        session does not get the event."""


class Asked(Protocol):
    """Which answers of Discord are whose (requests/)."""

    def answer(self, session: Session, entry: Entry) -> bytes | None:
        """Return the tail of a dispatch of ANSWERS as this session gets it; None: it is not the
        session's. The same for the same event, however often it is asked."""
