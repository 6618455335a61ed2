"""A long run is replayed into a model that knows only what the events said.

Nothing may refer to what the model does not know, and at the end GUILD_CREATE must show what the
model has come to believe.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox.catalogue import catalogue
from cluster.sandbox.options import DEFAULT_MIX
from cluster.sandbox.world import World
from cluster.sandbox.world.traffic import HANDLERS

Json = dict[str, Any]
SENT_BY_HAND = [name for name in HANDLERS if name not in ("GUILD_CREATE", "RESUMED")]


def by_id(items: list[Json], key: str = "id") -> dict[str, Json]:
    return {item[key]: item for item in items}


def plain(prefix: str, collection: str, key: str = "id") -> dict[str, tuple[str, str, str]]:
    """Events that make, change and delete one item of a collection."""
    actions = ("CREATE", "UPDATE", "DELETE")
    return {f"{prefix}_{action}": (action, collection, key) for action in actions}


PLAIN = {
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
"""Event name -> what it does to the model. Methods of Model do the rest."""


class Model:
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

    def places(self) -> set[str]:
        return {*self.channels, *self.threads}

    def apply(self, name: str, d: Any) -> None:
        """Take one event; AssertionError or KeyError when it refers to what is not known."""
        if name == "GUILD_CREATE":
            self.there = True
            self.load(d)
            return
        assert self.there, f"{name} while the guild is not available"
        known = self.places()
        if isinstance(d, dict):
            if d.get("channel_id") is not None:
                assert d["channel_id"] in known, name
            if "user_id" in d and name not in ("MESSAGE_REACTION_REMOVE", "VOICE_STATE_UPDATE"):
                assert d["user_id"] in self.members or "POLL_VOTE_REMOVE" in name, name
        if name in PLAIN:
            self.apply_plain(*PLAIN[name], d)
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
        assert d["user"]["id"] not in self.members
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

    def channel_delete(self, d: Json) -> None:
        assert d["id"] not in [state["channel_id"] for state in self.voice.values()]
        for thread in [t for t in self.threads.values() if t["parent_id"] == d["id"]]:
            del self.threads[thread["id"]]

    def thread_create(self, d: Json) -> None:
        assert d["parent_id"] in self.channels
        assert d.pop("newly_created") is True

    def thread_members_update(self, d: Json) -> None:
        assert {m["user_id"] for m in d["added_members"]} <= set(self.members)

    def thread_list_sync(self, d: Json) -> None:
        assert {thread["id"] for thread in d["threads"]} <= set(self.threads)

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


class Watcher:
    """Feeds every event to the model of its guild."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.models = {guild_id: Model(self.shown(guild_id)) for guild_id in world.guild_ids(0, 1)}

    def shown(self, guild_id: int) -> Json:
        data = self.world.guild_create(guild_id, intents=int(ALL_INTENTS), large_threshold=10**6)
        shown: Json = json.loads(data)
        return shown

    def watch(self, name: str, guild_id: int | None, data: bytes) -> None:
        if name == "USER_UPDATE":
            bot = json.loads(data)
            for model in self.models.values():
                model.members[bot["id"]]["user"]["avatar"] = bot["avatar"]
        if guild_id is not None:
            self.models[guild_id].apply(name, json.loads(data))

    def compare(self) -> None:
        """GUILD_CREATE shows what the model believes, once nothing is left to follow."""
        for event in self.world.emit("WEBHOOKS_UPDATE"):
            self.watch(event.name, event.guild_id, event.data)
        for guild_id, model in self.models.items():
            believed, shown = vars(model).copy(), Model(self.shown(guild_id))
            assert believed["members"] == shown.members
            assert believed["roles"] == shown.roles
            assert believed["voice"] == shown.voice
            for name in ("emojis", "stickers", "sounds", "events", "stages"):
                assert believed[name] == getattr(shown, name), name
            for name in ("channels", "threads"):
                # Last messages and counts of members change by other events than theirs.
                assert believed[name].keys() == getattr(shown, name).keys(), name
            assert {i: c.get("topic") for i, c in model.channels.items()} == {
                i: c.get("topic") for i, c in shown.channels.items()
            }


@pytest.mark.parametrize("seed", [1, 2])
def test_the_default_mix_is_consistent(make_world: Any, seed: int) -> None:
    world = make_world(
        seed=seed, mix=DEFAULT_MIX | {"GUILD_MEMBER_ADD": 5, "GUILD_MEMBER_REMOVE": 5}
    )
    watcher = Watcher(world)
    names: dict[str, int] = {}
    for _ in range(8_000):
        event = world.step()
        names[event.name] = names.get(event.name, 0) + 1
        watcher.watch(event.name, event.guild_id, event.data)
    watcher.compare()
    for name in ("MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_REACTION_ADD", "GUILD_MEMBER_ADD"):
        assert names[name] > 20, names


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_at_once_is_consistent(make_world: Any, seed: int) -> None:
    world = make_world(seed=seed, guilds=2, mix=dict.fromkeys(SENT_BY_HAND, 1.0))
    watcher = Watcher(world)
    seen = set()
    for _ in range(8_000):
        event = world.step()
        seen.add(event.name)
        watcher.watch(event.name, event.guild_id, event.data)
    watcher.compare()
    assert seen >= set(SENT_BY_HAND)


def test_events_on_request_are_consistent_with_the_traffic_between(make_world: Any) -> None:
    world = make_world(
        guilds=2, mix={"MESSAGE_DELETE": 1.0, "GUILD_DELETE": 0.2, "TYPING_START": 3}
    )
    watcher = Watcher(world)
    draw = random.Random(4)
    names = list(catalogue().events)
    for _ in range(3_000):
        events = [world.step()] if draw.random() < 0.5 else world.emit(draw.choice(names))
        for event in events:
            watcher.watch(event.name, event.guild_id, event.data)
    watcher.compare()


@pytest.mark.parametrize(
    "options",
    [
        {"channels_per_guild": 1, "members_per_guild": 1, "roles_per_guild": 1},
        {"channels_per_guild": 2, "members_per_guild": 2, "roles_per_guild": 2},
        {"channels_per_guild": 30, "members_per_guild": 50, "roles_per_guild": 20},
    ],
)
def test_the_smallest_and_larger_worlds_are_consistent(
    make_world: Any, options: dict[str, int]
) -> None:
    world = make_world(guilds=1, mix=dict.fromkeys(SENT_BY_HAND, 1.0), **options)
    watcher = Watcher(world)
    for _ in range(3_000):
        event = world.step()
        watcher.watch(event.name, event.guild_id, event.data)
    watcher.compare()
