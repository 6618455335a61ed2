"""What is asked of the cache, and the pages that answer it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cluster.cache import answers
from cluster.cache.answers import answer
from cluster.cache.kinds import Kind
from cluster.errors import ClusterError
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world import World
from cluster.wire.cache import CacheAsk, CachePage
from tests.cluster.cache.played import Played, opened


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    store = opened(tmp_path / "cache")
    made = Played(World(SandboxOptions(guilds=3), now=lambda: 1e9), store)
    made.begin()
    yield made
    store.close()


def bot_id(played: Played) -> int:
    with played.store.snapshot() as view:
        return view.own_id


def ask(played: Played, **what: object) -> CachePage:
    """Ask, by way of bytes."""
    asked = msgspec.convert(msgspec.structs.asdict(CacheAsk(**what)), CacheAsk)  # type: ignore[arg-type]
    with played.store.snapshot() as view:
        page = answer(view, asked)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(page), type=CachePage)


def test_the_position_and_the_bot(played: Played, tmp_path: Path) -> None:
    page = ask(played, what="position")
    assert page.position is not None
    assert page.position.plain() == played.store.position
    (bot,) = ask(played, what="bot").parts
    assert json.loads(bot)["user"]["id"] == str(bot_id(played))
    empty = Played(played.world, opened(tmp_path / "other"))
    assert ask(empty, what="position").position is None
    assert ask(empty, what="bot").parts == []
    empty.store.close()


def test_parts_are_those_of_the_cache_page_by_page(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PAGE_ITEMS", 3)
    guild = played.guild_ids[0]
    found: list[bytes] = []
    pages, last = 0, 0
    while True:
        page = ask(played, what="parts", guild=guild, kind="channels", id=last)
        assert page.guild is not None
        assert len(page.parts) == len(page.ids) <= 3
        found += page.parts
        pages += 1
        if not page.more:
            break
        last = page.ids[-1]
    with played.store.snapshot() as view:
        assert found == [part.raw for part in view.channels(guild)]
    assert pages == -(-len(found) // 3) > 1


def test_a_page_is_bounded_in_bytes_and_has_a_part_at_least(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PAGE_BYTES", 1)
    page = ask(played, what="parts", guild=played.guild_ids[0], kind="roles")
    assert len(page.parts) == 1
    assert page.more
    with played.store.snapshot() as view:
        first, second, *_ = (len(role.raw) for role in view.roles(played.guild_ids[0]))
    for most, parts in ((first + second, 2), (first + second - 1, 1)):
        monkeypatch.setattr(answers, "PAGE_BYTES", most)
        page = ask(played, what="parts", guild=played.guild_ids[0], kind="roles")
        assert len(page.parts) == parts


def test_guild_ids_page_by_page(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PAGE_ITEMS", 2)
    first = ask(played, what="guild_ids")
    second = ask(played, what="guild_ids", id=first.ids[-1])
    assert (len(first.ids), first.more, second.more) == (2, True, False)
    assert first.ids + second.ids == sorted(played.guild_ids)
    monkeypatch.setattr(answers, "PAGE_ITEMS", 3)
    assert not ask(played, what="guild_ids").more


def test_one_part(played: Played) -> None:
    guild, bot = played.guild_ids[0], bot_id(played)
    page = ask(played, what="part", guild=guild, kind="members", id=bot)
    assert page.ids == [bot]
    assert json.loads(page.parts[0])["user"]["id"] == str(bot)
    assert ask(played, what="part", guild=guild, kind="guild", id=guild).ids == [guild]
    none = ask(played, what="part", guild=guild, kind="members", id=bot - 1)
    assert (none.ids, none.parts, none.more) == ([], [], False)
    assert ask(played, what="user", id=bot).parts
    assert ask(played, what="user", id=1).parts == []


def test_a_guild_that_is_not_there_and_one_of_unknown_age(played: Played) -> None:
    assert ask(played, what="parts", guild=1, kind="roles") == CachePage()
    guild = played.guild_ids[0]
    row = ask(played, what="guild", guild=guild).guild
    assert row is not None
    assert (row.id, row.shard_id, row.shard_count, row.unknown_since_ns) == (guild, 0, 1, 0)
    assert (row.known, row.unavailable) == (True, False)
    assert row.member_count > 1
    with played.store.turn() as turn:
        turn.doubt(-1, 1, 5)
    page = ask(played, what="part", guild=guild, kind="roles", id=1)
    assert page.guild is not None
    assert page.guild.unknown_since_ns == 5


def test_kinds_that_there_are(played: Played) -> None:
    for kind in Kind:
        ask(played, what="parts", guild=played.guild_ids[0], kind=kind.value)
    with pytest.raises(ClusterError, match="no 'channel' of guilds"):
        ask(played, what="parts", guild=played.guild_ids[0], kind="channel")
