"""Guild subscriptions of user accounts: op 14 for one guild, op 37 for many.

A user account hears of a large guild's messages, typing and members only once it has subscribed.
Neither documentation has the fields; they are those of the Rust client that this project carries
over, and of Discord's own client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from cluster.commands.checks import flag, number, refuse, snowflake, snowflakes
from cluster.commands.command import Command, command
from cluster.discord.limits import MAX_SENT_BYTES
from cluster.discord.opcodes import Op
from cluster.errors import CommandError


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of one guild; by default all that the Rust client asks for."""

    typing: bool = True
    threads: bool = True
    activities: bool = True
    member_updates: bool = True
    members: list[int] = []
    """Ids of members whose presences are wanted."""
    channels: dict[int, list[tuple[int, int]]] = {}
    """Channel id -> ranges of its member list, both ends counted: [(0, 99)]."""
    thread_member_lists: list[int] = []
    """Ids of threads whose members are wanted."""


EVERYTHING: Final = Subscription()


def guild_subscribe(guild_id: int, subscription: Subscription = EVERYTHING) -> Command:
    """Op 14 (deprecated by Discord: its client uses op 37): subscribe to one guild."""
    d = {"guild_id": snowflake("guild_id", guild_id)} | _fields("subscription", subscription)
    return command(Op.GUILD_SUBSCRIPTIONS, d, "subscription")


def bulk_guild_subscribe(
    guild_ids: Iterable[int] | Mapping[int, Subscription], subscription: Subscription = EVERYTHING
) -> list[Command]:
    """Op 37: subscribe to many guilds, in as few payloads of 4096 bytes as they take, in order.

    guild_ids: those that get `subscription`, or each guild with its own. None at all: no payload.
    """
    if isinstance(guild_ids, str | bytes) or not isinstance(guild_ids, Iterable):
        refuse("guild_ids", guild_ids, "a list of snowflakes")
    if isinstance(guild_ids, Mapping):
        wanted = dict(guild_ids)
        ids = snowflakes("guild_ids", wanted) if wanted else []
        fields = [_fields(f"guild_ids[{one}]", wanted[one]) for one in wanted]
    else:
        listed = list(guild_ids)
        ids = snowflakes("guild_ids", listed) if listed else []
        fields = [_fields("subscription", subscription)] * len(ids)
    texts = {one: msgspec.json.encode(fields) for one, fields in zip(ids, fields, strict=True)}
    return [_bulk(part) for part in _parts(texts)]


_EMPTY: Final = len(msgspec.json.encode({"op": int(Op.GUILD_SUBSCRIPTIONS_BULK)})) + len(
    ',"d":{"subscriptions":{}}'
)


def _parts(texts: Mapping[str, bytes]) -> list[dict[str, msgspec.Raw]]:
    parts: list[dict[str, msgspec.Raw]] = []
    left = 0
    for guild_id, text in texts.items():
        size = len(guild_id) + len('"":,') + len(text)
        if size - 1 > MAX_SENT_BYTES - _EMPTY:
            raise CommandError(
                f"guild_ids: that for guild {guild_id} alone is {size - 1 + _EMPTY:,} bytes, "
                f"and Discord takes {MAX_SENT_BYTES:,}",
                "name fewer members or channels in it",
                "guild_ids",
            )
        if size > left:
            parts.append({})
            left = MAX_SENT_BYTES - _EMPTY + 1  # the first has no comma before it
        parts[-1][guild_id] = msgspec.Raw(text)
        left -= size
    return parts


def _bulk(part: dict[str, msgspec.Raw]) -> Command:
    return command(Op.GUILD_SUBSCRIPTIONS_BULK, {"subscriptions": part}, "guild_ids")


def _fields(argument: str, subscription: object) -> dict[str, Any]:
    if not isinstance(subscription, Subscription):
        refuse(argument, subscription, "a Subscription")
    prefix = f"{argument}."
    made: dict[str, Any] = {
        name: flag(prefix + name, getattr(subscription, name))
        for name in ("typing", "threads", "activities", "member_updates")
    }
    for name in ("members", "thread_member_lists"):
        if ids := getattr(subscription, name):
            made[name] = snowflakes(prefix + name, ids)
    if not isinstance(subscription.channels, Mapping):
        refuse(f"{prefix}channels", subscription.channels, "channel ids, each with its ranges")
    if subscription.channels:
        made["channels"] = {
            snowflake(f"{prefix}channels", channel): _ranges(f"{prefix}channels[{channel}]", ranges)
            for channel, ranges in subscription.channels.items()
        }
    return made


def _ranges(argument: str, ranges: object) -> list[list[int]]:
    if not isinstance(ranges, list | tuple) or not ranges:
        refuse(argument, ranges, "ranges of the member list: [(0, 99)]")
    made = []
    for one in ranges:
        if not isinstance(one, list | tuple) or len(one) != 2:
            refuse(argument, one, "a range: its first and its last place")
        first = number(argument, one[0])
        made.append([first, number(argument, one[1], first)])
    return made
