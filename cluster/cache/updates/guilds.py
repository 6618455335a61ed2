"""The bot, its guilds, and their roles.

Source: Discord's documentation, "Gateway Events": "Ready", "Guild Create" ... "Guild Role Delete",
"User Update"; "Guild Resource", "Unavailable Guild Object".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from cluster.cache.guild_state import GuildState
from cluster.cache.kinds import LISTS, Kind
from cluster.cache.parts import Parts, knows
from cluster.cache.raw import (
    Fields,
    Id,
    OfUser,
    Snowflake,
    SoundId,
    UserId,
    encoded,
    fields_of,
    items_of,
    reader,
    text_of,
)
from cluster.cache.updates import people, users
from cluster.discord.limits import shard_of_guild

_OF_SESSION: Final = ("_trace", "guilds", "resume_gateway_url", "session_id", "shard")
"""Fields of READY that say nothing of the bot."""
_COUNTED: Final = ("large", "member_count", "unavailable")
"""Fields of GUILD_CREATE that are not kept with the guild: the cache counts, or works them out."""


class _Ready(msgspec.Struct, gc=False):
    user: Id
    guilds: list[Id]
    shard: tuple[int, int] = (0, 1)


class _Guild(msgspec.Struct, gc=False):
    id: Snowflake
    unavailable: bool | None = None
    member_count: int = 0


class _Role(msgspec.Struct, gc=False):
    guild_id: Snowflake
    role: Raw


class _RoleGone(msgspec.Struct, gc=False):
    guild_id: Snowflake
    role_id: Snowflake


class _Roles(msgspec.Struct, gc=False):
    roles: list[str] | UnsetType = UNSET


_ready = reader(_Ready)
_guild = reader(_Guild)
_id = reader(Id)
_of_user = reader(OfUser)
_user_id = reader(UserId)
_sound_id = reader(SoundId)
_role = reader(_Role)
_role_gone = reader(_RoleGone)
_roles = reader(_Roles)


def ready(parts: Parts, d: bytes) -> None:
    """Take note of the bot; forget the guilds of the session's shard that are not listed, and have
    those that are new wait for their GUILD_CREATE.

    Where nothing was missed (`GuildState.unknown_since_ns`), READY is that of a new shard count,
    and older than what the old one's events have told: no guild is forgotten by it.
    """
    said = _ready(d)
    bot = {name: value for name, value in fields_of(d).items() if name not in _OF_SESSION}
    shard_id, shard_count = said.shard
    listed = {guild.id for guild in said.guilds}
    parts.set_bot(said.user.id, text_of(bot))
    for guild_id in parts.guild_ids():
        if guild_id in listed or shard_of_guild(guild_id, shard_count) != shard_id:
            continue
        state = parts.state(guild_id)
        if state is not None and state.unknown_since_ns:
            parts.forget(guild_id)
    for guild_id in listed:
        if parts.state(guild_id) is None:
            parts.set_state(guild_id, GuildState(unavailable=True))


def guild_create(parts: Parts, d: bytes) -> None:
    """Put a guild in the place of all that was known of it; or note that it is unavailable, which
    this event can say too. A guild that is known, and of which nothing was missed, stays as it is:
    a session of a new shard count tells of it, as it was before what the old one's events told."""
    guild = _guild(d)
    if guild.unavailable:
        _hide(parts, guild.id)
        return
    state = parts.state(guild.id)
    if state is not None and state.known and not state.unavailable and not state.unknown_since_ns:
        return
    whole = fields_of(d)
    lists = {kind: list(_items(kind, whole)) for kind in LISTS}
    own, voices = parts.own_id, {user_id for user_id, _ in lists[Kind.VOICE_STATE]}
    members = lists[Kind.MEMBER]
    if not parts.keeps_members:
        lists[Kind.MEMBER] = [one for one in members if one[0] == own or one[0] in voices]
    if not parts.keeps_presences:
        lists[Kind.PRESENCE] = []
    for kind in LISTS:
        whole.pop(kind.value, None)
    for name in _COUNTED:
        whole.pop(name, None)
    parts.forget(guild.id)
    parts.set_state(guild.id, GuildState(member_count=guild.member_count, known=True))
    parts.put(guild.id, Kind.GUILD, guild.id, text_of(whole))
    for kind, items in lists.items():
        for item_id, item in items:
            parts.put(guild.id, kind, item_id, item)
    if parts.keeps_users:
        for _, member in members:
            users.see_user(parts, member)


def _items(kind: Kind, whole: Fields) -> Iterator[tuple[int, bytes]]:
    """Yield (id, part) of a list of GUILD_CREATE or GUILD_UPDATE; nothing if it is not there."""
    listed = whole.get(kind.value)
    if listed is None:
        return
    for item in items_of(listed):
        yield id_of(kind, item), item


def id_of(kind: Kind, part: bytes) -> int:
    """Return the id under which a part is kept. Raises decode_errors.MALFORMED."""
    found: int
    if kind is Kind.VOICE_STATE:
        found = _user_id(part).user_id
    elif kind is Kind.MEMBER or kind is Kind.PRESENCE:
        found = _of_user(part).user.id
    elif kind is Kind.SOUNDBOARD_SOUND:
        found = _sound_id(part).sound_id
    else:
        found = _id(part).id
    return found


def _hide(parts: Parts, guild_id: int) -> None:
    state = parts.state(guild_id) or GuildState()
    parts.set_state(guild_id, msgspec.structs.replace(state, unavailable=True))


def guild_update(parts: Parts, d: bytes) -> None:
    """Change the guild's own fields: the event has the guild as a guild object, with roles, emojis
    and stickers."""
    guild_id = _guild(d).id
    old = parts.part(guild_id, Kind.GUILD, guild_id)
    if old is None:
        return
    changes = fields_of(d)
    lists = {kind: list(_items(kind, changes)) for kind in LISTS if kind.value in changes}
    for name in (*_COUNTED, *(kind.value for kind in lists)):
        changes.pop(name, None)
    parts.put(guild_id, Kind.GUILD, guild_id, text_of(fields_of(old) | changes))
    for kind in (Kind.ROLE, Kind.EMOJI, Kind.STICKER):
        if kind in lists:
            parts.replace(guild_id, kind, lists[kind])


def guild_delete(parts: Parts, d: bytes) -> None:
    """Note that an outage hides the guild, or forget it: the bot is not in it any more."""
    guild = _guild(d)
    if guild.unavailable:
        _hide(parts, guild.id)
    else:
        parts.forget(guild.id)


def role_set(parts: Parts, d: bytes) -> None:
    """Add or change a role."""
    said = _role(d)
    role_id = _id(said.role).id
    if knows(parts, said.guild_id):
        parts.put(said.guild_id, Kind.ROLE, role_id, bytes(said.role))


def role_delete(parts: Parts, d: bytes) -> None:
    """Remove a role; no event says that who had it has it no more."""
    said = _role_gone(d)
    parts.remove(said.guild_id, Kind.ROLE, said.role_id)
    gone = str(said.role_id)
    digits = b'"%d"' % said.role_id
    for user_id, member in parts.parts(said.guild_id, Kind.MEMBER):
        if digits in member:
            fields = fields_of(member)
            held = _roles(member).roles
            if held is not UNSET:
                fields["roles"] = encoded([role for role in held if role != gone])
                parts.put(said.guild_id, Kind.MEMBER, user_id, text_of(fields))


def user_update(parts: Parts, d: bytes) -> None:
    """Change the bot's user, and in each guild what others see of it."""
    own_id = _id(d).id
    bot = parts.bot()
    if bot is None or own_id != parts.own_id:
        return
    ready_of_bot, changes = fields_of(bot), fields_of(d)
    user = fields_of(ready_of_bot["user"]) | changes
    parts.set_bot(own_id, text_of(ready_of_bot | {"user": Raw(text_of(user))}))
    if parts.keeps_users:
        parts.put_user(own_id, text_of(user))
    for guild_id in parts.guild_ids():
        member = parts.part(guild_id, Kind.MEMBER, own_id)
        if member is not None:
            parts.put(guild_id, Kind.MEMBER, own_id, people.with_user(member, changes))


UPDATES: Final = {
    "READY": ready,
    "GUILD_CREATE": guild_create,
    "GUILD_UPDATE": guild_update,
    "GUILD_DELETE": guild_delete,
    "GUILD_ROLE_CREATE": role_set,
    "GUILD_ROLE_UPDATE": role_set,
    "GUILD_ROLE_DELETE": role_delete,
    "USER_UPDATE": user_update,
}
