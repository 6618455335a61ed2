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
from cluster.sandbox.world import World, WorldEvent
from cluster.sandbox.world.traffic import HANDLERS
from tests.cluster.sandbox.world.guild_model import GuildModel, Json

SENT_BY_HAND = [name for name in HANDLERS if name not in ("GUILD_CREATE", "RESUMED")]


class Watcher:
    """Feeds every event to the model of its guild."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.models = {
            guild_id: GuildModel(self.shown(guild_id)) for guild_id in world.guild_ids(0, 1)
        }

    def shown(self, guild_id: int) -> Json:
        data = self.world.guild_create(guild_id, intents=int(ALL_INTENTS), large_threshold=10**6)
        shown: Json = json.loads(data)
        return shown

    def watch(self, event: WorldEvent) -> None:
        name, guild_id, data = event.name, event.guild_id, event.data
        if event.unseen:
            return
        if name == "USER_UPDATE":
            bot = json.loads(data)
            for model in self.models.values():
                model.members[bot["id"]]["user"]["avatar"] = bot["avatar"]
        if guild_id is not None:
            self.models[guild_id].apply(name, json.loads(data))

    def compare(self) -> None:
        """GUILD_CREATE shows what the model believes, once nothing is left to follow."""
        for event in self.world.emit("WEBHOOKS_UPDATE"):
            self.watch(event)
        for guild_id, model in self.models.items():
            believed, shown = vars(model).copy(), GuildModel(self.shown(guild_id))
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
        watcher.watch(event)
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
        watcher.watch(event)
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
            watcher.watch(event)
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
        watcher.watch(event)
    watcher.compare()
