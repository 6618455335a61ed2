"""Random events about few guilds, channels and people, so that they are about each other."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.cluster.cache.model import GAP

GUILDS = [str(1 << 22), str(2 << 22)]
PLACES = ["10", "11", "12", "13"]
PEOPLE = ["1", "2", "3"]
ROLES = ["7", "8"]
OWN = "1"

Json = dict[str, Any]
guild_ids = st.sampled_from(GUILDS)
places = st.sampled_from(PLACES)
people = st.sampled_from(PEOPLE)
roles = st.sampled_from(ROLES)
texts = st.text(max_size=3)
_user = st.fixed_dictionaries({"id": people, "username": texts}, optional={"avatar": texts})
_member = st.fixed_dictionaries(
    {"user": _user, "roles": st.lists(roles, unique=True)},
    optional={"nick": st.none() | texts, "joined_at": texts},
)
_role = st.fixed_dictionaries({"id": roles, "name": texts})
_voice = st.fixed_dictionaries({"user_id": people, "channel_id": places, "mute": st.booleans()})


def _about(fields: dict[str, st.SearchStrategy[Any]], **optional: Any) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"guild_id": guild_ids, **fields}, optional=optional)


_channel = _about({"id": places, "name": texts, "flags": st.sampled_from((0, 1 << 17))})
_membership = st.fixed_dictionaries({"id": places, "user_id": people, "flags": st.just(1)})
_thread = _about(
    {
        "id": places,
        "parent_id": places,
        "name": texts,
        "thread_metadata": st.fixed_dictionaries({"archived": st.booleans()}),
    }
)
_presence = _about(
    {
        "user": _user | st.fixed_dictionaries({"id": people}),
        "status": st.sampled_from(("online", "offline")),
    }
)
_online = _about({"user": st.fixed_dictionaries({"id": people}), "status": st.just("online")})
_sound = _about({"sound_id": places, "name": texts})
_item = _about({"id": places, "name": texts})


def _unique(items: st.SearchStrategy[Json], key: Any = lambda item: item["id"]) -> Any:
    return st.lists(items, max_size=3, unique_by=key)


def _of_user(item: Json) -> Any:
    return item["user"]["id"]


def _guild(**more: Any) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"id": guild_ids, "name": texts, "roles": _unique(_role), **more},
        optional={"emojis": _unique(_role), "stickers": _unique(_role), "description": texts},
    )


def _moved(member: Json) -> st.SearchStrategy[Json]:
    return _about(
        {
            "user_id": st.just(member["user"]["id"]),
            "channel_id": st.none() | places,
            "member": st.just(member),
        }
    )


EVENTS: dict[str, st.SearchStrategy[Json]] = {
    "READY": st.fixed_dictionaries(
        {
            "user": st.fixed_dictionaries({"id": st.just(OWN), "username": texts}),
            "application": st.just({"id": "5"}),
            "shard": st.sampled_from(([0, 1], [0, 2], [1, 2])),
            "guilds": _unique(st.fixed_dictionaries({"id": guild_ids})),
            "session_id": texts,
        }
    ),
    "GUILD_CREATE": _guild(
        member_count=st.integers(0, 9),
        members=_unique(_member, _of_user),
        presences=_unique(_online, _of_user),
        channels=_unique(_channel),
        threads=_unique(_thread),
        voice_states=_unique(_voice, lambda item: item["user_id"]),
        soundboard_sounds=_unique(_sound, lambda item: item["sound_id"]),
    ),
    "GUILD_UPDATE": _guild(),
    "GUILD_DELETE": st.fixed_dictionaries(
        {"id": guild_ids}, optional={"unavailable": st.booleans()}
    ),
    "USER_UPDATE": _user,
    "GUILD_ROLE_CREATE": _about({"role": _role}),
    "GUILD_ROLE_UPDATE": _about({"role": _role}),
    "GUILD_ROLE_DELETE": _about({"role_id": roles}),
    "GUILD_MEMBER_ADD": _member.flatmap(lambda m: guild_ids.map(lambda g: m | {"guild_id": g})),
    "GUILD_MEMBER_UPDATE": _member.flatmap(lambda m: guild_ids.map(lambda g: m | {"guild_id": g})),
    "GUILD_MEMBER_REMOVE": _about({"user": _user}),
    "PRESENCE_UPDATE": _presence,
    "VOICE_STATE_UPDATE": _member.flatmap(_moved),
    "MESSAGE_CREATE": _about({"id": texts, "channel_id": places}),
    "CHANNEL_PINS_UPDATE": _about({"channel_id": places}, last_pin_timestamp=st.none() | texts),
    "CHANNEL_CREATE": _about({"id": places, "name": texts, "flags": st.just(0)}),
    "CHANNEL_UPDATE": _channel,
    "CHANNEL_DELETE": _channel,
    "THREAD_CREATE": _thread.map(lambda t: t | {"newly_created": False}),
    "THREAD_UPDATE": _thread,
    "THREAD_DELETE": _thread,
    "THREAD_LIST_SYNC": _about(
        {"threads": _unique(_thread), "members": _unique(_membership)},
        channel_ids=st.lists(places),
    ),
    "THREAD_MEMBERS_UPDATE": _about(
        {
            "id": places,
            "member_count": st.integers(0, 50),
            "added_members": _unique(
                _membership.map(lambda one: one | {"presence": None}), lambda one: one["user_id"]
            ),
            "removed_member_ids": st.lists(people, max_size=2),
        }
    ),
    "STAGE_INSTANCE_CREATE": _item,
    "STAGE_INSTANCE_DELETE": _item,
    "GUILD_SOUNDBOARD_SOUND_UPDATE": _sound,
    "GUILD_SOUNDBOARD_SOUND_DELETE": _sound,
}

_gap = st.fixed_dictionaries({"shard": st.sampled_from(([-1, 0], [0, 1], [1, 2]))})

_begun = st.tuples(
    EVENTS["READY"].map(lambda d: [("READY", d)]),
    st.lists(EVENTS["GUILD_CREATE"].map(lambda d: ("GUILD_CREATE", d)), min_size=1, max_size=3),
).map(lambda begun: begun[0] + begun[1])

events: st.SearchStrategy[tuple[str, Json]] = st.one_of(
    [st.tuples(st.just(name), d) for name, d in (EVENTS | {GAP: _gap}).items()]
)

histories: st.SearchStrategy[list[tuple[str, Json]]] = st.one_of(
    st.lists(events, max_size=10),
    st.tuples(_begun, st.lists(events, max_size=40)).map(lambda both: [*both[0], *both[1]]),
)
"""Mostly such as a session brings: READY and GUILD_CREATEs come first."""
