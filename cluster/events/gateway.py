"""The gateway itself: the session, the connection, other sessions of the account."""

from __future__ import annotations

from typing import ClassVar

from cluster.events.base import Event


class Reconnect(Event):
    """Op 7: the server asks to reconnect and resume."""

    name: ClassVar[str] = "RECONNECT"
    raw: ClassVar[bytes] = b"null"


class HeartbeatAck(Event):
    """Op 11: the server has got a heartbeat."""

    name: ClassVar[str] = "HEARTBEAT_ACK"
    raw: ClassVar[bytes] = b"null"
