"""Go Live streams of user accounts: ops 18 to 22.

Source: the unofficial documentation, "Gateway Events", "Create Stream" to "Ping Stream Server" and
"Stream Key".
"""

from __future__ import annotations

from cluster.commands import checks
from cluster.commands.checks import (
    STREAM_TYPES,
    StreamType,
    flag,
    one_of,
    refuse,
    region,
    snowflake,
)
from cluster.commands.command import Command, command
from cluster.discord.opcodes import Op


def create_stream(
    type: StreamType,
    channel_id: int,
    *,
    guild_id: int | None = None,
    preferred_region: str | None = None,
) -> Command:
    """Op 18: begin to stream into the voice channel that the account is in. type: "guild", which
    needs guild_id, or "call", or "test"."""
    kind = one_of("type", type, STREAM_TYPES)
    if kind == "guild" and guild_id is None:
        refuse("guild_id", guild_id, 'the guild of the channel: type is "guild"')
    d = {
        "type": kind,
        "guild_id": None if guild_id is None else snowflake("guild_id", guild_id),
        "channel_id": snowflake("channel_id", channel_id),
        "preferred_region": None
        if preferred_region is None
        else region("preferred_region", preferred_region),
    }
    return command(Op.STREAM_CREATE, d)


def delete_stream(stream_key: str) -> Command:
    """Op 19: end one's own stream, or leave somebody's."""
    return command(Op.STREAM_DELETE, {"stream_key": checks.stream_key(stream_key)})


def watch_stream(stream_key: str) -> Command:
    """Op 20: begin to watch."""
    return command(Op.STREAM_WATCH, {"stream_key": checks.stream_key(stream_key)})


def ping_stream_server(stream_key: str) -> Command:
    """Op 21: have Discord look after the stream's server."""
    return command(Op.STREAM_PING, {"stream_key": checks.stream_key(stream_key)})


def set_stream_paused(stream_key: str, paused: bool = True) -> Command:
    """Op 22: pause one's own stream, or go on with it."""
    d = {"stream_key": checks.stream_key(stream_key), "paused": flag("paused", paused)}
    return command(Op.STREAM_SET_PAUSED, d)
