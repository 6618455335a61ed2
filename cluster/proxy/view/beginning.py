"""How a session begins: READY, and what it is told of each of its guilds.

Source: Discord's documentation, "Gateway Events", "Ready" and "Guild Create": READY lists every
guild as unavailable, then GUILD_CREATE comes for each that no outage hides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from cluster.discord.limits import shard_of_guild
from cluster.proxy.identify import Identify
from cluster.proxy.view.known_guilds import KnownGuilds
from cluster.proxy.view.session_view import SessionView

_TRACE: Final = msgspec.Raw(b'["dcgw-cluster"]')

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class _User(msgspec.Struct):
    id: str


class _Bot(msgspec.Struct):
    user: _User


_bot = msgspec.json.Decoder(_Bot)


class Beginning:
    """What a session begins with (`interfaces.Beginning`)."""

    def __init__(self, ready: bytes, guilds: list[int], view: SessionView) -> None:
        self.ready = ready
        self.guilds = guilds
        self.view = view


def guilds_of(identify: Identify, guild_ids: Iterable[int]) -> list[int]:
    """Return those of the guilds that a session of this shard has, in the same order."""
    count = identify.shard_count
    if count == 1:
        return list(guild_ids)
    return [one for one in guild_ids if shard_of_guild(one, count) == identify.shard_id]


def ready(bot: bytes, identify: Identify, session_id: str, guild_ids: Iterable[int]) -> bytes:
    """Make ``d`` of READY for a session. bot: that of a session of the cluster's; guild_ids: the
    session's. Raises one of decode_errors.MALFORMED."""
    made = _fields.decode(bot)
    made["v"] = msgspec.Raw(b"%d" % identify.version)
    made["session_id"] = msgspec.Raw(_encode(session_id))
    made["resume_gateway_url"] = msgspec.Raw(_encode(identify.url))
    guilds = b",".join(b'{"id":"%d","unavailable":true}' % one for one in guild_ids)
    made["guilds"] = msgspec.Raw(b"[%b]" % guilds)
    made["_trace"] = _TRACE
    made.pop("shard", None)
    if identify.with_shard:
        made["shard"] = msgspec.Raw(b"[%d,%d]" % (identify.shard_id, identify.shard_count))
    return _encode(made)


def own_id_of(bot: bytes) -> int:
    """Return the bot's user id. bot: ``d`` of a READY. Raises one of decode_errors.MALFORMED, or
    ValueError."""
    return int(_bot.decode(bot).user.id)


def known_to(
    own_id: int, guild_ids: Iterable[int], hidden: frozenset[int], before: bytes
) -> KnownGuilds:
    """Return the guilds that a session that begins has been told of. before: `state` of the session
    that it is the heir of; empty: it is nobody's."""
    known = KnownGuilds(own_id, guild_ids, hidden)
    if before:
        known.expect(KnownGuilds.of(before))
    return known
