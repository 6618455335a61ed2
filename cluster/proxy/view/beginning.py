"""How a session begins: READY, and what it is told of each of its guilds.

Source: Discord's documentation, "Gateway Events", "Ready" and "Guild Create": READY lists every
guild as unavailable, then GUILD_CREATE comes for each, or GUILD_DELETE where an outage hides it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from cluster.discord.limits import shard_of_guild
from cluster.proxy.identify import Identify
from cluster.proxy.view.session_view import SessionView

_TRACE: Final = msgspec.Raw(b'["dcgw-cluster"]')

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


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
    """Make ``d`` of READY for a session. bot: what it says in all sessions of the bot; guild_ids:
    the session's. Raises one of decode_errors.MALFORMED."""
    made = _fields.decode(bot)
    made["v"] = msgspec.Raw(b"%d" % identify.version)
    made["session_id"] = msgspec.Raw(_encode(session_id))
    made["resume_gateway_url"] = msgspec.Raw(_encode(identify.url))
    guilds = b",".join(b'{"id":"%d","unavailable":true}' % one for one in guild_ids)
    made["guilds"] = msgspec.Raw(b"[%b]" % guilds)
    made["_trace"] = _TRACE
    if identify.with_shard:
        made["shard"] = msgspec.Raw(b"[%d,%d]" % (identify.shard_id, identify.shard_count))
    return _encode(made)
