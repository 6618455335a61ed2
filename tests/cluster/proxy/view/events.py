"""Events of a sandbox's world as a cluster hands them to the proxy."""

from __future__ import annotations

from typing import Any

from cluster.discord.intents import ALL_INTENTS
from cluster.discord.limits import shard_of_guild
from cluster.proxy.entry import Entry
from cluster.proxy.identify import Identify
from cluster.proxy.view.known_guilds import KnownGuilds
from cluster.proxy.view.session_view import SessionView
from cluster.sandbox.world import WorldEvent
from cluster.wire.batch import Event

OWN = 424242424242
"""The bot's user id."""


def identify(**changes: Any) -> Identify:
    """Make an IDENTIFY: shard [0, 1] with all intents, unless changes say otherwise."""
    settings: dict[str, Any] = {
        "client": "",
        "shard_id": 0,
        "shard_count": 1,
        "with_shard": True,
        "intents": int(ALL_INTENTS),
    }
    return Identify(**settings | changes)


def a_view(known: KnownGuilds | None = None, **changes: Any) -> SessionView:
    """Make a view of such an IDENTIFY. known: None: no guild is."""
    return SessionView(identify(**changes), known or KnownGuilds(OWN))


def entry(name: str, data: bytes, shard_id: int = 0, shard_count: int = 1, seq: int = 1) -> Entry:
    """Make an entry of an event that came on this shard."""
    return Entry(Event.make(name, shard_id, shard_count, 1, seq, data, 0, "store"))


def entry_of(event: WorldEvent, shard_count: int) -> Entry:
    """Make the entry of what happened in a world, as a cluster of this shard count gets it."""
    guild = event.guild_id
    shard_id = 0 if guild is None else shard_of_guild(guild, shard_count)
    return entry(event.name, event.data, shard_id, shard_count)
