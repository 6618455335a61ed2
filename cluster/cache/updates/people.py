"""Members, presences, users, and who is in voice.

Source: Discord's documentation, "Gateway Events": "Guild Member Add", "Guild Member Update", "Guild
Member Remove", "Guild Members Chunk", "Presence Update", "Voice State Update".
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from cluster.cache.kinds import Kind
from cluster.cache.parts import Parts, knows
from cluster.cache.raw import NULL, Fields, Id, OfUser, Snowflake, fields_of, reader, text_of

_OFFLINE: Final = "offline"


class _Member(msgspec.Struct, gc=False):
    guild_id: Snowflake
    user: Id


class _Presence(msgspec.Struct, gc=False):
    user: Id
    guild_id: Snowflake = 0
    status: str = ""


class _WithUser(msgspec.Struct, gc=False):
    user: Raw


class _Chunk(msgspec.Struct, gc=False):
    guild_id: Snowflake
    members: list[Raw] = []
    presences: list[Raw] = []


class _VoiceState(msgspec.Struct, gc=False):
    user_id: Snowflake
    guild_id: Snowflake | None = None
    channel_id: Snowflake | None = None
    member: Raw = NULL


_member = reader(_Member)
_presence = reader(_Presence)
_with_user = reader(_WithUser)
_chunk = reader(_Chunk)
_voice_state = reader(_VoiceState)
_of_user = reader(OfUser)


def with_user(member: bytes, changes: Fields) -> bytes:
    """Return a member whose user has changed; fields that it did not show it still does not."""
    fields = fields_of(member)
    user = fields_of(fields["user"])
    user |= {name: value for name, value in changes.items() if name in user}
    return text_of(fields | {"user": Raw(text_of(user))})


def _is_kept(parts: Parts, guild_id: int, user_id: int) -> bool:
    """Whether a member of the guild is one to keep."""
    return (
        parts.keeps_members
        or user_id == parts.own_id
        or parts.part(guild_id, Kind.VOICE_STATE, user_id) is not None
    )


def _count(parts: Parts, guild_id: int, change: int) -> bool:
    """Change the count of a guild's members. False: the guild is not known."""
    state = parts.state(guild_id)
    if state is None or not state.known:
        return False
    made = msgspec.structs.replace(state, member_count=max(0, state.member_count + change))
    parts.set_state(guild_id, made)
    return True


def _put_member(parts: Parts, guild_id: int, user_id: int, said: Fields) -> None:
    """Put what an event says of a member in the place of what was known, or add it to that."""
    said.pop("guild_id", None)
    old = parts.part(guild_id, Kind.MEMBER, user_id)
    fields = said if old is None else fields_of(old) | said
    parts.put(guild_id, Kind.MEMBER, user_id, text_of(fields))


def member_add(parts: Parts, d: bytes) -> None:
    """Count somebody who has joined."""
    said = _member(d)
    if _count(parts, said.guild_id, +1) and _is_kept(parts, said.guild_id, said.user.id):
        fields = fields_of(d)
        fields.pop("guild_id", None)
        parts.put(said.guild_id, Kind.MEMBER, said.user.id, text_of(fields))


def member_update(parts: Parts, d: bytes) -> None:
    """Change a member."""
    said = _member(d)
    if knows(parts, said.guild_id) and _is_kept(parts, said.guild_id, said.user.id):
        _put_member(parts, said.guild_id, said.user.id, fields_of(d))


def member_remove(parts: Parts, d: bytes) -> None:
    """Count somebody out who has left, with presence and voice state."""
    said = _member(d)
    if _count(parts, said.guild_id, -1):
        for kind in (Kind.MEMBER, Kind.PRESENCE, Kind.VOICE_STATE):
            parts.remove(said.guild_id, kind, said.user.id)


def voice_state_update(parts: Parts, d: bytes) -> None:
    """Note who is in which channel, and who has left all."""
    said = _voice_state(d)
    guild_id, user_id = said.guild_id, said.user_id
    if guild_id is None or not knows(parts, guild_id):
        return
    fields = fields_of(d)
    member = fields.pop("member", None)
    fields.pop("guild_id", None)
    if said.channel_id is None:
        parts.remove(guild_id, Kind.VOICE_STATE, user_id)
        if not _is_kept(parts, guild_id, user_id):
            parts.remove(guild_id, Kind.MEMBER, user_id)
            return
        if parts.part(guild_id, Kind.MEMBER, user_id) is None:
            return  # who is deleted leaves voice too
    else:
        parts.put(guild_id, Kind.VOICE_STATE, user_id, text_of(fields))
    if member is not None and bytes(member) != b"null":
        _put_member(parts, guild_id, user_id, fields_of(member))


def presence_update(parts: Parts, d: bytes) -> None:
    """Note how somebody is; of a user that the event shows beyond its id, what has changed."""
    said = _presence(d)
    if not knows(parts, said.guild_id):
        return
    user_id = said.user.id
    if said.status == _OFFLINE:
        parts.remove(said.guild_id, Kind.PRESENCE, user_id)
    else:
        parts.put(said.guild_id, Kind.PRESENCE, user_id, d)
    if b'"user":{"id":"%d"}' % user_id not in d:  # there is more of it than the id
        member = parts.part(said.guild_id, Kind.MEMBER, user_id)
        if member is not None:
            changed = with_user(member, fields_of(_with_user(d).user))
            parts.put(said.guild_id, Kind.MEMBER, user_id, changed)


def members_chunk(parts: Parts, d: bytes) -> None:
    """Take in members who were asked for, and how they are."""
    said = _chunk(d)
    guild_id = said.guild_id
    if not knows(parts, guild_id):
        return
    members = [(_of_user(one).user.id, bytes(one)) for one in said.members]
    presences = [(_of_user(one).user.id, _presence(one).status, one) for one in said.presences]
    for user_id, member in members:
        if _is_kept(parts, guild_id, user_id):
            parts.put(guild_id, Kind.MEMBER, user_id, member)
    if not parts.keeps_presences:
        return
    for user_id, status, one in presences:
        if status == _OFFLINE:
            parts.remove(guild_id, Kind.PRESENCE, user_id)
        else:
            parts.put(guild_id, Kind.PRESENCE, user_id, bytes(one))


UPDATES: Final = {
    "GUILD_MEMBER_ADD": member_add,
    "GUILD_MEMBER_UPDATE": member_update,
    "GUILD_MEMBER_REMOVE": member_remove,
    "VOICE_STATE_UPDATE": voice_state_update,
}
OF_PRESENCES: Final = {"PRESENCE_UPDATE": presence_update}
"""For who keeps presences."""
OF_CHUNKS: Final = {"GUILD_MEMBERS_CHUNK": members_chunk}
"""For who keeps members or presences."""
