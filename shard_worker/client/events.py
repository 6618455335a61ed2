"""Typed events out of what a client received."""

from __future__ import annotations

import msgspec

from cluster.discord.opcodes import Op
from cluster.events import GatewayEvent, HeartbeatAck, Reconnect, decode
from shard_worker.client.event_queue import HOLE, SKIPPED, Received


class Skipped(GatewayEvent):
    """Events of this session that the gateway never sent: its replay left them out. They can't be
    had again."""

    first: int
    """s of the first of them."""
    last: int
    """s of the last of them."""

    @property
    def name(self) -> str:
        return SKIPPED

    @property
    def data(self) -> bytes:
        return b"null"

    def __str__(self) -> str:
        return f"{self.name} {self.first} to {self.last}"


def typed(item: Received) -> GatewayEvent:
    """Return what was received as an event."""
    if item.op == Op.RECONNECT:
        return Reconnect()
    if item.op == Op.HEARTBEAT_ACK:
        return HeartbeatAck()
    if item.op == HOLE:
        return msgspec.json.decode(item.data, type=Skipped)
    return decode(item.name, item.data)
