"""What a session sees is what the sandbox would have dispatched to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cluster.discord.event_intents import DIRECT_INTENTS, GUILD_INTENTS
from cluster.discord.intents import ALL_INTENTS, Intents
from cluster.discord.limits import shard_of_guild
from cluster.proxy.interfaces import ANSWERS
from cluster.proxy.view.known_guilds import KnownGuilds
from cluster.proxy.view.session_view import SessionView, tail_of
from cluster.sandbox.world import World, WorldEvent
from tests.cluster.proxy.view.events import entry_of, identify
from tests.cluster.sandbox.world.worlds import MakeWorld

OWN = 424242424242
ALL = int(ALL_INTENTS)


def everything(world: World) -> Iterator[WorldEvent]:
    """Yield events of each kind that a bot hears of, in guilds and direct ones."""
    for name in sorted({*GUILD_INTENTS, "INTERACTION_CREATE", "ENTITLEMENT_CREATE"}):
        for _ in range(3):
            yield from world.emit(name)
    for name in sorted(DIRECT_INTENTS):
        if name in ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "TYPING_START"):
            yield from world.emit_direct(name)
    for _ in range(300):
        yield world.step()


def dispatched(event: WorldEvent, intents: int, shard: tuple[int, int]) -> bytes | None:
    """Return what the sandbox's dispatcher gives a session of an event, but for GUILD_CREATE."""
    shard_id, count = shard
    if event.unseen or event.name in ANSWERS:
        return None
    at = 0 if event.guild_id is None else shard_of_guild(event.guild_id, count)
    if at != shard_id or (event.intents and not event.intents & intents):
        return None
    if event.redacted is not None and not intents & Intents.MESSAGE_CONTENT:
        return event.redacted
    return event.data


def without_answered(tail: bytes) -> Any:
    """Read ``d`` out of a tail, without the answered message: the sandbox redacts that whole."""
    d = json.loads(tail.removeprefix(b',"op":0,"d":')[:-1])
    d.pop("referenced_message", None)
    return d


INTENT_SETS = [
    0,
    ALL,
    *(int(intent) for intent in Intents),
    *(ALL & ~int(intent) for intent in Intents),
    int(Intents.GUILDS | Intents.GUILD_MESSAGES | Intents.DIRECT_MESSAGES),
]


def test_a_session_gets_what_the_sandbox_would_dispatch(make_world: MakeWorld) -> None:
    world = make_world()
    own_id = int(world.bot_user["id"])
    shards = [(0, 1), (0, 2), (1, 2), (2, 3), (1, 4)]
    views = [
        (intents, shard, SessionView(identify(
            intents=intents, shard_id=shard[0], shard_count=shard[1]),
         KnownGuilds(own_id)))
        for intents in INTENT_SETS
        for shard in shards
    ]  # fmt: skip
    seen = {name: set[bool]() for name in GUILD_INTENTS}
    answers = 0
    for event in everything(world):
        if event.unseen or event.name in ("GUILD_CREATE", "GUILD_DELETE"):
            continue
        shared = entry_of(event, 2)
        for intents, shard, view in views:
            data = dispatched(event, intents, shard)
            tail, wanted = view.see(shared), None if data is None else tail_of(data)
            if tail != wanted:
                assert tail is not None, (event, intents, shard)
                assert wanted is not None, (event, intents, shard)
                assert b'"referenced_message"' in tail
                assert without_answered(tail) == without_answered(wanted)
                answers += 1
            seen.setdefault(event.name, set()).add(tail is not None)
    assert answers
    assert {name for name, both in seen.items() if len(both) < 2} == {
        *("GUILD_CREATE", "GUILD_DELETE"),
        *ANSWERS,
    } & {*seen}
