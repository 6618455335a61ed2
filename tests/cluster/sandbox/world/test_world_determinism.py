"""Equal seeds and equal clocks make equal worlds, step for step."""

from __future__ import annotations

import random
from typing import Any

from cluster.discord.intents import ALL_INTENTS
from cluster.discord.limits import SNOWFLAKE_EPOCH_MS
from cluster.sandbox.catalogue import catalogue
from cluster.sandbox.world import World, WorldEvent
from cluster.sandbox.world.clock import WorldClock, created_ms, snowflake_at, timestamp
from cluster.sandbox.world.traffic import HANDLERS


def run(world: World) -> list[tuple[str, int | None, bytes, bytes | None]]:
    draw = random.Random(9)
    names = list(catalogue().events)
    events: list[WorldEvent] = []
    for _ in range(1_500):
        events += world.emit(draw.choice(names)) if draw.random() < 0.3 else [world.step()]
    return [(e.name, e.guild_id, e.data, e.redacted) for e in events]


def test_the_same_seed_makes_the_same_events(make_world: Any) -> None:
    assert run(make_world(seed=3)) == run(make_world(seed=3))
    assert run(make_world(seed=3))[:20] != run(make_world(seed=4))[:20]


def test_a_guild_is_the_same_whenever_it_is_first_looked_at(make_world: Any) -> None:
    one, other = make_world(), make_world()
    for _ in range(500):
        other.step()
    quiet = other.guild_ids(0, 1)[-1]
    first = one.guild_create(quiet, intents=int(ALL_INTENTS), large_threshold=250)
    fresh = make_world().guild_create(quiet, intents=int(ALL_INTENTS), large_threshold=250)
    assert first == fresh
    assert one.bot_user == other.bot_user


def test_ids_rise_also_when_the_clock_stands_still_or_goes_back() -> None:
    times = [100.0, 100.0, 100.0005, 99.0, 101.0, 101.0]
    seconds = iter(SNOWFLAKE_EPOCH_MS / 1000 + second for second in times)
    clock = WorldClock(lambda: next(seconds))
    ids = [clock.snowflake() for _ in times]
    assert ids == sorted(set(ids))
    assert created_ms(ids[0]) == SNOWFLAKE_EPOCH_MS + 100_000
    assert created_ms(ids[4]) == SNOWFLAKE_EPOCH_MS + 101_000


def test_snowflakes_and_timestamps() -> None:
    ms = 1_764_000_000_123
    assert created_ms(snowflake_at(ms, 5)) == ms
    assert timestamp(ms) == "2025-11-24T16:00:00.123000+00:00"
    assert WorldClock(lambda: ms / 1000).timestamp().decode() == timestamp(ms)


def test_what_is_remembered_is_bounded(make_world: Any) -> None:
    world = make_world(guilds=1, mix=dict.fromkeys(HANDLERS, 1.0))
    for _ in range(20_000):
        world.step()
    guild = world.guild(world.guild_ids(0, 1)[0])
    for name in guild.__slots__:
        held = getattr(guild, name)
        if hasattr(held, "__len__"):
            assert len(held) <= 150, name
    assert all(len(message.reactions or ()) <= 32 for message in guild.messages)
