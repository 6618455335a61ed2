"""Channels and threads.

Source: Discord's documentation, "Gateway Events": "Channel Create" ... "Channel Pins Update",
"Voice Channel Status Update"; "Topics / Threads"; "Channels Resource", "Obfuscated Channels".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Raw

from cluster.cache.kinds import Kind
from cluster.cache.parts import Parts, knows
from cluster.cache.raw import (
    NULL,
    Id,
    Snowflake,
    encoded,
    fields_of,
    merged,
    reader,
    text_of,
    with_id,
)

_FORUMS: Final = (15, 16)
"""Types of channels that have threads alone: GUILD_FORUM, GUILD_MEDIA."""
_UNSAID: Final = Raw()
_OBFUSCATED: Final = 1 << 17
"""Flag of a channel that the bot can't view, of which it is not told more."""


class _Channel(msgspec.Struct, gc=False):
    id: Snowflake
    guild_id: Snowflake = 0
    flags: int = 0


class _Metadata(msgspec.Struct, gc=False):
    archived: bool = False


class _Thread(msgspec.Struct, gc=False):
    id: Snowflake
    guild_id: Snowflake = 0
    parent_id: Snowflake | None = None
    newly_created: bool = False
    thread_metadata: _Metadata | None = None


class _Parent(msgspec.Struct, gc=False):
    parent_id: Snowflake | None = None


class _Type(msgspec.Struct, gc=False):
    type: int = 0


class _Place(msgspec.Struct, gc=False):
    """What is said of a channel or thread that is named by `channel_id`."""

    channel_id: Snowflake
    guild_id: Snowflake | None = None
    last_pin_timestamp: Raw = NULL


class _Message(msgspec.Struct, gc=False):
    id: Raw
    channel_id: Snowflake
    guild_id: Snowflake | None = None


class _Voice(msgspec.Struct, gc=False):
    """What is said of a voice channel."""

    id: Snowflake
    guild_id: Snowflake = 0
    status: Raw = _UNSAID
    voice_start_time: Raw = _UNSAID


class _Voices(msgspec.Struct, gc=False):
    guild_id: Snowflake
    channels: list[Raw]


class _Sync(msgspec.Struct, gc=False):
    guild_id: Snowflake
    threads: list[Raw]
    channel_ids: list[Snowflake] | None = None
    members: list[Raw] = []


class _ThreadMember(msgspec.Struct, gc=False):
    id: Snowflake = 0
    """The thread's."""
    user_id: Snowflake = 0
    guild_id: Snowflake = 0


class _ThreadMembers(msgspec.Struct, gc=False):
    id: Snowflake
    guild_id: Snowflake
    member_count: Raw
    added_members: list[Raw] = []
    removed_member_ids: list[Snowflake] = []


class _Planned(msgspec.Struct, gc=False):
    channel_id: Snowflake | None = None


_channel = reader(_Channel)
_thread = reader(_Thread)
_parent = reader(_Parent)
_type = reader(_Type)
_place = reader(_Place)
_message = reader(_Message)
_voice = reader(_Voice)
_voices = reader(_Voices)
_sync = reader(_Sync)
_thread_member = reader(_ThreadMember)
_thread_members = reader(_ThreadMembers)
_planned = reader(_Planned)
_id = reader(Id)


def channel_set(parts: Parts, d: bytes) -> None:
    """Add or change a channel. Of one that the bot can't view any more the threads are forgotten:
    nothing is said of them from then on ("Channel Access": no THREAD_DELETE is sent)."""
    said = _channel(d)
    if not knows(parts, said.guild_id):
        return
    parts.put(said.guild_id, Kind.CHANNEL, said.id, d)
    if said.flags & _OBFUSCATED:
        _forget_threads(parts, said.guild_id, lambda parent: parent == said.id)


def channel_delete(parts: Parts, d: bytes) -> None:
    """Remove a channel, with its threads and what was planned there, of which nothing is said."""
    said = _channel(d)
    parts.remove(said.guild_id, Kind.CHANNEL, said.id)
    _forget_threads(parts, said.guild_id, lambda parent: parent == said.id)
    for event_id, event in parts.parts(said.guild_id, Kind.SCHEDULED_EVENT):
        if _planned(event).channel_id == said.id:
            parts.remove(said.guild_id, Kind.SCHEDULED_EVENT, event_id)


def _forget_threads(parts: Parts, guild_id: int, of: Callable[[int | None], bool]) -> None:
    for thread_id, thread in parts.parts(guild_id, Kind.THREAD):
        if of(_parent(thread).parent_id):
            parts.remove(guild_id, Kind.THREAD, thread_id)


def thread_create(parts: Parts, d: bytes) -> None:
    """Add a thread that was opened, or to which the bot was added; in a forum it is the channel's
    last message."""
    said = _thread(d)
    _put_thread(parts, said, d)
    if not said.newly_created or said.parent_id is None:
        return
    parent = parts.part(said.guild_id, Kind.CHANNEL, said.parent_id)
    if parent is not None and _type(parent).type in _FORUMS:
        changed = with_id(parent, b"last_message_id", encoded(str(said.id)))
        parts.put(said.guild_id, Kind.CHANNEL, said.parent_id, changed)


def thread_update(parts: Parts, d: bytes) -> None:
    """Change a thread. One that is archived is removed: GUILD_CREATE has the active ones."""
    said = _thread(d)
    if said.thread_metadata is not None and said.thread_metadata.archived:
        parts.remove(said.guild_id, Kind.THREAD, said.id)
    else:
        _put_thread(parts, said, d)


def _put_thread(parts: Parts, said: _Thread, d: bytes | Raw) -> None:
    """Put a thread in its place, with the bot's membership, which most events leave out."""
    if not knows(parts, said.guild_id):
        return
    fields = fields_of(d)
    fields.pop("newly_created", None)
    if "member" not in fields:
        old = parts.part(said.guild_id, Kind.THREAD, said.id)
        member = None if old is None else fields_of(old).get("member")
        if member is not None:
            fields["member"] = member
    parts.put(said.guild_id, Kind.THREAD, said.id, text_of(fields))


def thread_delete(parts: Parts, d: bytes) -> None:
    """Remove a thread."""
    said = _thread(d)
    parts.remove(said.guild_id, Kind.THREAD, said.id)


def thread_list_sync(parts: Parts, d: bytes) -> None:
    """Put the active threads of some channels, or of all, in the place of those that were known."""
    said = _sync(d)
    if not knows(parts, said.guild_id):
        return
    own = {_thread_member(one).id: one for one in said.members}
    threads = [(_id(one).id, fields_of(one)) for one in said.threads]
    channels = None if said.channel_ids is None else frozenset(said.channel_ids)
    _forget_threads(parts, said.guild_id, lambda parent: channels is None or parent in channels)
    for thread_id, fields in threads:
        if thread_id in own:
            fields["member"] = own[thread_id]
        parts.put(said.guild_id, Kind.THREAD, thread_id, text_of(fields))


def thread_member_update(parts: Parts, d: bytes) -> None:
    """Change the bot's own membership of a thread."""
    said = _thread_member(d)
    thread = parts.part(said.guild_id, Kind.THREAD, said.id)
    if thread is None or said.user_id not in (0, parts.own_id):
        return
    member = fields_of(d)
    member.pop("guild_id", None)
    changed = merged(thread, {"member": Raw(text_of(member))})
    parts.put(said.guild_id, Kind.THREAD, said.id, changed)


def thread_members_update(parts: Parts, d: bytes) -> None:
    """Count who is in a thread, and note whether the bot is."""
    said = _thread_members(d)
    thread = parts.part(said.guild_id, Kind.THREAD, said.id)
    if thread is None:
        return
    fields = fields_of(thread)
    fields["member_count"] = said.member_count
    if parts.own_id in said.removed_member_ids:
        fields.pop("member", None)
    for one in said.added_members:
        if _thread_member(one).user_id == parts.own_id:
            member = fields_of(one)
            member.pop("member", None)
            member.pop("presence", None)
            fields["member"] = Raw(text_of(member))
    parts.put(said.guild_id, Kind.THREAD, said.id, text_of(fields))


def _place_of(parts: Parts, guild_id: int | None, place_id: int) -> tuple[Kind, bytes] | None:
    """Return a channel or a thread, whichever it is; None: it is not known, or in no guild."""
    if guild_id is None:
        return None
    for kind in (Kind.CHANNEL, Kind.THREAD):
        part = parts.part(guild_id, kind, place_id)
        if part is not None:
            return kind, part
    return None


def message_create(parts: Parts, d: bytes) -> None:
    """Note the last message of a channel or thread: no other event says it ("Channel Update")."""
    said = _message(d)
    place = _place_of(parts, said.guild_id, said.channel_id)
    if said.guild_id is not None and place is not None:
        changed = with_id(place[1], b"last_message_id", said.id)
        parts.put(said.guild_id, place[0], said.channel_id, changed)


def pins_update(parts: Parts, d: bytes) -> None:
    """Note when something was pinned last; where nothing is any more the event does not say it."""
    said = _place(d)
    place = _place_of(parts, said.guild_id, said.channel_id)
    if said.guild_id is not None and place is not None:
        changed = merged(place[1], {"last_pin_timestamp": said.last_pin_timestamp})
        parts.put(said.guild_id, place[0], said.channel_id, changed)


def voice_channel_update(parts: Parts, d: bytes) -> None:
    """Note a voice channel's status; and since when somebody is in it, where GUILD_CREATE shows
    that of channels."""
    _change_voice(parts, _voice(d))


def _change_voice(parts: Parts, said: _Voice, guild_id: int = 0) -> None:
    channel = parts.part(said.guild_id or guild_id, Kind.CHANNEL, said.id)
    if channel is None:
        return
    fields = fields_of(channel)
    if said.status is not _UNSAID:
        fields["status"] = said.status
    if said.voice_start_time is not _UNSAID and "voice_start_time" in fields:
        fields["voice_start_time"] = said.voice_start_time
    parts.put(said.guild_id or guild_id, Kind.CHANNEL, said.id, text_of(fields))


def channel_info(parts: Parts, d: bytes) -> None:
    """Note what was asked for of voice channels."""
    said = _voices(d)
    for channel in [_voice(one) for one in said.channels]:
        _change_voice(parts, channel, said.guild_id)


UPDATES: Final = {
    "CHANNEL_CREATE": channel_set,
    "CHANNEL_UPDATE": channel_set,
    "CHANNEL_DELETE": channel_delete,
    "CHANNEL_INFO": channel_info,
    "CHANNEL_PINS_UPDATE": pins_update,
    "MESSAGE_CREATE": message_create,
    "THREAD_CREATE": thread_create,
    "THREAD_UPDATE": thread_update,
    "THREAD_DELETE": thread_delete,
    "THREAD_LIST_SYNC": thread_list_sync,
    "THREAD_MEMBER_UPDATE": thread_member_update,
    "THREAD_MEMBERS_UPDATE": thread_members_update,
    "VOICE_CHANNEL_STATUS_UPDATE": voice_channel_update,
    "VOICE_CHANNEL_START_TIME_UPDATE": voice_channel_update,
}
