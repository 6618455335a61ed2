"""The cache shows each guild as the sandbox's world would to a session that begins now."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from cluster.cache.kinds import Keep
from cluster.discord.intents import Intents
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world import World
from tests.cluster.cache.played import ALL, Played, by_id, event, opened
from tests.follower.differences import differences
from tests.follower.mix import OLD_MESSAGES, every_event

_NO_PRESENCES = (ALL & ~Intents.GUILD_PRESENCES, Intents.GUILDS)
_INTENTS = (ALL, ALL & ~Intents.GUILD_MEMBERS, *_NO_PRESENCES)


def wrong(played: Played, all_intents: tuple[int, ...] = _INTENTS) -> list[str]:
    """Where the cache and the world differ."""
    found: list[str] = []
    with played.store.snapshot() as view:
        for guild_id in played.guild_ids:
            for intents, threshold in itertools.product(all_intents, (8, 50, 250)):
                shown = view.guild_create(guild_id, int(intents), threshold)
                if played.world.guild(guild_id).unavailable:
                    assert shown is None
                    assert view.is_unavailable(guild_id)
                    continue
                assert shown is not None
                true = played.world.guild_create(
                    guild_id, intents=int(intents), large_threshold=threshold
                )
                places = differences(by_id(shown), by_id(true))
                found += [f"{guild_id}, {intents!r}, {threshold}: {one}" for one in places]
    return found


@pytest.mark.parametrize(
    ("mix", "options"),
    [
        (every_event(1.0), {"guilds": 4, "members_per_guild": 12}),
        (every_event(0.0), {"guilds": 1, "members_per_guild": 40}),
        (every_event(0.2), {"guilds": 2, "members_per_guild": 1, "channels_per_guild": 1}),
        (OLD_MESSAGES, {"guilds": 1, "members_per_guild": 12}),
    ],
    ids=["outages", "no outage", "next to nobody", "old messages"],
)
def test_guild_create_is_the_worlds(
    tmp_path: Path, mix: dict[str, float], options: dict[str, Any]
) -> None:
    clock = itertools.count()
    world = World(SandboxOptions(seed=7, mix=mix, **options), now=lambda: 1.75e9 + next(clock) / 10)
    store = opened(tmp_path)
    played = Played(world, store)
    played.begin()
    draw = random.Random(5)
    for _ in range(12):
        played.play(draw.randrange(1, 300))
        assert wrong(played)[:5] == []
    assert not store.unfit
    store.close()


@pytest.mark.parametrize("keep", [(Keep.GUILDS,), (Keep.GUILDS, Keep.MEMBERS)])
def test_without_others_it_is_what_a_session_without_presences_gets(
    tmp_path: Path, keep: tuple[Keep, ...]
) -> None:
    clock = itertools.count()
    options = SandboxOptions(seed=8, mix=every_event(0.5), guilds=2, members_per_guild=12)
    world = World(options, now=lambda: 1.75e9 + next(clock) / 10)
    store = opened(tmp_path, keep=keep)
    played = Played(world, store)
    played.begin()
    for _ in range(8):
        played.play(250)
        assert wrong(played, _NO_PRESENCES)[:5] == []
    with store.snapshot() as view:
        assert not any(view.presences(guild_id) for guild_id in played.guild_ids)
    store.close()


def test_a_new_shard_count_does_not_set_a_guild_back(tmp_path: Path) -> None:
    """Its sessions tell of the guilds as they were when they identified; a Subscriber gives that
    out when the old count is over, without the events since, which the old one has told."""
    clock = itertools.count()
    options = SandboxOptions(seed=7, mix=every_event(0.0), guilds=2, members_per_guild=12)
    world = World(options, now=lambda: 1.75e9 + next(clock) / 10)
    store = opened(tmp_path)
    played = Played(world, store)
    played.begin()
    older = [world.guild_create(i, intents=ALL, large_threshold=250) for i in played.guild_ids]
    played.play(300)
    readies = [
        world.ready(
            session_id="", resume_gateway_url="", shard=(shard, 2), version=10, intents=ALL
        ).replace(b'"guilds":[', b'"guilds":[],"_":[')
        for shard in range(2)
    ]
    with store.turn() as turn:
        for shard, ready in enumerate(readies):
            turn.apply(event("READY", ready, 1, shard, 2))
        for made in older:
            turn.apply(event("GUILD_CREATE", made, 2, 0, 2))
    assert wrong(played) == []
    with store.turn() as turn:
        turn.doubt(0, 1, 1)
        turn.apply(event("GUILD_CREATE", older[0], 3, 0, 2))
    assert wrong(played)
    with store.turn() as turn:
        turn.doubt(0, 1, 1)
        for shard, ready in enumerate(readies):
            turn.apply(event("READY", ready, 4, shard, 2))
    with store.snapshot() as view:
        assert view.guild_ids() == []
    store.close()
