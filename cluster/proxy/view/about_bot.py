"""Which events of members tell of the bot itself: it gets them without the intent GUILD_MEMBERS."""

from __future__ import annotations

import msgspec

from cluster.decode_errors import MALFORMED


class _User(msgspec.Struct):
    id: str = ""


class _Member(msgspec.Struct):
    user: _User | None = None


class _Added(msgspec.Struct):
    user_id: str | None = None


class _ThreadMembers(msgspec.Struct):
    added_members: list[_Added] | None = None
    removed_member_ids: list[str] | None = None


_member = msgspec.json.Decoder(_Member)
_thread_members = msgspec.json.Decoder(_ThreadMembers)


def is_about_bot(name: str, data: bytes, own_id: str) -> bool:
    """Return whether GUILD_MEMBER_UPDATE or THREAD_MEMBERS_UPDATE tells of the bot. data: ``d``;
    own_id: the bot's user id. What can't be read does not."""
    if own_id.encode() not in data:
        return False
    try:
        if name == "GUILD_MEMBER_UPDATE":
            user = _member.decode(data).user
            return user is not None and user.id == own_id
        found = _thread_members.decode(data)
    except MALFORMED:
        return False
    added = (member.user_id for member in found.added_members or ())
    return own_id in added or own_id in (found.removed_member_ids or ())
