"""Views: makes what sessions of the proxy see (`interfaces.Views`)."""

from __future__ import annotations

from typing import Protocol

from cluster.discord.intents import Intents
from cluster.proxy.identify import Identify
from cluster.proxy.refusal import Refused
from cluster.proxy.view.beginning import Beginning, guilds_of, ready
from cluster.proxy.view.guild_object import with_member_count
from cluster.proxy.view.known_guilds import KnownGuilds
from cluster.proxy.view.session_view import SessionView


class Raw(Protocol):
    """A part of the cache, of which the JSON text is wanted."""

    raw: bytes


class Snapshot(Protocol):
    """What is needed of a snapshot of the cache (cluster/cache)."""

    @property
    def own_id(self) -> int:
        """The bot's user id."""

    def bot(self) -> Raw | None:
        """READY without what is of one session; None: none has come yet."""

    def guild_ids(self) -> list[int]:
        """Return the ids of all guilds of the bot, in order."""

    def is_unavailable(self, guild_id: int) -> bool:
        """Return whether a guild can't be shown now."""

    def is_doubtful(self, guild_id: int) -> bool:
        """Return whether events of a guild were missed since its last GUILD_CREATE."""

    def guild_state(self, guild_id: int) -> object | None:
        """Return how a guild stands; None: the bot is not in it."""

    def guild_create(self, guild_id: int, intents: int, large_threshold: int) -> bytes | None:
        """Return ``d`` of GUILD_CREATE as a session with these intents gets it; None: the guild
        can't be shown."""


class Views:
    """Makes what sessions see."""

    def begin(
        self, identify: Identify, session_id: str, snapshot: Snapshot, *, before: bytes = b""
    ) -> Beginning:
        """Begin a session. before: `state` of the view of the session that it is the heir of.
        Where that is damaged any guild may be told of twice. Refused: 4000 where the cache knows no
        bot yet."""
        bot = snapshot.bot()
        if bot is None:
            raise Refused(4000, "Not ready.", "no shard of the cluster has been READY yet")
        guild_ids = guilds_of(identify, snapshot.guild_ids())
        made = ready(bot.raw, identify, session_id, guild_ids)
        known = KnownGuilds(snapshot.own_id)
        if identify.intents & Intents.GUILDS:
            away = {one for one in guild_ids if snapshot.is_unavailable(one)}
            # What the cache has missed of one, its next GUILD_CREATE tells.
            old = {one for one in guild_ids if snapshot.is_doubtful(one)}
            known = KnownGuilds(snapshot.own_id, guild_ids, away, old)
            if before:
                known.expect(_read(before, snapshot.own_id))
        else:
            guild_ids = []
        return Beginning(made, guild_ids, SessionView(identify, known))

    def told(
        self, identify: Identify, snapshot: Snapshot, guild_id: int, *, joins: int = 0
    ) -> tuple[str, bytes] | None:
        """Return (name, d) of what a session that begins is told of a guild: GUILD_CREATE, or
        GUILD_DELETE while it is unavailable; None: it is gone. joins: how many members fewer it is
        to have than the cache knows."""
        data = snapshot.guild_create(guild_id, identify.intents, identify.large_threshold)
        if data is not None:
            return "GUILD_CREATE", with_member_count(data, -joins)
        if snapshot.guild_state(guild_id) is None:
            return None
        return "GUILD_DELETE", b'{"id":"%d","unavailable":true}' % guild_id

    def go_on(self, identify: Identify, state: bytes) -> SessionView:
        """Return a view that goes on from `state` of another of the same IDENTIFY. Raises
        ValueError: it is damaged."""
        return SessionView(identify, KnownGuilds.of(state))


def _read(before: bytes, own_id: int) -> KnownGuilds:
    """Return the guilds that a session's predecessor knew; none where nobody can tell."""
    try:
        return KnownGuilds.of(before)
    except ValueError:
        return KnownGuilds(own_id)
