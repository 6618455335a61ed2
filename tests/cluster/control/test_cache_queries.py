"""ControlClient.cache: the same as the cache itself, by questions and pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.cache import answers
from cluster.cache.answers import answer
from cluster.cache.reading.part import Part
from cluster.control.cache_queries import CacheQueries
from cluster.events.base import Object
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world import World
from cluster.wire.cache import CacheAsk, CachePage
from tests.cluster.cache.played import Played, opened


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    world = World(SandboxOptions(guilds=3, members_per_guild=20), now=lambda: 1e9)
    made = Played(world, opened(tmp_path / "cache"))
    made.begin()
    yield made
    made.store.close()


def asked(played: Played, questions: Callable[[CacheQueries], Awaitable[None]]) -> None:
    """Ask questions that are answered from a played cache."""

    async def ask(question: CacheAsk) -> CachePage:
        with played.store.snapshot() as view:
            return answer(view, question)

    async def main() -> None:
        await questions(CacheQueries(ask))

    asyncio.run(main())


LISTS = (
    "channels", "threads", "roles", "emojis", "stickers", "stage_instances", "scheduled_events",
    "soundboard_sounds", "voice_states", "members", "presences",
)  # fmt: skip


def test_every_list_is_that_of_the_cache(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PAGE_ITEMS", 2)

    async def questions(cache: CacheQueries) -> None:
        assert await cache.guild_ids() == sorted(played.guild_ids)
        with played.store.snapshot() as view:
            for guild_id in played.guild_ids:
                for name in LISTS:
                    here = [part.raw for part in getattr(view, name)(guild_id)]
                    there: list[Part[Any]] = await getattr(cache, name)(guild_id)
                    assert [part.raw for part in there] == here, name
                    assert all(isinstance(part.typed(), Object) for part in there)

    asked(played, questions)


def test_single_parts(played: Played) -> None:
    async def questions(cache: CacheQueries) -> None:
        guild_id = played.guild_ids[0]
        with played.store.snapshot() as view:
            own_id, channels, roles = view.own_id, view.channels(guild_id), view.roles(guild_id)
        guild = await cache.guild(guild_id)
        assert guild is not None
        assert guild.typed().id == guild_id
        state = await cache.guild_state(guild_id)
        assert state is not None
        assert state.member_count == 20
        channel = await cache.channel(guild_id, channels[0].typed().id)
        assert channel is not None
        assert channel.raw == channels[0].raw
        role = await cache.role(guild_id, roles[0].typed().id)
        assert role is not None
        assert role.raw == roles[0].raw
        member = await cache.member(guild_id, own_id)
        assert member is not None
        assert member.json()["user"]["id"] == str(own_id)
        user = await cache.user(own_id)
        assert user is not None
        assert user.typed().id == own_id
        bot = await cache.bot()
        assert bot is not None
        assert bot.typed().user.id == own_id
        assert await cache.position() == played.store.position

    asked(played, questions)


def test_what_is_not_there(played: Played) -> None:
    async def questions(cache: CacheQueries) -> None:
        guild_id = played.guild_ids[0]
        assert await cache.guild(1) is None
        assert await cache.guild_state(1) is None
        assert await cache.members(1) == []
        for ask in (cache.channel, cache.role, cache.member, cache.presence, cache.voice_state):
            assert await ask(guild_id, 1) is None
        assert await cache.user(1) is None

    asked(played, questions)
