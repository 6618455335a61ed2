"""Voice, calls, lobbies and speed tests: ops 4, 5, 13, 17, 32, 33, 42.

A bot has op 4; the rest is for user accounts. Sources: Discord's documentation, "Gateway Events",
"Update Voice State"; the unofficial documentation, "Gateway Events", "Send Events".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from cluster.commands.checks import (
    flag,
    number,
    optional_snowflake,
    refuse,
    region,
    regions,
    snowflake,
)
from cluster.commands.command import Command, command
from cluster.discord.opcodes import Op
from cluster.errors import CommandError

MAX_VOICE_FLAGS: Final = (1 << 31) - 1


class LobbyVoiceState(msgspec.Struct, frozen=True, kw_only=True):
    """The account's voice state in one lobby."""

    lobby_id: int
    self_mute: bool = False
    self_deaf: bool = False
    self_video: bool | None = None
    """Whether the camera is on; None: it is not said."""
    preferred_region: str | None = None
    preferred_regions: list[str] | None = None


def update_voice_state(
    guild_id: int | None,
    channel_id: int | None,
    *,
    self_mute: bool = False,
    self_deaf: bool = False,
    self_video: bool | None = None,
    preferred_region: str | None = None,
    preferred_regions: Iterable[str] | None = None,
    flags: int | None = None,
) -> Command:
    """Op 4: join, move to or leave a voice channel. guild_id None: a call in a private channel.
    channel_id None: leave. self_video, regions and flags are sent where they are given."""
    d: dict[str, Any] = {
        "guild_id": optional_snowflake("guild_id", guild_id),
        "channel_id": optional_snowflake("channel_id", channel_id),
        "self_mute": flag("self_mute", self_mute),
        "self_deaf": flag("self_deaf", self_deaf),
    }
    d |= _preferences("", self_video, preferred_region, preferred_regions)
    if flags is not None:
        d["flags"] = number("flags", flags, 0, MAX_VOICE_FLAGS)
    return command(Op.VOICE_STATE_UPDATE, d, "preferred_regions")


def _preferences(
    prefix: str, self_video: object, preferred: object, ranked: Iterable[object] | None
) -> dict[str, Any]:
    d: dict[str, Any] = {}
    if self_video is not None:
        d["self_video"] = flag(f"{prefix}self_video", self_video)
    if preferred is not None:
        d["preferred_region"] = region(f"{prefix}preferred_region", preferred)
    if ranked is not None:
        d["preferred_regions"] = regions(f"{prefix}preferred_regions", ranked)
    return d


def ping_voice_server() -> Command:
    """Op 5: have Discord look after the voice server of the call the account is in."""
    return command(Op.VOICE_SERVER_PING, None)


def request_call_connect(channel_id: int) -> Command:
    """Op 13: what call there is in a private channel; CALL_CREATE answers, if there is one."""
    return command(Op.CALL_CONNECT, {"channel_id": snowflake("channel_id", channel_id)})


def update_lobby_voice_states(states: Iterable[LobbyVoiceState]) -> Command:
    """Op 17: the account's voice states in lobbies, all of them at once."""
    if not isinstance(states, Iterable):
        refuse("states", states, "a list of LobbyVoiceState")
    made: list[dict[str, Any]] = []
    for n, state in enumerate(states):
        prefix = f"states[{n}]"
        if not isinstance(state, LobbyVoiceState):
            refuse(prefix, state, "a LobbyVoiceState")
        one: dict[str, Any] = {
            "lobby_id": snowflake(f"{prefix}.lobby_id", state.lobby_id),
            "self_mute": flag(f"{prefix}.self_mute", state.self_mute),
            "self_deaf": flag(f"{prefix}.self_deaf", state.self_deaf),
        }
        ranked = state.preferred_regions
        one |= _preferences(f"{prefix}.", state.self_video, state.preferred_region, ranked)
        made.append(one)
    if not made:
        raise CommandError("states is empty", "give at least one LobbyVoiceState", "states")
    return command(Op.LOBBY_VOICE_STATES, made, "states")


def ping_lobby_voice_server(lobby_id: int) -> Command:
    """Op 42: have Discord look after a lobby's voice server."""
    return command(Op.LOBBY_VOICE_SERVER_PING, {"lobby_id": snowflake("lobby_id", lobby_id)})


def create_speed_test(preferred_region: str | None = None) -> Command:
    """Op 32: begin a speed test, or change the one that runs."""
    wanted = None if preferred_region is None else region("preferred_region", preferred_region)
    return command(Op.SPEED_TEST_CREATE, {"preferred_region": wanted})


def delete_speed_test() -> Command:
    """Op 33: end it."""
    return command(Op.SPEED_TEST_DELETE, None)
