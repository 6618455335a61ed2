"""How a session begins, beside the READY and the GUILD_CREATEs of a sandbox's world."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.discord.intents import ALL_INTENTS, Intents
from cluster.discord.limits import shard_of_guild
from cluster.proxy.refusal import Refused
from cluster.proxy.view.views import Views
from cluster.sandbox.world import World
from tests.cluster.cache.played import Played, by_id, opened
from tests.cluster.proxy.view.events import entry, identify
from tests.cluster.sandbox.world.worlds import MakeWorld

ALL = int(ALL_INTENTS)
OF_SESSION = ("_trace", "guilds", "resume_gateway_url", "session_id", "shard")


class WorldSnapshot:
    """A cache that knows a world as it is at this moment."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.own_id = int(world.bot_user["id"])
        self.gone = set[int]()
        self.old = set[int]()
        """Guilds of which events were missed."""

    def bot(self) -> Any:
        data = self._world.ready(
            session_id="", resume_gateway_url="", shard=(3, 4), version=10, intents=0
        )
        fields = {key: value for key, value in json.loads(data).items() if key not in OF_SESSION}
        return SimpleNamespace(raw=json.dumps(fields).encode())

    def guild_ids(self) -> list[int]:
        return [one for one in self._world.guild_ids(0, 1) if one not in self.gone]

    def is_unavailable(self, guild_id: int) -> bool:
        return not self._world.available(guild_id)

    def is_doubtful(self, guild_id: int) -> bool:
        return guild_id in self.old

    def guild_state(self, guild_id: int) -> object | None:
        return None if guild_id in self.gone else self

    def guild_create(self, guild_id: int, intents: int, large_threshold: int) -> bytes | None:
        if guild_id in self.gone or not self._world.available(guild_id):
            return None
        return self._world.guild_create(guild_id, intents=intents, large_threshold=large_threshold)


@pytest.mark.parametrize("shard", [(0, 1), (0, 2), (1, 2), (2, 7)])
@pytest.mark.parametrize("with_shard", [True, False])
@pytest.mark.parametrize("version", [9, 10])
def test_ready_is_what_the_sandbox_says(
    world: World, shard: tuple[int, int], with_shard: bool, version: int
) -> None:
    asked = identify(
        shard_id=shard[0], shard_count=shard[1], with_shard=with_shard, version=version,
        url="ws://127.0.0.1:7320",
    )  # fmt: skip
    found = json.loads(Views().begin(asked, "abc", WorldSnapshot(world)).ready)
    wanted = json.loads(
        world.ready(
            session_id="abc", resume_gateway_url="ws://127.0.0.1:7320", shard=shard,
            version=version, intents=ALL,
        )
    )  # fmt: skip
    if not with_shard:
        del wanted["shard"]
    assert found.pop("_trace") == ["dcgw-cluster"]
    del wanted["_trace"]
    assert found == wanted


@pytest.mark.parametrize("intents", [ALL, int(Intents.GUILDS)])
def test_it_is_told_of_the_guilds_of_its_shard(make_world: MakeWorld, intents: int) -> None:
    world = make_world(guilds=12)
    views, snapshot = Views(), WorldSnapshot(world)
    told = list[int]()
    for shard_id in range(3):
        asked = identify(shard_id=shard_id, shard_count=3, intents=intents)
        beginning = views.begin(asked, "abc", snapshot)
        assert {shard_of_guild(guild_id, 3) for guild_id in beginning.guilds} <= {shard_id}
        for guild_id in beginning.guilds:
            data = world.guild_create(guild_id, intents=intents, large_threshold=50)
            assert views.told(asked, snapshot, guild_id) == ("GUILD_CREATE", data)
            assert beginning.view.see(entry("GUILD_CREATE", data, shard_id, 3)) is None
        told += beginning.guilds
    assert sorted(told) == sorted(world.guild_ids(0, 1))


def test_a_guild_in_an_outage_is_told_of_as_such_and_comes_later(world: World) -> None:
    guild_id = world.guild_ids(0, 1)[2]
    list(world.emit("GUILD_DELETE", guild_id=guild_id))
    views, snapshot, asked = Views(), WorldSnapshot(world), identify()
    beginning = views.begin(asked, "abc", snapshot)
    assert guild_id in beginning.guilds
    d = b'{"id":"%d","unavailable":true}' % guild_id
    assert views.told(asked, snapshot, guild_id) == ("GUILD_DELETE", d)
    assert beginning.view.see(entry("GUILD_DELETE", d)) is None
    (back,) = world.emit("GUILD_CREATE", guild_id=guild_id)
    assert beginning.view.see(entry(back.name, back.data))


def test_a_guild_that_has_gone_meanwhile_is_not_told_of(world: World) -> None:
    views, snapshot = Views(), WorldSnapshot(world)
    guild_id = views.begin(identify(), "abc", snapshot).guilds[0]
    snapshot.gone.add(guild_id)
    assert views.told(identify(), snapshot, guild_id) is None


def test_without_the_guilds_intent_none_is_told_of_and_all_are_listed(world: World) -> None:
    beginning = Views().begin(identify(intents=0), "abc", WorldSnapshot(world))
    assert beginning.guilds == []
    listed = [int(guild["id"]) for guild in json.loads(beginning.ready)["guilds"]]
    assert listed == world.guild_ids(0, 1)


def test_an_heirs_member_counts_come_out_right(world: World) -> None:
    views, snapshot = Views(), WorldSnapshot(world)
    guild_id = world.guild_ids(0, 1)[0]
    whole = json.loads(world.guild_create(guild_id, intents=ALL, large_threshold=50))
    told = views.told(identify(), snapshot, guild_id, joins=2)
    assert told is not None
    assert json.loads(told[1]) == whole | {"member_count": whole["member_count"] - 2}


def test_an_heir_is_told_again_of_what_its_predecessor_did_not_know(world: World) -> None:
    views, snapshot = Views(), WorldSnapshot(world)
    first, *_, last = world.guild_ids(0, 1)
    snapshot.gone.add(last)
    before = views.begin(identify(), "abc", snapshot).view.state
    snapshot.gone.clear()
    heir = views.begin(identify(), "def", snapshot, before=before).view
    shown = world.guild_create(first, intents=ALL, large_threshold=50)
    joined = world.guild_create(last, intents=ALL, large_threshold=50)
    assert heir.see(entry("GUILD_CREATE", shown)) is None
    assert heir.see(entry("GUILD_CREATE", joined))


def test_what_the_cache_has_missed_of_a_guild_comes_with_its_next_guild_create(
    world: World,
) -> None:
    views, snapshot = Views(), WorldSnapshot(world)
    first, *_, last = world.guild_ids(0, 1)
    snapshot.old.add(first)
    view = views.begin(identify(), "abc", snapshot).view
    known = entry("GUILD_CREATE", world.guild_create(last, intents=ALL, large_threshold=50))
    missed = entry("GUILD_CREATE", world.guild_create(first, intents=ALL, large_threshold=50))
    assert view.see(known) is None
    assert view.see(missed)
    assert view.see(missed) is None


def test_a_view_goes_on_from_what_another_has_learnt(world: World) -> None:
    views = Views()
    view = views.begin(identify(), "abc", WorldSnapshot(world)).view
    again = views.go_on(identify(), view.state)
    assert again.state == view.state
    assert again.see(entry("GUILD_UPDATE", b'{"id":"1"}'))
    with pytest.raises(ValueError, match="no state"):
        views.go_on(identify(), b"rubbish")


def test_before_the_first_ready_nobody_begins(world: World) -> None:
    snapshot = WorldSnapshot(world)
    snapshot.bot = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Refused) as refused:
        Views().begin(identify(), "abc", snapshot)
    assert refused.value.code == 4000


def test_a_damaged_state_of_a_predecessor_costs_no_guild(world: World) -> None:
    guild_id = world.guild_ids(0, 1)[0]
    view = Views().begin(identify(), "abc", WorldSnapshot(world), before=b"rubbish").view
    shown = entry("GUILD_CREATE", world.guild_create(guild_id, intents=ALL, large_threshold=50))
    assert view.see(shown)
    assert view.see(shown) is None


def test_the_caches_snapshot_is_one(world: World, tmp_path: Path) -> None:
    store = opened(tmp_path)
    views = Views()
    with store.snapshot() as snapshot, pytest.raises(Refused):
        views.begin(identify(), "abc", snapshot)
    played = Played(world, store)
    played.begin()
    with store.snapshot() as snapshot:
        beginning = views.begin(identify(), "abc", snapshot)
        assert beginning.guilds == sorted(played.guild_ids)
        assert json.loads(beginning.ready)["user"] == world.bot_user
        for guild_id in beginning.guilds:
            told = views.told(identify(), snapshot, guild_id)
            true = world.guild_create(guild_id, intents=ALL, large_threshold=50)
            assert told is not None
            assert by_id(told[1]) == by_id(true)
        assert views.told(identify(), snapshot, 1) is None
    with store.turn() as turn:
        turn.doubt(0, 1, now_ns=7)
    with store.snapshot() as snapshot:
        view = views.begin(identify(), "def", snapshot).view
        assert view.see(entry("GUILD_CREATE", true))
    store.close()
