"""Guilds that a user account wants to hear of: subscribed to after each READY (op 37).

A new session has no subscriptions; one that is resumed has kept what reached Discord. That they
did is known when a heartbeat that was sent after them on the same connection is acknowledged, since
Discord reads in order. Until then they are sent again after a RESUME. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from cluster.commands.command import Command
from cluster.commands.subscriptions import bulk_guild_subscribe
from cluster.decode_errors import MALFORMED, decoded
from cluster.errors import ClusterError


class _Properties(msgspec.Struct, frozen=True):
    id: str = ""


class _Guild(msgspec.Struct):
    id: str = ""
    properties: _Properties = _Properties()
    """Where the guild's fields are for a client with the capability CLIENT_STATE_V2."""


class _Ready(msgspec.Struct):
    guilds: list[_Guild] = []


_decoder = msgspec.json.Decoder(_Ready)


class SubscriptionsDue(NamedTuple):
    """What is to be sent now, and what is to be logged."""

    commands: Sequence[Command]
    warning: str = ""
    """Empty: there is nothing to log."""


class GuildSubscriptions:
    """The guild subscriptions of one shard: its methods say what happened, and return what is to be
    sent."""

    def __init__(self, wanted: Literal["all"] | Sequence[int]) -> None:
        """wanted: guild ids, or "all" of those that READY names."""
        self._wanted = wanted
        self._unproven: list[Command] = []
        self._unacknowledged = 0
        """Heartbeats of this connection that are not acknowledged yet."""
        self._earlier_heartbeats: int | None = None
        """How many of the unacknowledged heartbeats were sent before the subscriptions; None: the
        subscriptions were not sent on this connection."""

    def connecting(self) -> None:
        """A new connection begins."""
        self._unacknowledged, self._earlier_heartbeats = 0, None

    def ready(self, d: bytes) -> SubscriptionsDue:
        """A session has begun. d: of its READY."""
        self._unproven, self._earlier_heartbeats = [], self._unacknowledged
        if not self._wanted:
            return SubscriptionsDue([])
        try:
            guilds = decoded(_decoder.decode, d).guilds
            ids = [int(guild.id or guild.properties.id) for guild in guilds]
            wanted = (
                ids
                if self._wanted == "all"
                else [guild_id for guild_id in self._wanted if guild_id in ids]
            )
            self._unproven = bulk_guild_subscribe(wanted)
        except (ValueError, ClusterError, *MALFORMED) as error:
            return SubscriptionsDue([], f"READY's guilds can't be subscribed to ({error})")
        if self._wanted == "all" or len(wanted) == len(self._wanted):
            return SubscriptionsDue(self._unproven)
        absent = ", ".join(str(guild_id) for guild_id in self._wanted if guild_id not in wanted)
        return SubscriptionsDue(
            self._unproven, f"subscribe_guilds names guilds that the account is not in: {absent}"
        )

    def resumed(self) -> SubscriptionsDue:
        """The session was resumed on this connection."""
        self._earlier_heartbeats = self._unacknowledged
        return SubscriptionsDue(self._unproven)

    def heartbeat_sent(self) -> None:
        """A heartbeat was sent on this connection."""
        self._unacknowledged += 1

    def heartbeat_acknowledged(self) -> None:
        """The oldest unacknowledged heartbeat of this connection was acknowledged."""
        if not self._unacknowledged:
            return
        self._unacknowledged -= 1
        if self._earlier_heartbeats == 0:
            self._unproven = []
        elif self._earlier_heartbeats is not None:
            self._earlier_heartbeats -= 1
