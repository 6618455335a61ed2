"""A guild as a client believes it to be that caches everything and knows only what events said."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
OBFUSCATED = 1 << 17


def by_id(items: list[Json], key: str = "id") -> dict[str, Json]:
    return {item[key]: item for item in items}


def plain(prefix: str, collection: str, key: str = "id") -> dict[str, tuple[str, str, str]]:
    """Events that make, change and delete one item of a collection."""
    actions = ("CREATE", "UPDATE", "DELETE")
    return {f"{prefix}_{action}": (action, collection, key) for action in actions}


PLAIN_EVENTS = {
    **plain("CHANNEL", "channels"),
    **plain("THREAD", "threads"),
    **plain("INVITE", "invites", "code"),
    **plain("GUILD_SOUNDBOARD_SOUND", "sounds", "sound_id"),
    **plain("GUILD_SCHEDULED_EVENT", "events"),
    **plain("STAGE_INSTANCE", "stages"),
    **plain("AUTO_MODERATION_RULE", "rules"),
    **plain("INTEGRATION", "integrations"),
    "THREAD_MEMBER_UPDATE": ("KNOWN", "threads", "id"),
    "THREAD_MEMBERS_UPDATE": ("KNOWN", "threads", "id"),
    "VOICE_CHANNEL_STATUS_UPDATE": ("KNOWN", "channels", "id"),
    "VOICE_CHANNEL_START_TIME_UPDATE": ("KNOWN", "channels", "id"),
}
"""Event name -> what it does to the model. Methods of GuildModel do the rest."""


OF_THE_GUILD = {
    "VOICE_STATE_UPDATE",
    *(
        f"{what}_{done}"
        for what in ("STAGE_INSTANCE", "GUILD_SCHEDULED_EVENT")
        for done in ("CREATE", "UPDATE", "DELETE")
    ),
    "AUTO_MODERATION_ACTION_EXECUTION",
    "INTERACTION_CREATE",
}
"""Events that name a channel and are heard of whoever can view it."""


class GuildModel:
    """One guild, as a client that caches everything would see it."""

    def __init__(self, d: Json) -> None:
        self.load(d)
        self.messages: dict[str, str] = {}
        self.reactions: set[tuple[str, str, str]] = set()
        self.votes: set[tuple[str, str, int]] = set()
        self.bans: set[str] = set()
        self.invites: dict[str, Json] = {}
        self.rules: dict[str, Json] = {}
        self.integrations: dict[str, Json] = {}
        self.there = True

    def load(self, d: Json) -> None:
        """Take what GUILD_CREATE says."""
        self.members = {m["user"]["id"]: m for m in d["members"]}
        self.roles = by_id(d["roles"])
        self.channels = by_id(d["channels"])
        self.threads = by_id(d["threads"])
        self.voice = by_id(d["voice_states"], "user_id")
        self.emojis = by_id(d["emojis"])
        self.stickers = by_id(d["stickers"])
        self.sounds = by_id(d["soundboard_sounds"], "sound_id")
        self.events = by_id(d["guild_scheduled_events"])
        self.stages = by_id(d["stage_instances"])
        assert d["member_count"] == len(self.members)

    def viewed(self) -> set[str]:
        """The channels and threads that the bot can view: of no other it hears anything."""
        viewed = {i for i, channel in self.channels.items() if not channel["flags"] & OBFUSCATED}
        return {*viewed, *self.threads}

    def apply(self, name: str, d: Any) -> None:
        """Take one event; AssertionError or KeyError when it refers to what is not known."""
        if name == "GUILD_CREATE":
            self.there = True
            self.load(d)
            return
        assert self.there, f"{name} while the guild is not available"
        known = {*self.channels, *self.threads} if name in OF_THE_GUILD else self.viewed()
        if isinstance(d, dict):
            if d.get("channel_id") is not None:
                assert d["channel_id"] in known, name
            if "user_id" in d and name not in ("MESSAGE_REACTION_REMOVE", "VOICE_STATE_UPDATE"):
                assert d["user_id"] in self.members or "POLL_VOTE_REMOVE" in name, name
        if name in PLAIN_EVENTS:
            self.apply_plain(*PLAIN_EVENTS[name], d)
        handle = getattr(self, name.lower(), None)
        if handle is not None:
            handle(d)

    def apply_plain(self, action: str, collection: str, key: str, d: Json) -> None:
        items: dict[str, Json] = getattr(self, collection)
        assert (d[key] in items) == (action != "CREATE"), (action, collection)
        if action == "DELETE":
            del items[d[key]]
        elif action != "KNOWN":
            items[d[key]] = d

    def guild_delete(self, d: Json) -> None:
        assert d["unavailable"] is True
        self.there = False

    def presence_update(self, d: Json) -> None:
        assert d["user"]["id"] in self.members

    def guild_member_add(self, d: Json) -> None:
        assert d["user"]["id"] not in self.members
        self.members[d["user"]["id"]] = {k: v for k, v in d.items() if k != "guild_id"}

    def guild_member_update(self, d: Json) -> None:
        assert d["user"]["id"] in self.members
        assert set(d["roles"]) <= set(self.roles)
        self.members[d["user"]["id"]] = {k: v for k, v in d.items() if k != "guild_id"}

    def guild_member_remove(self, d: Json) -> None:
        del self.members[d["user"]["id"]]
        assert d["user"]["id"] not in self.voice

    def guild_ban_add(self, d: Json) -> None:
        assert d["user"]["id"] in self.members
        self.bans.add(d["user"]["id"])

    def guild_ban_remove(self, d: Json) -> None:
        self.bans.remove(d["user"]["id"])

    def guild_role_create(self, d: Json) -> None:
        assert d["role"]["id"] not in self.roles
        self.roles[d["role"]["id"]] = d["role"]

    def guild_role_update(self, d: Json) -> None:
        assert d["role"]["id"] in self.roles
        self.roles[d["role"]["id"]] = d["role"]

    def guild_role_delete(self, d: Json) -> None:
        del self.roles[d["role_id"]]
        for member in self.members.values():
            member["roles"] = [r for r in member["roles"] if r != d["role_id"]]

    def channel_pins_update(self, d: Json) -> None:
        self.channels[d["channel_id"]]["last_pin_timestamp"] = d["last_pin_timestamp"]

    def voice_channel_status_update(self, d: Json) -> None:
        self.channels[d["id"]]["status"] = d["status"]

    def channel_update(self, d: Json) -> None:
        if d["flags"] & OBFUSCATED:
            # Of its threads nothing more is heard, until THREAD_LIST_SYNC brings those of then.
            self.threads = {i: t for i, t in self.threads.items() if t["parent_id"] != d["id"]}

    def channel_delete(self, d: Json) -> None:
        assert d["id"] not in [state["channel_id"] for state in self.voice.values()]
        for thread in [t for t in self.threads.values() if t["parent_id"] == d["id"]]:
            del self.threads[thread["id"]]
        self.events = {i: e for i, e in self.events.items() if e["channel_id"] != d["id"]}

    def thread_create(self, d: Json) -> None:
        assert d["parent_id"] in self.channels
        assert d.pop("newly_created") is True

    def thread_members_update(self, d: Json) -> None:
        assert {m["user_id"] for m in d["added_members"]} <= set(self.members)

    def thread_list_sync(self, d: Json) -> None:
        kept = {i: t for i, t in self.threads.items() if t["parent_id"] not in d["channel_ids"]}
        self.threads = kept | by_id(d["threads"])

    def guild_emojis_update(self, d: Json) -> None:
        self.emojis = by_id(d["emojis"])

    def guild_stickers_update(self, d: Json) -> None:
        self.stickers = by_id(d["stickers"])

    def guild_soundboard_sounds_update(self, d: Json) -> None:
        self.sounds = by_id(d["soundboard_sounds"], "sound_id")

    def guild_scheduled_event_user_add(self, d: Json) -> None:
        self.events[d["guild_scheduled_event_id"]]["user_count"] += 1

    def guild_scheduled_event_user_remove(self, d: Json) -> None:
        self.events[d["guild_scheduled_event_id"]]["user_count"] -= 1

    def stage_instance_create(self, d: Json) -> None:
        assert list(self.stages) == [d["id"]]

    def voice_state_update(self, d: Json) -> None:
        assert d["user_id"] in self.members
        if d["channel_id"] is None:
            del self.voice[d["user_id"]]
        else:
            shown = {k: v for k, v in d.items() if k not in ("member", "guild_id")}
            self.voice[d["user_id"]] = shown

    def voice_server_update(self, d: Json) -> None:
        assert any(self.members[user_id]["user"]["bot"] for user_id in self.voice)

    def voice_channel_effect_send(self, d: Json) -> None:
        assert self.voice[d["user_id"]]["channel_id"] == d["channel_id"]

    def auto_moderation_action_execution(self, d: Json) -> None:
        assert d["rule_id"] in self.rules

    def message_create(self, d: Json) -> None:
        assert d["id"] not in self.messages
        assert d["author"]["id"] in self.members
        assert d["member"] == self.author_of(d)
        reference = d.get("message_reference")
        if reference is not None:
            assert self.messages[reference["message_id"]] == d["channel_id"]
            assert "member" not in d.get("referenced_message", {})
        self.messages[d["id"]] = d["channel_id"]

    def author_of(self, d: Json) -> Json | None:
        """The member that a message's event shows; None for an author who left."""
        member = self.members.get(d["author"]["id"])
        return None if member is None else {k: v for k, v in member.items() if k != "user"}

    def message_update(self, d: Json) -> None:
        assert self.messages[d["id"]] == d["channel_id"]
        assert d["edited_timestamp"] is not None
        assert d.get("member") == self.author_of(d)
        assert "member" not in d.get("referenced_message", {})

    def message_delete(self, d: Json) -> None:
        assert self.messages.pop(d["id"]) == d["channel_id"]

    def message_delete_bulk(self, d: Json) -> None:
        for message_id in d["ids"]:
            assert self.messages.pop(message_id) == d["channel_id"]

    def message_reaction_add(self, d: Json) -> None:
        reaction = (d["message_id"], d["user_id"], json.dumps(d["emoji"]))
        assert d["message_id"] in self.messages
        assert reaction not in self.reactions
        self.reactions.add(reaction)

    def message_reaction_remove(self, d: Json) -> None:
        assert d["message_id"] in self.messages
        self.reactions.remove((d["message_id"], d["user_id"], json.dumps(d["emoji"])))

    def message_reaction_remove_emoji(self, d: Json) -> None:
        emoji = json.dumps(d["emoji"]) if "emoji" in d else None
        reactions = {r for r in self.reactions if r[0] == d["message_id"]}
        gone = {r for r in reactions if emoji in (None, r[2])}
        assert gone
        self.reactions -= gone

    message_reaction_remove_all = message_reaction_remove_emoji

    def message_poll_vote_add(self, d: Json) -> None:
        vote = (d["message_id"], d["user_id"], d["answer_id"])
        assert vote not in self.votes
        assert d["message_id"] in self.messages
        self.votes.add(vote)

    def message_poll_vote_remove(self, d: Json) -> None:
        self.votes.remove((d["message_id"], d["user_id"], d["answer_id"]))
