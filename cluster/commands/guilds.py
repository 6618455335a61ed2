"""What is asked about guilds and their channels: ops 28, 30, 31, 34, 36, 38, 39, 43.

A bot has 31 and 43; the rest is for user accounts. The answers are events (docs/commands.md says
which). Sources: Discord's documentation, "Gateway Events", "Request Soundboard Sounds" and "Request
Channel Info"; the unofficial one of the same name. Op 28 is in neither: as Discord's client does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

from cluster.commands.checks import (
    number,
    one_of,
    optional_snowflake,
    refuse,
    snowflake,
    snowflakes,
)
from cluster.commands.command import Command, command
from cluster.discord.opcodes import Op
from cluster.errors import CommandError

MOST_CHANNELS: Final = 100
"""Channels whose last messages can be asked for at once."""
ChannelField = Literal["status", "voice_start_time"]
CHANNEL_FIELDS: Final[tuple[ChannelField, ...]] = get_args(ChannelField)
MAX_HASH: Final = (1 << 32) - 1


def request_forum_unreads(
    guild_id: int, channel_id: int, threads: Mapping[int, int | None]
) -> Command:
    """Op 28: how much is unread in threads of a forum: FORUM_UNREADS. threads: thread id -> id of
    the message that was read last (None: none was)."""
    if not isinstance(threads, Mapping):
        refuse("threads", threads, "thread ids, each with the id of the message that was read last")
    if not threads:
        raise CommandError("threads is empty", "give at least one", "threads")
    d = {
        "guild_id": snowflake("guild_id", guild_id),
        "channel_id": snowflake("channel_id", channel_id),
        "threads": [
            {
                "thread_id": snowflake("threads", thread),
                "ack_message_id": optional_snowflake(f"threads[{thread}]", read),
            }
            for thread, read in threads.items()
        ],
    }
    return command(Op.REQUEST_FORUM_UNREADS, d, "threads")


def get_deleted_entity_ids_not_matching_hash(
    guild_id: int,
    *,
    channel_ids_hash: int | str,
    role_ids_hash: int | str,
    emoji_ids_hash: int | str,
    sticker_ids_hash: int | str,
) -> Command:
    """Op 30: which channels, roles, emojis and stickers there are, where they are not those of the
    hashes. A hash: 32-bit Murmur3, unsigned, of the ids, ascending and joined by commas."""
    d = {
        "guild_id": snowflake("guild_id", guild_id),
        "channel_ids_hash": _hash("channel_ids_hash", channel_ids_hash),
        "role_ids_hash": _hash("role_ids_hash", role_ids_hash),
        "emoji_ids_hash": _hash("emoji_ids_hash", emoji_ids_hash),
        "sticker_ids_hash": _hash("sticker_ids_hash", sticker_ids_hash),
    }
    return command(Op.REQUEST_DELETED_ENTITY_IDS, d)


def _hash(argument: str, value: object) -> str:
    decimal = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10
    return str(number(argument, int(str(value)) if decimal else value, 0, MAX_HASH))


def request_soundboard_sounds(guild_ids: Iterable[int]) -> Command:
    """Op 31: a SOUNDBOARD_SOUNDS for each guild."""
    d = {"guild_ids": snowflakes("guild_ids", guild_ids)}
    return command(Op.REQUEST_SOUNDBOARD_SOUNDS, d, "guild_ids")


def request_last_messages(guild_id: int, channel_ids: Iterable[int]) -> Command:
    """Op 34: the last message of each of at most 100 channels: LAST_MESSAGES."""
    d = {
        "guild_id": snowflake("guild_id", guild_id),
        "channel_ids": snowflakes("channel_ids", channel_ids, MOST_CHANNELS),
    }
    return command(Op.REQUEST_LAST_MESSAGES, d, "channel_ids")


def request_channel_statuses(guild_id: int) -> Command:
    """Op 36: the statuses of a guild's voice channels: CHANNEL_STATUSES. Discord has deprecated it
    in favour of op 43 (`request_channel_info`), whose answer says more."""
    return command(Op.REQUEST_CHANNEL_STATUSES, {"guild_id": snowflake("guild_id", guild_id)})


def resync_guild_channels(guild_id: int, channel_ids: Iterable[int]) -> Command:
    """Op 38: channels of a guild that the account knows of obfuscated only: CHANNEL_SYNC."""
    d = {
        "guild_id": snowflake("guild_id", guild_id),
        "obfuscated_channel_ids": snowflakes("channel_ids", channel_ids),
    }
    return command(Op.GUILD_CHANNELS_RESYNC, d, "channel_ids")


def request_channel_member_count(guild_id: int, channel_id: int) -> Command:
    """Op 39: how many can see a channel, and are online: CHANNEL_MEMBER_COUNT_UPDATE."""
    d = {
        "guild_id": snowflake("guild_id", guild_id),
        "channel_id": snowflake("channel_id", channel_id),
    }
    return command(Op.REQUEST_CHANNEL_MEMBER_COUNT, d)


def request_channel_info(guild_id: int, fields: Iterable[ChannelField] = CHANNEL_FIELDS) -> Command:
    """Op 43: status and start time of a guild's voice channels: CHANNEL_INFO. fields: "status",
    "voice_start_time"."""
    if isinstance(fields, str | bytes) or not isinstance(fields, Iterable):
        refuse("fields", fields, f"a list of {', '.join(CHANNEL_FIELDS)}")
    d = {
        "guild_id": snowflake("guild_id", guild_id),
        "fields": [one_of(f"fields[{n}]", one, CHANNEL_FIELDS) for n, one in enumerate(fields)],
    }
    if not d["fields"]:
        refuse("fields", [], f"at least one of {', '.join(CHANNEL_FIELDS)}")
    return command(Op.REQUEST_CHANNEL_INFO, d)
