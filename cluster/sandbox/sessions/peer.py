"""A connected client as the gateway sees it: how far it got, what it may still send."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from cluster.gateway_server.send_limit import SendLimit
from cluster.sandbox.sessions.connection import Connection
from cluster.sandbox.sessions.session import Session


class Stage(Enum):
    """Where a connection is; ``commands.TABLE`` says what may be sent in each."""

    GREETED = "greeted"
    IDENTIFYING = "identifying"
    """An IDENTIFY is on its way to its bucket."""
    ATTACHED = "attached"
    CLOSED = "closed"


class Peer:
    """One connection and its session, if it has one. now: monotonic seconds."""

    def __init__(self, number: int, connection: Connection, *, now: float) -> None:
        self.number = number
        self.connection = connection
        self.send_limit = SendLimit()
        self.stage = Stage.GREETED
        self.session: Session | None = None
        self.user = False
        """Whether it has identified, or is about to, with a user account's token."""
        self.version = 10
        self.interval_s = 0.0
        self.grace_s = 0.0
        """How much later than due a heartbeat may come."""
        self.last_heartbeat = now
        self.heartbeats = 0
        self.client_code: int | None = None
        """The code that the client closed with."""

    def send(self, op: int, data: Any) -> None:
        """Send a payload that is not a dispatch, at once."""
        self.connection.send_now(b'{"t":null,"s":null,"op":%d,"d":%b}' % (op, encode(data)))

    def close(self, code: int, reason: str) -> None:
        self.stage = Stage.CLOSED
        self.connection.close(code, reason)

    def overdue(self, now: float) -> bool:
        """Whether more than the grace has passed since a heartbeat was due."""
        if self.stage is Stage.CLOSED or not self.interval_s:
            return False
        return now - self.last_heartbeat > self.interval_s + self.grace_s


encode = msgspec.json.Encoder().encode
