"""The copy of a cluster's cache on a host that has none of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from cluster.cache import Bot, CacheError, Part
from cluster.cache.kinds import Keep, Kind
from cluster.errors import AlreadyRunningError
from cluster.proxy import mirror as mirror_module
from cluster.proxy.mirror import Mirror
from cluster.subscriber import Gap, Item
from cluster.wire.cache import GuildRow
from cluster.wire.states import GapReason
from tests.cluster.cache.played import event, position

GUILDS = [number << 22 for number in range(1, 20)]
KEEP = frozenset((Keep.GUILDS, Keep.MEMBERS))
BOT = b'{"user":{"id":"77","username":"bot"},"v":10}'
WITHIN_S = 20.0


class Queries:
    """A cluster's cache: one channel in each guild, as it is asked over the control endpoint."""

    def __init__(self) -> None:
        self.at: int | None = 5
        self.asked = 0
        self.gone = GUILDS[0]
        self.unknown_since_ns = 0

    async def position(self) -> dict[str, Any] | None:
        return None if self.at is None else position(self.at)

    async def bot(self) -> Part[Bot]:
        return Part(Bot, BOT)

    async def guild_ids(self) -> list[int]:
        return GUILDS

    async def guild_state(self, guild_id: int) -> GuildRow | None:
        self.asked += 1
        if guild_id == self.gone:
            return None  # it has gone since
        return GuildRow(guild_id, 0, 1, True, False, 12, self.unknown_since_ns)

    async def raw_parts(self, guild_id: int, kind: Kind) -> list[tuple[int, bytes]]:
        match kind:
            case Kind.GUILD:
                return [(guild_id, b'{"id":"%d","name":"old"}' % guild_id)]
            case Kind.CHANNEL:
                return [(guild_id + 1, b'{"id":"%d","type":0}' % (guild_id + 1))]
        return []


async def made(folder: Path, queries: Queries) -> Mirror:
    return await Mirror.of(folder, cast(Any, queries), KEEP, 1 << 26)


class Stream:
    """A subscriber that gives out these items, and has nothing then."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._handled = 5

    @property
    def position(self) -> dict[str, Any]:
        return position(self._handled)

    async def __aiter__(self) -> AsyncIterator[Item]:
        for item in self._items:
            yield item
            self._handled += 1
        await asyncio.Event().wait()


def test_it_is_copied_once_and_kept_by_the_events_from_there_on(tmp_path: Path) -> None:
    queries = Queries()
    starts: list[Any] = []
    renamed = json.dumps({"id": str(GUILDS[3]), "name": "new"}).encode()

    @asynccontextmanager
    async def subscribe(start: Any, *, events: list[str]) -> AsyncIterator[Stream]:
        assert "GUILD_UPDATE" in events
        starts.append(start)
        yield Stream([event("GUILD_UPDATE", renamed, 6)] if len(starts) == 1 else [])

    async def kept(mirror: Mirror, at: int) -> None:
        running = asyncio.create_task(mirror.run(subscribe))
        async with asyncio.timeout(WITHIN_S):
            while True:
                with mirror.snapshot() as view:
                    if view.position == position(at):
                        break
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def scenario() -> None:
        with await made(tmp_path / "cache", queries) as mirror:
            with mirror.snapshot() as view:
                assert view.position == position(5)
                assert view.own_id == 77
                assert view.guild_ids() == GUILDS[1:]
                state = view.guild_state(GUILDS[1])
                assert state is not None
                assert state.state.member_count == 12
                assert [one.raw for one in view.channels(GUILDS[1])] == [
                    b'{"id":"%d","type":0}' % (GUILDS[1] + 1)
                ]
            with pytest.raises(AlreadyRunningError, match="another proxy holds"):
                await made(tmp_path / "cache", queries)
            await kept(mirror, 6)
        asked = queries.asked
        with await made(tmp_path / "cache", queries) as again, again.snapshot() as view:
            guild = view.guild(GUILDS[3])
            assert guild is not None
            assert json.loads(guild.raw)["name"] == "new"
            assert view.guild_ids() == GUILDS[1:]
        assert queries.asked == asked, "it is not copied again"
        assert starts == [position(5)]

    asyncio.run(scenario())


def test_there_is_nothing_to_copy_before_a_shard_is_ready(tmp_path: Path) -> None:
    queries = Queries()
    queries.at = None
    with pytest.raises(CacheError, match="nothing yet"):
        asyncio.run(made(tmp_path / "cache", queries))


def test_one_that_was_broken_off_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = Queries()
    whole = queries.raw_parts

    async def breaks(guild_id: int, kind: Kind) -> list[tuple[int, bytes]]:
        if guild_id == GUILDS[-1]:
            raise CacheError("the way is cut")
        return [(1, b'{"id":"1"}')] if kind is Kind.ROLE else await whole(guild_id, kind)

    monkeypatch.setattr(queries, "raw_parts", breaks)
    with pytest.raises(CacheError, match="the way is cut"):
        asyncio.run(made(tmp_path / "cache", queries))
    monkeypatch.setattr(queries, "raw_parts", whole)

    async def scenario() -> None:
        with await made(tmp_path / "cache", queries) as mirror, mirror.snapshot() as view:
            assert view.guild_ids() == GUILDS[1:]
            assert view.roles(GUILDS[1]) == []

    asyncio.run(scenario())


def test_guilds_of_which_events_were_missed_are_copied_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never from a cache that has not come as far as the copy: what lies in between would not
    come again."""
    for name in ("MEND_S", "LOOK_S", "AGAIN_S"):
        monkeypatch.setattr(mirror_module, name, 0.01)
    monkeypatch.setattr(mirror_module, "LONGEST_MEND_S", 0.02)
    missed = Gap(0, 1, 1, None, 6, 7, GapReason.GONE)
    here = [0]

    @asynccontextmanager
    async def subscribe(start: Any, *, events: list[str]) -> AsyncIterator[Stream]:
        here[0] += 1
        try:
            yield Stream([missed] if start == position(5) else [])
        finally:
            here[0] -= 1

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not condition():  # noqa: ASYNC110  # no event says when
                await asyncio.sleep(0.01)

    async def scenario() -> None:
        queries = Queries()
        with await made(tmp_path / "cache", queries) as mirror:

            def unsure() -> int:
                with mirror.snapshot() as view:
                    return sum(one.state.unknown_since_ns > 0 for one in view.guilds())

            queries.unknown_since_ns = 7  # the cluster's own has missed them, too
            running = asyncio.create_task(mirror.run(subscribe))
            await until(lambda: unsure() == len(GUILDS) - 1)
            asked = queries.asked
            await until(lambda: queries.asked > asked + 2 * len(GUILDS))
            assert here == [1]
            queries.unknown_since_ns = 0
            await until(lambda: here == [0])
            assert unsure() == len(GUILDS) - 1, "the cluster's cache is behind"
            gone, queries.gone = queries.gone, GUILDS[1]
            assert gone == GUILDS[0]
            queries.at = 6
            await until(lambda: unsure() == 0 and here == [1])
            with mirror.snapshot() as view:
                assert view.guild_ids() == GUILDS[2:]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())
