"""Views: makes what sessions of the proxy see (`interfaces.Views`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from cluster.discord.intents import Intents
from cluster.proxy.identify import Identify
from cluster.proxy.refusal import Refused
from cluster.proxy.view.beginning import Beginning, guilds_of, known_to, own_id_of, ready
from cluster.proxy.view.guild_object import with_member_count
from cluster.proxy.view.known_guilds import KnownGuilds
from cluster.proxy.view.lacking_intents import check_intents
from cluster.proxy.view.session_view import SessionView


class Snapshot(Protocol):
    """The cache at one moment, as cluster.cache has it."""

    @property
    def bot(self) -> bytes | None:
        """``d`` of READY, blanked as on the wire; None: none has come yet."""

    def guild_ids(self) -> Iterable[int]:
        """Return the ids of all guilds, available or not."""

    def is_unavailable(self, guild_id: int) -> bool: ...

    def guild_create(self, guild_id: int, intents: int, large_threshold: int) -> bytes | None:
        """Return ``d`` of GUILD_CREATE as a session with these intents gets it; None: the guild
        is not there, or unavailable."""


class Views:
    """Makes what sessions see."""

    def __init__(self, intents: int) -> None:
        """intents: those of the cluster's sessions."""
        self._intents = intents

    def begin(
        self, identify: Identify, session_id: str, snapshot: Snapshot, *, before: bytes = b""
    ) -> Beginning:
        """Begin a session. before: `state` of the view of the session that it is the heir of.
        Refused: 4014 for intents that the cluster lacks, 4000 where the cache knows no bot yet.
        Raises ValueError: `before` is damaged."""
        check_intents(identify.intents, self._intents)
        bot = snapshot.bot
        if bot is None:
            raise Refused(4000, "Not ready.", "no shard of the cluster has been READY yet")
        mine = guilds_of(identify, snapshot.guild_ids())
        made = ready(bot, identify, session_id, mine)
        told: list[int] = []
        hidden: frozenset[int] = frozenset()
        if identify.intents & Intents.GUILDS:
            hidden = frozenset(one for one in mine if snapshot.is_unavailable(one))
            told = [one for one in mine if one not in hidden]
        known = known_to(own_id_of(bot), mine, hidden, before)
        return Beginning(made, told, SessionView(identify, known))

    def guild_create(
        self, identify: Identify, snapshot: Snapshot, guild_id: int, *, joins: int = 0
    ) -> bytes | None:
        """Return ``d`` of GUILD_CREATE; None: the guild is gone. joins: how many members fewer it
        is to have than the cache knows."""
        data = snapshot.guild_create(guild_id, identify.intents, identify.large_threshold)
        return None if data is None else with_member_count(data, -joins)

    def go_on(self, identify: Identify, state: bytes) -> SessionView:
        """Return a view that goes on from `state` of another of the same IDENTIFY. Raises
        ValueError: it is damaged."""
        return SessionView(identify, KnownGuilds.of(state))
