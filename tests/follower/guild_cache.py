"""One guild as a client's cache has it: its GUILD_CREATE, and what each event since then said.

Nothing in here is the sandbox's. What is known of a guild changes by what an event says and by
nothing else, but for what Discord leaves to its clients: who leaves has no presence any more, who
had a role that is deleted has it no more, threads and what is planned go with their channel, and
the last message of a channel is the newest that came (in a forum: the newest thread). Of a channel
that can't be viewed any more the threads are forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Json = dict[str, Any]

_LISTS: Final = {
    "roles": "id",
    "emojis": "id",
    "stickers": "id",
    "soundboard_sounds": "sound_id",
    "channels": "id",
    "threads": "id",
    "voice_states": "user_id",
    "stage_instances": "id",
    "guild_scheduled_events": "id",
}
"""Lists of GUILD_CREATE, and the field that names each item."""
_PASSING: Final = (
    *("unavailable", "joined_at", "large", "lazy", "version", "members", "presences"),
    *("embedded_activities", "application_command_counts", "member_count"),
)
"""Further fields of GUILD_CREATE that are none of the guild's own properties."""
_FORUM: Final = 15
_OBFUSCATED: Final = 1 << 17
_OF_VIEWERS: Final = ("MESSAGE_", "TYPING_", "CHANNEL_PINS_", "WEBHOOKS_", "INVITE_", "THREAD_")
"""Beginnings of events that come to who can view their channel."""
_EVENTS: Final = {
    f"{event}_{action}": (items, action)
    for event, items in {
        "CHANNEL": "channels",
        "THREAD": "threads",
        "STAGE_INSTANCE": "stage_instances",
        "GUILD_SCHEDULED_EVENT": "guild_scheduled_events",
        "GUILD_SOUNDBOARD_SOUND": "soundboard_sounds",
    }.items()
    for action in ("CREATE", "UPDATE", "DELETE")
}
"""Event name -> the list of which it makes, changes or deletes an item."""


def _without(d: Json, *names: str) -> Json:
    return {key: value for key, value in d.items() if key not in names}


class GuildCache:
    """users: the session's, by id, one object for all guilds; own_id: the account's user id.

    ``apply`` raises KeyError or ValueError for an event about what no event has told of.
    """

    def __init__(self, d: Json, users: dict[str, Json], own_id: str) -> None:
        self._users = users
        self._own_id = own_id
        self.member_count: int = d["member_count"]
        self.properties = _without(d, *_LISTS, *_PASSING)
        self.members: dict[str, Json] = {}
        self.items: dict[str, dict[str, Json]] = {
            name: {one[key]: dict(one) for one in d[name]} for name, key in _LISTS.items()
        }
        self.memberships: dict[str, Json] = {}
        """The account's own memberships of threads, by thread."""
        self.presences: dict[str, Json] = {}
        for member in d["members"]:
            self._see(member)
        for presence in d["presences"]:
            self.presence_update(presence)
        for thread_id, thread in self.items["threads"].items():
            if "member" in thread:
                self.memberships[thread_id] = thread.pop("member")

    def state(self) -> Json:
        """All that is believed of the guild, users aside."""
        return {
            "properties": self.properties,
            "member_count": self.member_count,
            "members": self.members,
            "presences": self.presences,
            "memberships": self.memberships,
            **self.items,
        }

    def apply(self, name: str, d: Json) -> None:
        """Take an event of this guild."""
        if name.startswith(_OF_VIEWERS) and self._hidden(d.get("channel_id")):
            raise ValueError(f"in {d['channel_id']}, which can't be viewed")
        if name in _EVENTS:
            self._item(*_EVENTS[name], d)
        handler: Callable[[Json], None] | None = getattr(self, name.lower(), None)
        if handler is not None:
            handler(d)

    def _item(self, name: str, action: str, d: Json) -> None:
        items, item_id = self.items[name], d[_LISTS[name]]
        if (item_id in items) is (action == "CREATE"):
            raise ValueError(f"{action} of {item_id} in {name}")
        if action == "DELETE":
            del items[item_id]
        else:
            items[item_id] = _without(d, "newly_created", "member")

    # People

    def _see(self, member: Json) -> None:
        """Remember a member with its user, who may be known already."""
        user = member["user"]
        self._see_user(user)
        self.members[user["id"]] = _without(member, "user", "guild_id", "permissions")

    def _see_user(self, user: Json) -> None:
        self._users[user["id"]] = self._users.get(user["id"], {}) | _without(user, "member")

    def guild_member_add(self, d: Json) -> None:
        if d["user"]["id"] in self.members:
            raise ValueError(f"{d['user']['id']} joins and is there")
        self._see(d)
        self.member_count += 1

    def guild_member_update(self, d: Json) -> None:
        self._see(d)

    def guild_member_remove(self, d: Json) -> None:
        del self.members[d["user"]["id"]]
        self.presences.pop(d["user"]["id"], None)
        self.member_count -= 1

    def guild_members_chunk(self, d: Json) -> None:
        for member in d["members"]:
            self._see(member)
        for presence in d.get("presences", ()):
            self.presence_update(presence)

    def presence_update(self, d: Json) -> None:
        user_id = d["user"]["id"]
        if user_id not in self.members:
            raise KeyError(user_id)
        self.presences.pop(user_id, None)
        if d["status"] != "offline":
            self.presences[user_id] = _without(d, "user", "guild_id")

    def _with_member(self, d: Json) -> None:
        self._see(d["member"])

    typing_start = message_reaction_add = interaction_create = _with_member

    # Roles, expressions, the guild itself

    def guild_role_create(self, d: Json) -> None:
        self._item("roles", "CREATE", d["role"])

    def guild_role_update(self, d: Json) -> None:
        self._item("roles", "UPDATE", d["role"])

    def guild_role_delete(self, d: Json) -> None:
        del self.items["roles"][d["role_id"]]
        for member in self.members.values():
            member["roles"] = [role for role in member["roles"] if role != d["role_id"]]

    def guild_update(self, d: Json) -> None:
        self.properties = _without(d, *_LISTS, *_PASSING)
        self._lists(d, "roles", "emojis", "stickers")

    def _lists(self, d: Json, *names: str) -> None:
        for name in names:
            self.items[name] = {one[_LISTS[name]]: dict(one) for one in d[name]}

    def guild_emojis_update(self, d: Json) -> None:
        self._lists(d, "emojis")

    def guild_stickers_update(self, d: Json) -> None:
        self._lists(d, "stickers")

    def guild_soundboard_sounds_update(self, d: Json) -> None:
        self._lists(d, "soundboard_sounds")

    soundboard_sounds = guild_soundboard_sounds_update

    def guild_scheduled_event_user_add(self, d: Json) -> None:
        self.items["guild_scheduled_events"][d["guild_scheduled_event_id"]]["user_count"] += 1

    def guild_scheduled_event_user_remove(self, d: Json) -> None:
        self.items["guild_scheduled_events"][d["guild_scheduled_event_id"]]["user_count"] -= 1

    # Channels and threads

    def _forget_threads(self, *parents: str) -> None:
        threads = self.items["threads"]
        for thread_id in [i for i, one in threads.items() if one["parent_id"] in parents]:
            del threads[thread_id]
            self.memberships.pop(thread_id, None)

    def channel_delete(self, d: Json) -> None:
        self._forget_threads(d["id"])
        planned = self.items["guild_scheduled_events"]
        for event_id in [i for i, one in planned.items() if one["channel_id"] == d["id"]]:
            del planned[event_id]

    def channel_update(self, d: Json) -> None:
        if self._hidden(d["id"]):  # of its threads nothing more is told
            self._forget_threads(d["id"])

    def _hidden(self, channel_id: Any) -> bool:
        """Whether an id is that of a channel that can't be viewed."""
        channel = self.items["channels"].get(channel_id)
        return channel is not None and bool(channel["flags"] & _OBFUSCATED)

    def _place(self, channel_id: str) -> Json:
        """A channel or a thread. KeyError: it is neither."""
        return self.items["threads"].get(channel_id) or self.items["channels"][channel_id]

    def channel_pins_update(self, d: Json) -> None:
        self._place(d["channel_id"])["last_pin_timestamp"] = d["last_pin_timestamp"]

    def voice_channel_status_update(self, d: Json) -> None:
        self.items["channels"][d["id"]]["status"] = d["status"]

    def channel_info(self, d: Json) -> None:
        for one in d["channels"]:
            self.items["channels"][one["id"]]["status"] = one["status"]

    def thread_create(self, d: Json) -> None:
        parent = self.items["channels"][d["parent_id"]]
        if d.get("newly_created") and parent["type"] == _FORUM:
            parent["last_message_id"] = d["id"]
        if "member" in d:
            self.memberships[d["id"]] = d["member"]

    def thread_delete(self, d: Json) -> None:
        self.memberships.pop(d["id"], None)

    def thread_list_sync(self, d: Json) -> None:
        self._forget_threads(*d["channel_ids"])
        self.items["threads"] |= {one["id"]: _without(one, "member") for one in d["threads"]}
        self.memberships |= {one["id"]: dict(one) for one in d["members"]}

    def thread_member_update(self, d: Json) -> None:
        if d["user_id"] != self._own_id:
            raise ValueError(f"THREAD_MEMBER_UPDATE of {d['user_id']}")
        self.memberships[d["id"]] = _without(d, "guild_id")

    def thread_members_update(self, d: Json) -> None:
        self.items["threads"][d["id"]]["member_count"] = d["member_count"]
        for one in d["added_members"]:
            self._see(one["member"])
            if one["user_id"] == self._own_id:
                self.memberships[d["id"]] = _without(one, "member", "presence")
        if self._own_id in d["removed_member_ids"]:
            del self.memberships[d["id"]]

    # Voice and messages

    def voice_state_update(self, d: Json) -> None:
        self._see(d["member"])
        if d["channel_id"] is None:
            del self.items["voice_states"][d["user_id"]]
        else:
            self.items["voice_states"][d["user_id"]] = _without(d, "guild_id", "member")

    def message_create(self, d: Json) -> None:
        self._place(d["channel_id"])["last_message_id"] = d["id"]
        self.message_update(d)

    def message_update(self, d: Json) -> None:
        """Remember who wrote, and who is mentioned, as the message shows them."""
        for user in (d["author"], d.get("referenced_message", d)["author"], *d["mentions"]):
            self._see_user(user)
        if "member" in d:
            self._see({"user": d["author"], **d["member"]})
        for user in d["mentions"]:
            if "member" in user:
                self._see({"user": _without(user, "member"), **user["member"]})
