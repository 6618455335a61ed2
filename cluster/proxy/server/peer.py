"""A client as the gateway sees it: what it has said, whether it beats, which session it has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal, NamedTuple

import msgspec

from cluster.decode_errors import MALFORMED, decoded
from cluster.discord.opcodes import Op
from cluster.gateway_server.compression import PayloadZlibEncoder, encoder_for
from cluster.gateway_server.identify_payload import parse_resume, parse_token
from cluster.gateway_server.refusal import Refused, malformed
from cluster.gateway_server.send_limit import SendLimit
from cluster.proxy.credentials import Credentials
from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Commands, Session, Sessions
from cluster.proxy.refusal import InvalidSession
from cluster.proxy.server.connection import Connection
from cluster.proxy.server.greeting import read_greeting
from cluster.proxy.server.identifying import ClusterFacts, read_identify
from cluster.proxy.server.restarts import Restarts
from cluster.proxy.server.states import Action, State, action_on

log = logging.getLogger(__name__)

UNIDENTIFIED_S: Final = 300.0
"""Seconds that a client may beat without a session: as many as its library lets it wait for its
turn to identify."""
LEAST_GRACE_S: Final = 1.0
MOST_HELD: Final = 120
"""Commands that may wait for their session."""
TRACE: Final = "dcgw-cluster-proxy"


class Ground(NamedTuple):
    """What all peers of a server stand on."""

    sessions: Sessions
    commands: Commands
    credentials: Credentials
    cluster: Callable[[], ClusterFacts]
    interval_ms: int
    """Within which a client has to send a heartbeat."""
    clock: Callable[[], float]
    """Monotonic seconds."""
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    """Lets a task run."""
    refused: Callable[[Refused, str], None]
    """Hears of what a client is refused, and of its address."""
    restarts: Restarts
    held_back: Callable[[str], None]
    """Hears of each IDENTIFY that came too soon, and whose it was."""
    closed: Callable[[int], None]
    """Hears of the code of each close by the server."""
    lost: Callable[[], None]
    """Hears of each RESUME of a session that can't be gone on with."""


class Peer:
    """The listener of a connection (connection.py)."""

    def __init__(self, ground: Ground, connection: Connection, query: str, url: str) -> None:
        """query: of the URL that the client asked for. url: what it is told."""
        self._ground = ground
        self._connection = connection
        self._query = query
        self._version: Literal[9, 10] = 10
        self._has_stream = False
        """Whether all payloads are one stream, so that IDENTIFY's `compress` changes nothing."""
        self._url = url
        self._limit = SendLimit()
        self._beat_at = self._since = ground.clock()
        self._held: list[tuple[int, Any]] = []
        self._acknowledged: int | None = None
        self._has_drained = False
        """Whether the client has taken all that waited before its session was known."""
        self._identified: tuple[tuple[str, int], float] | None = None
        """As which client and shard, and when."""
        self._told_to_go = False
        self._is_over = False
        self._session: Session | None = None
        self.state = State.GREETED

    @property
    def is_identified(self) -> bool:
        """Whether it has shown who it is."""
        return self.state in (State.IDENTIFYING, State.RESUMING, State.ATTACHED)

    def greet(self) -> None:
        """Send HELLO, in the way that the client asks for."""
        try:
            greeting = read_greeting(self._query)
        except Refused as refused:
            self.refuse(refused)
            return
        self._version = greeting.version
        self._has_stream = bool(greeting.compress)
        if greeting.compress:
            self._connection.encoder = encoder_for(greeting.compress)
        hello = {"heartbeat_interval": self._ground.interval_ms, "_trace": [TRACE]}
        self._connection.send(Op.HELLO, hello)

    def told_to_reconnect(self) -> None:
        """Send op 7; however the client then closes, its session can be resumed."""
        self._told_to_go = True
        self._connection.send(Op.RECONNECT, None)

    def refuse(self, refused: Refused) -> None:
        """Close the connection."""
        if self.state is not State.CLOSED:
            self._ground.refused(refused, self._connection.client_address)
            self._connection.close(refused.code, refused.reason)

    def check(self, now: float) -> None:
        """Close the connection where its time is up."""
        if self.state is State.CLOSED:
            return
        interval_s = self._ground.interval_ms / 1000
        grace_s = max(LEAST_GRACE_S, interval_s / 2)
        unidentified = self.state is State.GREETED and now - self._since > UNIDENTIFIED_S
        if unidentified or now - self._beat_at > interval_s + grace_s:
            self.refuse(Refused(4009, "Session timed out."))

    # Listener

    def received(self, message: bytes) -> None:
        """Do what a message says, or close the connection over it."""
        self._guard(lambda: self._act(*self._read(message)))

    def drained(self) -> None:
        """The client has taken all that waited."""
        if self._session is not None:
            self._guard(self._session.room)
        else:
            self._has_drained = True

    def closed(self, code: int, *, by_client: bool) -> None:
        """The connection has ended: the session is told, if there is one."""
        self.state = State.CLOSED
        self._held.clear()
        if not by_client:
            self._ground.closed(code)
        self._is_over = by_client and code in (1000, 1001) and not self._told_to_go
        if self._identified is not None:
            (client, shard_id), at = self._identified
            self._ground.restarts.ended(client, shard_id, at, self._ground.clock())
        session, self._session = self._session, None
        if session is not None:
            over = self._is_over
            self._guard(lambda: session.detach(over=over))
            self._guard(lambda: self._ground.commands.detached(session, over=over))

    def _guard(self, work: Callable[[], None]) -> None:
        """Do something that another part has a share in: a fault of it ends this connection
        alone."""
        try:
            work()
        except Refused as refused:
            self.refuse(refused)
        except Exception:
            log.exception("the client at %s is closed with 4000", self._connection.client_address)
            self._connection.close(4000, "Unknown error.")

    # What a client sends

    def _read(self, message: bytes) -> tuple[int, Any]:
        try:
            payload = decoded(msgspec.json.decode, message)
        except MALFORMED:
            raise malformed() from None
        op = payload.get("op") if isinstance(payload, dict) else None
        if type(op) is not int:
            raise malformed()
        # A heartbeat that was asked for is none of the client's own 120.
        asked_for = op == Op.HEARTBEAT and self._connection.answers_request()
        if not asked_for and not self._limit.allows(self._ground.clock()):
            raise Refused(4008, "Rate limited.")
        return op, payload.get("d")

    def _act(self, op: int, d: Any) -> None:
        match action_on(self.state, op):
            case Action.BEAT:
                self._beat(d)
            case Action.IDENTIFY:
                self._identify(d)
            case Action.RESUME:
                self._resume(d)
            case Action.PASS_ON:
                self._pass_on(op, d)
            case Action.HOLD:
                self._hold(op, d)
            case Action.REFUSE_UNKNOWN:
                raise Refused(4001, "Unknown opcode.")
            case Action.REFUSE_UNAUTHENTICATED:
                raise Refused(4003, "Not authenticated.")
            case Action.REFUSE_AGAIN:
                raise Refused(4005, "Already authenticated.")
            case Action.IGNORE:
                return

    def _beat(self, d: Any) -> None:
        if d is not None and (type(d) is not int or d < 0):
            raise malformed()
        self._beat_at = self._ground.clock()
        if self._session is not None and d is not None:
            self._session.acknowledge(d)
        elif d is not None:
            self._acknowledged = d
        self._connection.send(Op.HEARTBEAT_ACK, None)

    def _pass_on(self, op: int, d: Any) -> None:
        assert self._session is not None  # only an attached client gets here
        self._ground.commands.received(self._session, op, d)

    def _hold(self, op: int, d: Any) -> None:
        if len(self._held) == MOST_HELD:
            raise Refused(4008, "Rate limited.")
        self._held.append((op, d))

    def _client(self, d: Any) -> str:
        """Return whose credential d of an IDENTIFY or a RESUME shows. Raises Refused."""
        client = self._ground.credentials.client(parse_token(d))
        if client is None:
            raise Refused(
                4004,
                "Authentication failed.",
                "what it shows is neither the bot's token nor a secret of proxy.secrets_file",
            )
        return client

    def _identify(self, d: Any) -> None:
        client = self._client(d)
        asked = read_identify(
            d, client, self._ground.cluster(), version=self._version, url=self._url
        )
        now = self._ground.clock()
        if not self._ground.restarts.allow(client, asked.identify.shard_id, now):
            self._ground.held_back(client)
            self._connection.send(Op.INVALID_SESSION, False)
            return
        if not self._has_stream:
            self._connection.encoder = PayloadZlibEncoder() if asked.compress else None
        self._identified = (client, asked.identify.shard_id), now
        self._acknowledged = None  # what came before was of another session
        self.state = State.IDENTIFYING
        self._ground.spawn(self._begin(asked.identify))

    def _resume(self, d: Any) -> None:
        session_id, seq = parse_resume(d)
        client = self._client(d)
        self._acknowledged = None
        self.state = State.RESUMING
        self._ground.spawn(self._go_on(session_id, seq, client))

    # What becomes of it

    async def _begin(self, identify: Identify) -> None:
        sessions = self._ground.sessions
        await self._attach(
            lambda: sessions.identify(self._connection, identify), self._ground.commands.identified
        )

    async def _go_on(self, session_id: str, seq: int, client: str) -> None:
        sessions = self._ground.sessions
        await self._attach(
            lambda: sessions.resume(self._connection, session_id, seq, client),
            self._ground.commands.resumed,
        )

    async def _attach(
        self,
        start: Callable[[], Coroutine[Any, Any, Session | None]],
        tell: Callable[[Session], None],
    ) -> None:
        """Get a session; what the client has sent meanwhile is then done."""
        try:
            session = await start()
            if session is None:
                raise InvalidSession(resumable=False)
            if self.state is State.CLOSED:
                session.detach(over=self._is_over)
                return
            self._session = session
            self.state = State.ATTACHED
            tell(session)
            self._catch_up(session)
        except InvalidSession as invalid:
            if self.state is not State.CLOSED:
                self.state = State.GREETED
                self._held.clear()
                self._connection.send(Op.INVALID_SESSION, invalid.resumable)
                if not invalid.resumable:
                    self._ground.lost()
        except Refused as refused:
            self.refuse(refused)
        except asyncio.CancelledError:
            self._connection.close(4000, "Unknown error.")
            raise
        except Exception:
            log.exception("the client at %s is closed with 4000", self._connection.client_address)
            self._connection.close(4000, "Unknown error.")

    def _catch_up(self, session: Session) -> None:
        # Some clients count on from their last session until READY.
        if self._acknowledged is not None and self._acknowledged <= session.seq:
            session.acknowledge(self._acknowledged)
        if self._has_drained:
            session.room()
        held, self._held = self._held, []
        for op, d in held:
            if self.state is State.ATTACHED:
                self._pass_on(op, d)
