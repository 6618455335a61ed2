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
from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError


class _Properties(msgspec.Struct, frozen=True):
    id: str = ""


class _Guild(msgspec.Struct):
    id: str = ""
    properties: _Properties = _Properties()
    """Where CLIENT_STATE_V2 has moved the guild itself."""


class _Ready(msgspec.Struct):
    guilds: list[_Guild] = []


_decoder = msgspec.json.Decoder(_Ready)


class SubscriptionsDue(NamedTuple):
    """What is to be sent now, and a word for the log; empty: nothing to say."""

    commands: Sequence[Command]
    trouble: str = ""


class GuildSubscriptions:
    """Of one shard. Told what happens, it answers with what is to be sent."""

    def __init__(self, wanted: Literal["all"] | Sequence[int]) -> None:
        """wanted: guild ids, or "all" of those that READY names."""
        self._wanted = wanted
        self._unproven: list[Command] = []
        self._open = 0
        """Heartbeats of this connection that are not acknowledged."""
        self._before: int | None = None
        """How many of these were sent before the subscriptions; None: these were not sent on this
        connection."""

    def connecting(self) -> None:
        """A new connection."""
        self._open, self._before = 0, None

    def ready(self, d: bytes) -> SubscriptionsDue:
        """READY: a new session."""
        self._unproven, self._before = [], self._open
        if not self._wanted:
            return SubscriptionsDue([])
        try:
            guilds = _decoder.decode(d).guilds
            there = [int(guild.id or guild.properties.id) for guild in guilds]
            wanted = (
                there if self._wanted == "all" else [one for one in self._wanted if one in there]
            )
            self._unproven = bulk_guild_subscribe(wanted)
        except (ValueError, ClusterError, *MALFORMED) as error:
            return SubscriptionsDue([], f"READY's guilds can't be subscribed to ({error})")
        if self._wanted == "all" or len(wanted) == len(self._wanted):
            return SubscriptionsDue(self._unproven)
        absent = ", ".join(str(one) for one in self._wanted if one not in wanted)
        return SubscriptionsDue(
            self._unproven, f"subscribe_guilds names guilds that the account is not in: {absent}"
        )

    def resumed(self) -> SubscriptionsDue:
        """RESUMED: the same session goes on."""
        self._before = self._open
        return SubscriptionsDue(self._unproven)

    def beat(self) -> None:
        """A heartbeat is sent."""
        self._open += 1

    def acknowledged(self) -> None:
        """The oldest of them was."""
        if not self._open:
            return
        self._open -= 1
        if self._before == 0:
            self._unproven = []
        elif self._before is not None:
            self._before -= 1
