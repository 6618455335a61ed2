"""What a shard sends: IDENTIFY or RESUME first, heartbeats when they are due, commands in order.

Everything counts against the connection's limit; a new connection has a limit of its own, while
commands wait over a reconnect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cluster.commands import Command, CommandError, NotSentError
from cluster.discord.intents import Intents
from cluster.discord.opcodes import Op
from cluster.errors import ClusterError
from cluster.wire.link import Login
from cluster.wire.states import SessionState
from shard_worker.protocol import payloads
from shard_worker.protocol.frame import MAX_SEQ
from shard_worker.protocol.session import Session
from shard_worker.sending.limiter import SendLimiter, check_size
from shard_worker.sending.member_requests import whole_guilds
from shard_worker.sending.queue import Done, SendQueue
from shard_worker.transport.connection import Connection
from shard_worker.transport.write_queue import Fate, MayLeave

DEFAULT_INTERVAL_S: Final = 41.25
"""Heartbeat interval for which a connection's limit keeps room before HELLO has said one."""
ENDED: Final = (SessionState.FATAL, SessionState.CLOSED)
"""States in which nothing is sent any more, until somebody starts the session anew."""


class Sender:
    """Sends for one shard. A method that sends takes the connection; None: there is none now."""

    def __init__(
        self,
        shard_id: int,
        login: Login,
        session: Session,
        clock: Callable[[], float],
        handled: Callable[[int], int],
        may_begin: MayLeave | None = None,
    ) -> None:
        """clock: monotonic seconds. handled: takes a seq and returns the highest s at or below it
        that the consumer has stored (worker) or taken (client); -1: none. may_begin: is asked when
        IDENTIFY or RESUME would leave; None: they always may."""
        self._shard_id = shard_id
        self._may_ask_for_all = bool(login.kind == "user" or login.intents & Intents.GUILD_MEMBERS)
        self._session = session
        self._clock = clock
        self._handled = handled
        self._may_begin = may_begin
        self._limiter = SendLimiter(DEFAULT_INTERVAL_S)
        self._commands = SendQueue()

    def connect(self) -> None:
        """A new connection begins."""
        self._limiter = SendLimiter(DEFAULT_INTERVAL_S)

    def reserve(self, heartbeat_interval_s: float) -> None:
        """Keep room for heartbeats at the interval (seconds) that HELLO has said."""
        self._limiter.reserve(heartbeat_interval_s)

    def first(
        self, connection: Connection | None, payload: bytes, fate: Fate | None = None
    ) -> None:
        """Send IDENTIFY or RESUME: the first of a connection, for which there always is room. fate:
        see Connection.send."""
        check_size(payload)
        if connection is not None:
            self._limiter.send(self._clock())
            connection.send(payload, fate=fate, may_leave=self._may_begin)
        elif fate is not None:
            fate(False)

    def heartbeat(self, connection: Connection | None, seq: int) -> None:
        """Send a heartbeat, before all that waits."""
        self._limiter.heartbeat(self._clock())
        if connection is not None and not self._session.leaving:
            connection.send(payloads.heartbeat(self._handled(seq)), urgent=True)

    def command(self, command: Command, done: Done) -> None:
        """Queue a command; `flush` sends it. `done`: see Shard.send."""
        now, state = self._clock(), self._session.state
        try:
            if state in ENDED:
                raise self._not_ready()
            if not self._may_ask_for_all and whole_guilds(command.op, command.payload):
                raise _no_intent()  # Discord would close with 4014, which is the end of the shard
            if command.op == Op.QOS_HEARTBEAT:  # it grows by the seq that is filled in
                check_size(payloads.with_seq(command.payload, MAX_SEQ))
            free_at = self._limiter.free_at(now) if state is SessionState.READY else None
            self._commands.put(command, done, now, free_at)
        except ClusterError as error:
            done(error)

    def flush(self, connection: Connection | None) -> None:
        """Send as many commands as may go now, and fail those that have waited in vain."""
        if not self._commands:
            return
        now, state = self._clock(), self._session.state
        if self._takes_commands and connection is not None:
            while (taken := self._commands.take(self._limiter, now)) is not None:
                command, done = taken
                payload = command.payload
                if command.op == Op.QOS_HEARTBEAT:
                    payload = payloads.with_seq(payload, self._handled(self._session.seq))
                connection.send(payload, command=True)
                done(None)
        elif state in ENDED:
            self._commands.fail(self._not_ready())
        else:
            self._commands.expire(now, self._not_ready)

    @property
    def due(self) -> float | None:
        """When `flush` has something to do; None: no command waits."""
        if not self._commands:
            return None
        if self._takes_commands:
            return self._limiter.free_at(self._clock())
        return self._commands.expires

    @property
    def _takes_commands(self) -> bool:
        """Whether what is sent now reaches the session: it is ready, and no close frame was
        sent."""
        return self._session.state is SessionState.READY and not self._session.leaving

    def _not_ready(self) -> NotSentError:
        state, detail = self._session.state.value, self._session.detail
        return NotSentError(
            f"shard {self._shard_id} is {state}{f' ({detail})' if detail else ''}",
            "send it once the shard is ready",
        )


def _no_intent() -> CommandError:
    return CommandError(
        "query is empty: all members of a guild need the GUILD_MEMBERS intent",
        "add it to `intents`, or ask by name or by user id",
        "query",
    )
