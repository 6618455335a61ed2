"""What events change, against a plain model; and the store, against dicts."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.cache.kinds import LISTS, Keep, Kind
from cluster.cache.schema import pack_part
from cluster.cache.updates import updates
from cluster.discord.limits import shard_of_guild
from tests.cluster.cache.dict_parts import DictParts
from tests.cluster.cache.event_strategies import GUILDS, histories
from tests.cluster.cache.model import GAP, Model
from tests.cluster.cache.played import event, opened, position

Events = list[tuple[str, dict[str, Any]]]
kept = st.sets(st.sampled_from(Keep)).map(lambda some: frozenset({*some, Keep.GUILDS}))


def decoded(parts: DictParts, guild_id: str) -> dict[str, Any]:
    """A guild as the model has it."""
    state = parts.states[int(guild_id)]
    own = parts.part(int(guild_id), Kind.GUILD, int(guild_id))
    lists = {
        kind.value: {
            str(i): msgspec.json.decode(part) for i, part in parts.parts(int(guild_id), kind)
        }
        for kind in LISTS
    }
    return {
        "unavailable": state.unavailable,
        "known": state.known,
        "doubted": state.unknown_since_ns != 0,
        "count": state.member_count,
        "own": {} if own is None else msgspec.json.decode(own),
        "lists": lists,
    }


@settings(max_examples=100, deadline=None)
@given(histories, kept)
def test_updates_do_what_the_model_does(happened: Events, keep: frozenset[Keep]) -> None:
    parts, model, table = DictParts(keep), Model(keep), updates(keep)
    for name, d in happened:
        if name == GAP:
            parts.doubt(*d["shard"])
        elif name in table:
            table[name](parts, msgspec.json.encode(d))
        model.apply(name, copy.deepcopy(d))
    believed = {guild_id: decoded(parts, guild_id) for guild_id in map(str, parts.guild_ids())}
    assert believed == {guild_id: vars(guild) for guild_id, guild in model.guilds.items()}
    assert {key[0] for key in parts.all} <= set(parts.states), "parts of a guild that is not there"
    bot = None if parts.ready is None else msgspec.json.decode(parts.ready)
    assert bot == model.bot


@settings(max_examples=20, deadline=None)
@given(st.lists(histories, max_size=4), kept, st.integers(0, 5))
def test_the_store_holds_what_dicts_hold(
    turns: list[Events], keep: frozenset[Keep], reopened: int
) -> None:
    parts, table = DictParts(keep), updates(keep)
    with tempfile.TemporaryDirectory() as folder:
        store = opened(Path(folder), keep=keep, max_bytes=1 << 20)
        for number, happened in enumerate(turns, 1):
            with store.turn() as turn:
                for name, d in happened:
                    if name == GAP:
                        turn.doubt(d["shard"][0], d["shard"][1], 1)
                        parts.doubt(*d["shard"])
                        continue
                    data = msgspec.json.encode(d)
                    turn.apply(event(name, data, number, count=number))
                    if name in table:
                        table[name](parts, data)
                turn.position = position(number)
            if number == reopened:
                store.close()
                store = opened(Path(folder), keep=keep, max_bytes=1 << 20)
        with store.snapshot() as view:
            assert view.position == (position(len(turns)) if turns else None)
            assert view.own_id == parts.own_id
            assert {one.id: one.state for one in view.guilds()} == parts.states
            for one in view.guilds():
                assert one.shard_id == shard_of_guild(one.id, one.shard_count)
            held = {key: part for guild in GUILDS for key, part in view.keyed(_key(guild))}
            assert len(held) == len(parts.all)
            for (guild_id, kind, part_id), part in parts.all.items():
                assert held[pack_part(guild_id, kind.code, part_id)] == part
            for user_id, user in parts.users.items():
                found = view.user(user_id)
                assert found is not None
                assert found.raw == user
        store.close()


def _key(guild_id: str) -> bytes:
    return int(guild_id).to_bytes(8, "big")
