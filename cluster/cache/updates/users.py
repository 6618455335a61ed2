"""Users, wherever an event shows one whole, if users are kept: the newest that was seen of each.

Source: Discord's documentation, "User Resource"; "Gateway Events": "Presence Update", whose user
may be partial; "Message Create", whose author is no user if a webhook has written it.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from cluster.cache.parts import Parts
from cluster.cache.raw import NULL, Id, Snowflake, fields_of, reader, text_of

_NONE: Final = bytes(NULL)


class _WithUser(msgspec.Struct, gc=False):
    user: Raw = NULL


class _WithMember(msgspec.Struct, gc=False):
    member: Raw = NULL
    user: Raw = NULL


class _Chunk(msgspec.Struct, gc=False):
    members: list[Raw] = []


class _Message(msgspec.Struct, gc=False):
    author: Raw = NULL
    webhook_id: Snowflake | None = None


_with_user = reader(_WithUser)
_with_member = reader(_WithMember)
_chunk = reader(_Chunk)
_message = reader(_Message)
_id = reader(Id)


def see(parts: Parts, user: Raw) -> None:
    """Take note of a user, or of none (null)."""
    text = bytes(user)
    if text != _NONE:
        parts.put_user(_id(text).id, text)


def see_user(parts: Parts, d: bytes | Raw) -> None:
    """Take note of the user of a member, or of an event that has one."""
    see(parts, _with_user(d).user)


def see_member(parts: Parts, d: bytes) -> None:
    """Take note of the user of an event's member, or of the event's own."""
    said = _with_member(d)
    see(parts, said.user if bytes(said.member) == _NONE else _with_user(said.member).user)


def see_members(parts: Parts, d: bytes) -> None:
    """Take note of the users of a chunk."""
    for user in [_with_user(member).user for member in _chunk(d).members]:
        see(parts, user)


def see_author(parts: Parts, d: bytes) -> None:
    """Take note of who has written a message."""
    said = _message(d)
    if said.webhook_id is None:
        see(parts, said.author)


def see_changes(parts: Parts, d: bytes) -> None:
    """Take note of what a presence says of a user who is known."""
    changes = fields_of(_with_user(d).user)
    user_id = _id(text_of(changes)).id
    known = parts.user(user_id) if len(changes) > 1 else None
    if known is not None:
        parts.put_user(user_id, text_of(fields_of(known) | changes))


UPDATES: Final = {
    "GUILD_MEMBER_ADD": see_user,
    "GUILD_MEMBER_UPDATE": see_user,
    "GUILD_MEMBERS_CHUNK": see_members,
    "INTERACTION_CREATE": see_member,
    "MESSAGE_CREATE": see_author,
    "PRESENCE_UPDATE": see_changes,
    "READY": see_user,
    "VOICE_STATE_UPDATE": see_member,
}
