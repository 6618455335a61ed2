"""ProxySessions, with a played cluster, cache and clients, on a played loop."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from cluster.discord.intents import Intents
from cluster.errors import ClusterError
from cluster.proxy.refusal import Refused
from cluster.proxy.sessions import ProxySessions, SessionStore
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.states import State
from cluster.subscriber import Gap
from cluster.subscriber.items import Stalled
from cluster.wire.states import GapReason
from tests.cluster.proxy.sessions.played import (
    Asked,
    Cache,
    Client,
    Cluster,
    View,
    Views,
    event,
    identify,
    turns,
)
from tests.played_loop import play


class Ground:
    """A cluster, its cache, and processes of the proxy on one host."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster()
        self.cache = Cache()
        self.folder = folder

    @asynccontextmanager
    async def proxy(self, **options: Any) -> AsyncIterator[ProxySessions]:
        sessions = ProxySessions(
            self.cluster.subscribe, self.cache, Views(), Asked(), SessionStore(self.folder),
            clock=asyncio.get_running_loop().time,
            now_ns=lambda: 10**18 + int(asyncio.get_running_loop().time() * 1e9), **options,
        )  # fmt: skip
        task = asyncio.create_task(sessions.run())
        await turns()
        try:
            yield sessions
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def come(self, shard: int, *seqs: int) -> None:
        """Let events come, of which the cache learns at once."""
        self.cluster.add(*(event(shard, seq) for seq in seqs))
        self.cache.come(self.cluster, len(self.cluster.items))


def scenario(
    test: Callable[[Ground], Awaitable[None]],
) -> Callable[[Path], None]:
    """Play a test on a ground of its own."""

    def played(tmp_path: Path) -> None:
        play(lambda: test(Ground(tmp_path)))

    played.__name__ = test.__name__
    return played


@scenario
async def test_a_session_begins_and_gets_every_event_once_and_in_order(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        ground.come(0, 1)
        ground.come(1, 1)
        client = Client()
        await sessions.identify(client, identify())
        ground.come(0, 2)
        await turns()
        ground.cluster.add(event(0, 3))
        await turns()
        ground.cluster.add(event(1, 2), event(0, 4))
        await turns()
        assert client.names == ["READY", *["GUILD_CREATE"] * 3, *["MESSAGE_CREATE"] * 4]
        assert [payload["s"] for payload in client.got] == list(range(1, 9))
        assert client.of_shard(0) == [2, 3, 4]
        assert client.of_shard(1) == [2]


@scenario
async def test_a_resume_goes_on_after_its_seq(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        client = Client()
        session = await sessions.identify(client, identify())
        await turns()
        ground.come(0, *range(1, 11))
        await turns()
        session.acknowledge(6)
        session.detach(over=False)
        ground.come(1, 1)
        await turns()
        again = Client()
        assert await sessions.resume(again, session.id, 9, "") is not None
        await turns()
        assert again.events == [(0, seq) for seq in range(6, 11)] + [(1, 1)]
        assert again.names[-1] == "RESUMED"
        assert [payload["s"] for payload in again.got] == list(range(10, 17))


@scenario
async def test_a_resume_among_guild_creates_goes_on_there(ground: Ground) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy() as sessions:
        client = Client()
        with mock.patch("cluster.proxy.sessions.beginnings.SLICE_BYTES", 200):
            session = await sessions.identify(client, identify())
            await turns(4)
            session.detach(over=False)
        had = client.got[-1]["s"]
        assert 1 < had < 100
        ground.cluster.add(event(0, 1))
        again = Client()
        await sessions.resume(again, session.id, had, "")
        await turns()
        told = [payload["d"]["id"] for payload in client.got[1:] + again.got[:-2]]
        assert told == list(range(100))
        assert again.names[-2:] == ["MESSAGE_CREATE", "RESUMED"]


@scenario
async def test_a_resume_closes_the_connection_that_looks_alive(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        first, second, third = Client(), Client(), Client()
        session = await sessions.identify(first, identify())
        await turns()
        await asyncio.gather(
            sessions.resume(second, session.id, 4, ""), sessions.resume(third, session.id, 4, "")
        )
        assert first.closed is not None
        assert second.closed is not None
        assert third.closed is None
        session.detach(over=True)  # of the first, which has no say any more
        session.acknowledge(10_000)
        ground.come(0, 1)
        await turns()
        assert third.names == ["RESUMED", "MESSAGE_CREATE"]


@scenario
async def test_who_may_not_resume(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        client = Client()
        session = await sessions.identify(client, identify("a"))
        await turns()
        ground.come(0, 1, 2)
        await turns()
        with pytest.raises(Refused) as ahead:
            session.acknowledge(7)
        assert ahead.value.code == 4007
        session.acknowledge(5)
        session.detach(over=False)
        assert await sessions.resume(Client(), "nobody", 1, "a") is None
        assert await sessions.resume(Client(), session.id, 6, "b") is None
        assert await sessions.resume(Client(), session.id, 4, "a") is None
        with pytest.raises(Refused) as beyond:
            await sessions.resume(Client(), session.id, 7, "a")
        assert beyond.value.code == 4007
        again = await sessions.resume(Client(), session.id, 6, "a")
        assert again is not None
        again.detach(over=True)
        assert await sessions.resume(Client(), session.id, 6, "a") is None


@scenario
async def test_a_slow_client_stays_behind_and_catches_up(ground: Ground) -> None:
    with (
        mock.patch("cluster.proxy.sessions.turns.MOST_WAITING", 1000),
        mock.patch("cluster.proxy.sessions.catch_ups.MOST_WAITING", 1000),
    ):
        async with ground.proxy(max_bytes=60_000) as sessions:
            slow, other = Client(), Client()
            session = await sessions.identify(slow, identify("slow"))
            await sessions.identify(other, identify("other"))
            await turns()
            slow.takes = False
            for seq in range(1, 1001):
                ground.cluster.add(event(seq % 2, seq))
                if seq % 100 == 0:
                    await turns()
            await asyncio.sleep(1)
            assert len(other.events) == 1000
            assert len(slow.events) < 200
            assert sessions.count_by_state()[State.CATCHING_UP] == 1
            for _ in range(30):  # it takes some, now and then
                slow.waiting = 0
                session.room()
                await asyncio.sleep(1)
            slow.takes, slow.waiting = True, 0
            session.room()
            await asyncio.sleep(5)
            assert sorted(slow.events) == sorted(other.events)
            assert slow.of_shard(0) == other.of_shard(0) == list(range(2, 1001, 2))
            assert sessions.count_by_state()[State.LIVE] == 2
            assert len(ground.cluster.subscribers) == 1


@scenario
async def test_who_takes_nothing_keeps_nobody_from_catching_up(ground: Ground) -> None:
    with mock.patch("cluster.proxy.sessions.catch_ups.AT_ONCE", 1):
        async with ground.proxy(max_bytes=60_000) as sessions:
            clients = [Client(), Client()]
            held = [await sessions.identify(one, identify(str(one))) for one in clients]
            await turns()
            for session in held:
                session.detach(over=False)
            for seq in range(1, 3001):
                ground.cluster.add(event(0, seq))
                if seq % 100 == 0:
                    await turns()
            again = [Client(), Client()]
            again[0].takes = False
            with mock.patch("cluster.proxy.sessions.catch_ups.MOST_WAITING", 1000):
                for client, one, session in zip(again, clients, held, strict=True):
                    await sessions.resume(client, session.id, 4, str(one))
                await asyncio.sleep(20)
                assert len(again[1].events) == 3000
                assert len(again[0].events) < 3000


@scenario
async def test_an_heir_has_all_after_the_last_heartbeat(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        old = Client()
        session = await sessions.identify(old, identify("bot"))
        await turns()
        ground.come(0, 1, 2, 3)
        await turns()
        session.acknowledge(5)
        session.detach(over=True)
        ground.come(0, 4)
        new = Client()
        heir = await sessions.identify(new, identify("bot"))
        await turns()
        assert heir.predecessor == session.id
        assert new.names[:4] == ["READY", *["GUILD_CREATE"] * 3]
        assert new.events == [(0, 2), (0, 3), (0, 4)]
        assert await sessions.resume(Client(), session.id, 7, "bot") is None
        other = Client()
        by_itself = await sessions.identify(other, identify("bot"))
        await turns()
        assert by_itself.predecessor == ""
        assert other.events == []


@scenario
async def test_an_heir_has_once_more_what_the_cache_does_not_know(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        session = await sessions.identify(Client(), identify())
        await turns()
        ground.come(0, 1)
        ground.cluster.add(event(0, 2, "CHANNEL_UPDATE"), event(0, 3), event(1, 1))
        await turns()
        session.acknowledge(session.seq)
        session.detach(over=False)
        new = Client()
        await sessions.identify(new, identify())
        await asyncio.sleep(5)
        assert new.events == [(0, 2), (0, 3)]


@scenario
async def test_another_process_tells_of_the_guilds_that_are_left(ground: Ground) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy() as one, ground.proxy() as two:
        client, again = Client(), Client()
        with mock.patch("cluster.proxy.sessions.beginnings.SLICE_BYTES", 200):
            session = await one.identify(client, identify())
            await turns(4)
            had = client.got[-1]["s"]
            session.acknowledge(had)
            session.detach(over=False)
        ground.cluster.add(event(0, 1))
        await two.resume(again, session.id, had, "")
        await asyncio.sleep(1)
        told = [payload["d"]["id"] for payload in client.got[1:] + again.got[:-2]]
        assert told == list(range(100))
        assert again.names[-2:] == ["MESSAGE_CREATE", "RESUMED"]


@scenario
async def test_the_session_that_ended_last_has_the_heir(ground: Ground) -> None:
    """The older version of a bot was stopped long ago: its events are not handled anew."""
    async with ground.proxy() as sessions:
        blue = await sessions.identify(Client(), identify("bot"))
        green = await sessions.identify(Client(), identify("bot"))
        await turns()
        blue.detach(over=True)
        ground.come(0, 1, 2)
        await asyncio.sleep(300)
        green.acknowledge(6)
        green.detach(over=True)
        ground.come(0, 3)
        new = Client()
        heir = await sessions.identify(new, identify("bot"))
        await turns()
        assert heir.predecessor == green.id
        assert new.events == [(0, 3)]


@scenario
async def test_who_has_gone_without_a_word_has_an_heir(ground: Ground) -> None:
    """A bot's host has lost its power, and the bot is started on another one at once."""
    async with ground.proxy() as sessions:
        gone, busy, other = Client(), Client(), Client()
        session = await sessions.identify(gone, identify("bot"))
        alive = await sessions.identify(busy, identify("bot"))
        await sessions.identify(other, identify("other"))
        await turns()
        ground.come(0, 1, 2)
        await turns()
        session.acknowledge(5)
        alive.acknowledge(4)
        gone.answers = False
        new = Client()
        heir = await sessions.identify(new, identify("bot"))
        await turns()
        assert gone.closed == (4009, "Session timed out.")
        assert heir.predecessor == session.id
        assert new.events == [(0, 2)]
        assert busy.closed is other.closed is None
        ground.come(0, 3)
        await turns()
        assert busy.events == other.events == [(0, 1), (0, 2), (0, 3)]


@scenario
async def test_programs_that_ended_together_miss_nothing(ground: Ground) -> None:
    """Which of two sessions was whose nobody knows: both heirs begin where the earlier one was."""
    async with ground.proxy() as sessions:
        clients = [Client(), Client()]
        first, second = [await sessions.identify(c, identify("bot")) for c in clients]
        await turns()
        ground.come(0, 1, 2, 3)
        await turns()
        first.acknowledge(7)
        second.acknowledge(5)
        first.detach(over=True)
        await asyncio.sleep(20)
        second.detach(over=True)
        ground.come(0, 4)
        heirs = [Client(), Client()]
        before = {(await sessions.identify(c, identify("bot"))).predecessor for c in heirs}
        await turns()
        assert before == {first.id, second.id}
        assert [c.events for c in heirs] == [[(0, 2), (0, 3), (0, 4)]] * 2


@scenario
async def test_an_heir_of_what_the_window_has_no_more(ground: Ground) -> None:
    async with ground.proxy(max_bytes=60_000) as sessions:
        session = await sessions.identify(Client(), identify("bot", Intents.GUILD_MEMBERS))
        await turns()
        session.detach(over=False)
        ground.cluster.add(event(0, 1, "GUILD_MEMBER_ADD", guild_id=2))
        for member in range(2, 5):
            ground.cluster.add(event(1, member, "GUILD_MEMBER_ADD", guild_id=2))
        ground.cluster.add(event(0, 2, "GUILD_MEMBER_REMOVE", guild_id=3))
        for seq in range(10, 500):
            ground.cluster.add(event(0, seq))
            await turns(1)
        ground.cache.come(ground.cluster, len(ground.cluster.items))
        new = Client()
        await sessions.identify(new, identify("bot", Intents.GUILD_MEMBERS))
        await asyncio.sleep(5)
        joins = {p["d"]["id"]: p["d"]["joins"] for p in new.got if p["t"] == "GUILD_CREATE"}
        assert joins == {1: 0, 2: 4, 3: -1}
        assert len(new.events) == 495


@scenario
async def test_member_counts_come_out_right(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        intents = Intents.GUILD_MEMBERS
        session = await sessions.identify(Client(), identify("bot", intents))
        await turns()
        session.detach(over=False)
        ground.cluster.add(
            event(0, 1, "GUILD_MEMBER_ADD", guild_id=2),
            event(0, 2, "GUILD_MEMBER_ADD", guild_id=2),
            event(1, 1, "GUILD_MEMBER_REMOVE", guild_id=3),
        )  # fmt: skip
        ground.cache.come(ground.cluster, 3)
        ground.cluster.add(event(0, 3, "GUILD_MEMBER_ADD", guild_id=2))
        await turns()
        new = Client()
        await sessions.identify(new, identify("bot", intents))
        await asyncio.sleep(3)
        joins = {p["d"]["id"]: p["d"]["joins"] for p in new.got if p["t"] == "GUILD_CREATE"}
        assert joins == {1: 0, 2: 2, 3: -1}
        assert len(new.events) == 4


@scenario
async def test_who_has_gone_without_a_word_and_fell_behind_has_an_heir(ground: Ground) -> None:
    async with ground.proxy(max_bytes=60_000) as sessions:
        gone, new = Client(), Client()
        session = await sessions.identify(gone, identify("bot"))
        await turns()
        session.acknowledge(4)
        gone.answers, gone.takes, gone.waiting = False, False, 10**6
        for seq in range(1, 301):
            ground.come(0, seq)
            await turns(1)
        assert sessions.count_by_state()[State.CATCHING_UP] == 1
        heir = await sessions.identify(new, identify("bot"))
        await asyncio.sleep(5)
        assert heir.predecessor == session.id
        assert new.of_shard(0) == list(range(1, 301))


@scenario
async def test_who_resumes_beyond_the_journals_begins_anew(ground: Ground) -> None:
    async with ground.proxy(max_bytes=60_000) as sessions:
        session = await sessions.identify(Client(), identify())
        await turns()
        session.detach(over=False)
        ground.cluster.add(Gap(0, 2, 1, None, 1, 4, GapReason.GONE))
        for seq in range(5, 300):
            ground.come(0, seq)
            await turns(1)
        again, new = Client(), Client()
        assert await sessions.resume(again, session.id, 4, "") is not None
        await asyncio.sleep(2)
        assert again.closed == (4009, "Session timed out.")
        assert again.events == []
        assert await sessions.resume(Client(), session.id, 4, "") is None
        heir = await sessions.identify(new, identify())
        await asyncio.sleep(2)
        assert heir.predecessor == session.id
        assert new.names[:4] == ["READY", *["GUILD_CREATE"] * 3]
        assert new.of_shard(0) == list(range(5, 300))


@scenario
async def test_the_newest_takes_the_place_of_the_older(ground: Ground) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy(overlap="newest") as sessions:
        blue, green, other = Client(), Client(), Client()
        old = await sessions.identify(blue, identify("bot"))
        await sessions.identify(other, identify("another"))
        await turns()
        ground.come(0, 1, 2)
        await turns()
        with mock.patch("cluster.proxy.sessions.beginnings.SLICE_BYTES", 200):
            ground.come(0, 3)  # the cache knows it, and blue has not had it
            await sessions.identify(green, identify("bot"))
            await turns(2)
            ground.come(1, 1)
            await turns(100)
        ground.come(0, 4)
        await turns()
        assert blue.events == [(0, 1), (0, 2)]
        assert green.events == [(0, 3), (1, 1), (0, 4)]
        assert other.events == blue.events + green.events
        old.acknowledge(old.seq)
        await asyncio.sleep(30)
        assert blue.closed is None
        assert await sessions.resume(Client(), old.id, old.seq, "bot") is None
        old.detach(over=False)


@scenario
async def test_the_older_goes_on_where_the_newest_does_not_come_so_far(ground: Ground) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy(overlap="newest") as sessions:
        blue, green = Client(), Client()
        await sessions.identify(blue, identify("bot"))
        await turns()
        with mock.patch("cluster.proxy.sessions.beginnings.SLICE_BYTES", 200):
            new = await sessions.identify(green, identify("bot"))
            ground.come(0, 1)
            await turns(2)
            assert blue.events == []
            new.detach(over=False)
            await turns()
        assert blue.events == [(0, 1)]
        assert green.events == []
        assert await sessions.resume(Client(), new.id, 1, "bot") is None


@scenario
async def test_of_several_that_begin_at_once_the_newest_gets_the_events(ground: Ground) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy(overlap="newest") as sessions:
        blue, lost, green = Client(), Client(), Client()
        await sessions.identify(blue, identify("bot"))
        await turns()
        ground.come(0, 1)
        await turns()
        with mock.patch("cluster.proxy.sessions.beginnings.SLICE_BYTES", 200):
            middle = await sessions.identify(lost, identify("bot"))
            ground.come(0, 2)
            await turns(2)
            newest = await sessions.identify(green, identify("bot"))
            await turns(2)
            newest.detach(over=False)  # so the one before it takes the place after all
            await turns(2)
            assert blue.events == [(0, 1)]
            newest = await sessions.identify(green, identify("bot"))
            await turns(2)
            middle.detach(over=False)
            await turns(300)
        ground.come(0, 3)
        await turns()
        assert blue.events == [(0, 1)]
        assert lost.events == []
        assert green.events == [(0, 2), (0, 3)]
        assert sessions.count_by_state()[State.REPLACED] == 1


@scenario
async def test_one_that_is_held_and_resumes_gets_nothing_that_the_newest_gets(
    ground: Ground,
) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy(overlap="newest") as sessions:
        blue, again, green = Client(), Client(), Client()
        old = await sessions.identify(blue, identify("bot"))
        await turns()
        ground.come(0, 1, 2)
        await turns()
        assert blue.events == [(0, 1), (0, 2)]
        with mock.patch("cluster.proxy.sessions.beginnings.SLICE_BYTES", 200):
            await sessions.identify(green, identify("bot"))
            await turns(2)
            old.detach(over=False)  # the second event has not come through
            ground.come(0, 3)
            await sessions.resume(again, old.id, old.seq - 1, "bot")
            await turns(100)
        ground.come(0, 4)
        await turns()
        assert again.names == []
        assert green.events == [(0, 2), (0, 3), (0, 4)]


@scenario
async def test_the_newest_takes_the_place_of_one_of_another_process(ground: Ground) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy(overlap="newest") as one, ground.proxy(overlap="newest") as two:
        blue, green = Client(), Client()
        old = await one.identify(blue, identify("bot"))
        await one.identify(Client(), identify("another"))
        await turns()
        ground.come(0, 1, 2)
        await turns()
        with mock.patch("cluster.proxy.sessions.beginnings.SLICE_BYTES", 200):
            await two.identify(green, identify("bot"))
            ground.come(0, 3)
            await turns(100)
        ground.come(0, 4)
        await asyncio.sleep(1)
        ground.come(0, 5)
        await turns()
        assert blue.events == [(0, 1), (0, 2)]
        assert green.events == [(0, 3), (0, 4), (0, 5)]
        await asyncio.sleep(30)
        old.acknowledge(old.seq)
        assert blue.closed is None
        assert one.count_by_state()[State.REPLACED] == one.count_by_state()[State.LIVE] == 1


@scenario
async def test_a_session_is_held_for_no_process_that_has_gone(ground: Ground) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy(overlap="newest") as one:
        blue = Client()
        await one.identify(blue, identify("bot"))
        await turns()
        async with ground.proxy(overlap="newest") as two:
            with mock.patch("cluster.proxy.sessions.turns.MOST_WAITING", 100):
                green = Client()
                green.waiting = 10**9  # it is never told of its guilds
                new = await two.identify(green, identify("bot"))
                ground.come(0, 1)
                await asyncio.sleep(3)
                assert blue.events == []
                assert one.count_by_state()[State.HELD] == 1
                new.detach(over=False)
                await asyncio.sleep(1)
                assert blue.events == [(0, 1)]
                await two.identify(green, identify("bot"))
                ground.come(0, 2)
        await asyncio.sleep(1)  # the process has ended, and let nobody know
        assert blue.events == [(0, 1), (0, 2)]


@scenario
async def test_the_newest_begins_by_itself_where_nobody_answers(ground: Ground) -> None:
    async with ground.proxy(overlap="newest") as one, ground.proxy(overlap="newest") as two:
        await one.identify(Client(), identify("bot"))
        await turns()
        with mock.patch("cluster.proxy.sessions.takeovers.Takeovers.look"):
            green = Client()
            await two.identify(green, identify("bot"))
            ground.come(0, 1)
            await asyncio.sleep(1)
            assert green.events == [(0, 1)]


@scenario
async def test_the_newest_may_resume_while_it_is_told_of_guilds(ground: Ground) -> None:
    ground.cache.guilds = list(range(100))
    async with ground.proxy(overlap="newest") as sessions:
        blue, green, again = Client(), Client(), Client()
        await sessions.identify(blue, identify("bot"))
        await turns()
        with mock.patch("cluster.proxy.sessions.beginnings.SLICE_BYTES", 200):
            new = await sessions.identify(green, identify("bot"))
            await turns(2)
            ground.come(0, 1)
            await sessions.resume(again, new.id, green.got[-1]["s"], "bot")
            await turns(100)
        assert blue.events == green.events == []
        assert again.events == [(0, 1)]
        assert len(green.got) + len(again.got) == 103


@scenario
async def test_a_client_is_asked_for_a_heartbeat_while_something_is_open(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        client = Client()
        session = await sessions.identify(client, identify())
        await asyncio.sleep(9)
        assert 3 <= client.heartbeats_asked <= 5
        session.acknowledge(session.seq)
        before = client.heartbeats_asked
        await asyncio.sleep(60)
        assert client.heartbeats_asked == before


@scenario
async def test_a_session_without_a_client_is_kept_for_so_long(ground: Ground) -> None:
    async with ground.proxy(keep_seconds=100) as sessions:
        kept, gone = Client(), Client()
        first = await sessions.identify(kept, identify("kept"))
        second = await sessions.identify(gone, identify("gone"))
        await turns()
        second.detach(over=False)
        await asyncio.sleep(60)
        first.detach(over=False)
        await asyncio.sleep(60)
        assert await sessions.resume(Client(), second.id, 4, "gone") is None
        assert await sessions.resume(Client(), first.id, 4, "kept") is not None
        assert sum(sessions.count_by_state().values()) == 1
        await asyncio.sleep(1000)  # one with a client does not expire
        assert sum(sessions.count_by_state().values()) == 1


@scenario
async def test_an_heir_of_nobody_where_nothing_is_kept(ground: Ground) -> None:
    async with ground.proxy(keep_seconds=0) as sessions:
        session = await sessions.identify(Client(), identify())
        await turns()
        session.detach(over=False)
        ground.come(0, 1)
        heir = await sessions.identify(Client(), identify())
        assert heir.predecessor == ""


@scenario
async def test_another_process_goes_on_and_the_first_lets_go(ground: Ground) -> None:
    async with ground.proxy() as one, ground.proxy() as two:
        client, again = Client(), Client()
        session = await one.identify(client, identify())
        await turns()
        ground.come(0, 1, 2, 3)
        await turns()
        session.acknowledge(6)
        await asyncio.sleep(2)
        ground.come(0, 4)
        assert await two.resume(again, session.id, 7, "") is not None
        await turns()
        assert again.events == [(0, 3), (0, 4)]  # (0, 3) has come twice
        await asyncio.sleep(20)
        assert client.closed is not None
        assert sum(one.count_by_state().values()) == 0
        assert sum(two.count_by_state().values()) == 1


@scenario
async def test_another_process_sends_nothing_twice_that_the_client_has(ground: Ground) -> None:
    """The kernel says which process of the proxy a client comes back to."""
    async with ground.proxy() as one, ground.proxy() as two:
        session = await one.identify(Client(), identify())
        await turns()
        ground.come(0, *range(1, 7))
        await turns()
        ground.cluster.add(event(1, 1, "TWO"), event(1, 2, "GUILD_CREATE", guild=9), event(1, 3))
        await turns()
        session.acknowledge(6)
        session.detach(over=False)
        again, heir = Client(), Client()
        resumed = await two.resume(again, session.id, 9, "")
        await turns()
        assert again.of_shard(0) == [6]
        assert again.of_shard(1) == [1, 1, 2, 3]
        assert again.names[-1] == "RESUMED"
        assert resumed is not None
        resumed.detach(over=False)
        await one.identify(heir, identify())
        await turns()
        assert heir.of_shard(0) == [6]


@scenario
async def test_the_next_process_goes_on(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        session = await sessions.identify(Client(), identify())
        await turns()
        ground.come(0, 1, 2, 3)
        await turns()
        session.acknowledge(5)
        session.detach(over=False)
    ground.come(0, 4)
    async with ground.proxy() as sessions:
        again = Client()
        assert await sessions.resume(again, session.id, 7, "") is not None
        await turns()
        assert again.events == [(0, 4)]
        assert [payload["s"] for payload in again.got] == [8, 9]


@scenario
async def test_the_next_process_reads_from_where_its_sessions_are(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        begun = [await sessions.identify(Client(), identify(str(number))) for number in range(3)]
        await turns()
        ground.come(0, 1, 2)
        ground.come(1, 1)
        await turns()
        for number, session in enumerate(begun):
            session.acknowledge(4 + number)
            session.detach(over=False)
    ground.come(0, 3)
    ground.cluster.started.clear()
    async with ground.proxy() as sessions:
        for number, session in enumerate(begun):
            again = Client()
            await sessions.resume(again, session.id, 4 + number, str(number))
            await turns()
            assert len(again.events) == 4 - number
        assert len(ground.cluster.started) == 1
    ground.come(0, *range(4, 20_000))  # what is far behind is read by who needs it
    await asyncio.sleep(1)
    async with ground.proxy() as sessions:
        await turns()
        assert Positions.read(ground.cluster.started[-1]).has(event(0, 19_999))


@scenario
async def test_where_the_store_can_not_be_written_sessions_go_on(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        full = sqlite3.OperationalError("database or disk is full")
        with (
            mock.patch.object(SessionStore, "add", side_effect=full),
            mock.patch.object(SessionStore, "write", side_effect=full),
            mock.patch.object(SessionStore, "take", side_effect=full),
            mock.patch.object(SessionStore, "find_detached", side_effect=full),
            mock.patch.object(SessionStore, "expire", side_effect=full),
        ):
            client, again = Client(), Client()
            session = await sessions.identify(client, identify())
            ground.come(0, 1)
            await asyncio.sleep(30)
            session.detach(over=False)
            session_again = await sessions.resume(again, session.id, 4, "")
            await turns()
            assert again.events == [(0, 1)]
            assert session_again is not None
        await asyncio.sleep(30)  # now it can, and that the session is not there is no news
        assert again.closed is None
        session_again.detach(over=False)
        heir = await sessions.identify(Client(), identify())
        assert heir.predecessor == session.id


@scenario
async def test_where_the_store_can_only_be_read_nobody_misses_anything(ground: Ground) -> None:
    """What writes nothing succeeds on a disk that is full."""
    async with ground.proxy() as sessions:
        full = sqlite3.OperationalError("database or disk is full")
        early = await sessions.identify(Client(), identify("early"))
        await turns()
        with (
            mock.patch.object(SessionStore, "write", side_effect=full),
            mock.patch.object(SessionStore, "expire", side_effect=full),
        ):
            with mock.patch.object(SessionStore, "add", side_effect=full):
                late = await sessions.identify(Client(), identify("late"))
            await turns()
            early.detach(over=False)
            late.detach(over=False)
            ground.come(0, 1)
            new, again = Client(), Client()
            heir = await sessions.identify(new, identify("early"))
            resumed = await sessions.resume(again, late.id, 4, "late")
            await turns()
            assert heir.predecessor == early.id
            assert new.events == [(0, 1)]
            assert resumed is not None
            assert again.events == [(0, 1)]


@scenario
async def test_who_has_a_connection_has_no_heir_whatever_is_written(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        client = Client()
        session = await sessions.identify(Client(), identify())
        await turns()
        session.detach(over=False)
        full = sqlite3.OperationalError("database or disk is full")
        with (
            mock.patch.object(SessionStore, "write", side_effect=full),
            mock.patch.object(SessionStore, "take", side_effect=full),
        ):
            assert await sessions.resume(client, session.id, 4, "") is not None
            other = await sessions.identify(Client(), identify())
            assert other.predecessor == ""
            assert client.closed is None


@scenario
async def test_a_store_that_is_locked_costs_no_session(ground: Ground) -> None:
    async with ground.proxy() as one, ground.proxy() as two:
        session = await one.identify(Client(), identify())
        await turns()
        session.detach(over=False)
        ground.come(0, 1)
        again = Client()
        locked = sqlite3.OperationalError("database is locked")
        with mock.patch.object(SessionStore, "take", side_effect=locked):
            assert await two.resume(again, session.id, 4, "") is not None
        await asyncio.sleep(20)
        assert again.events == [(0, 1)]
        assert sum(one.count_by_state().values()) == 0
        assert again.closed is None


@scenario
async def test_a_gap_is_counted_and_said(ground: Ground) -> None:
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("cluster.proxy.sessions").addHandler(handler)
    async with ground.proxy() as sessions:
        await sessions.identify(Client(), identify())
        await turns()
        ground.cluster.add(
            Gap(1, 2, 1, ("MESSAGE_CREATE",), 5, 9, GapReason.GONE), Stalled(3, 3.2)
        )  # fmt: skip
        await turns()
        assert (sessions.counts.gaps, sessions.counts.missed, sessions.counts.stalls) == (1, 5, 1)
    logging.getLogger("cluster.proxy.sessions").removeHandler(handler)
    assert any("5 events of shard 1 of 2" in line and "gone" in line for line in logged)
    assert any("worker 3" in line for line in logged)


@scenario
async def test_a_session_that_can_not_be_served_costs_the_others_nothing(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        bad, good = Client(), Client()
        await sessions.identify(bad, identify("bad"))
        await turns()
        real, views = View.see, []

        def see(view: View, entry: Any) -> bytes | None:
            views.append(view)
            if view is views[0]:
                raise RuntimeError("no such thing")
            return real(view, entry)

        await sessions.identify(good, identify("good"))
        await turns()
        with mock.patch.object(View, "see", see):
            ground.come(0, 1)
            await turns()
        assert bad.closed == (4000, "Unknown error.")
        assert good.events == [(0, 1)]


@scenario
async def test_another_subscriber_goes_on_where_one_has_ended(ground: Ground) -> None:
    async with ground.proxy() as sessions:
        client = Client()
        await sessions.identify(client, identify())
        await turns()
        ground.come(0, 1, 2)
        await turns()
        ground.cluster.subscribers[0].error = ClusterError("the key was taken away")
        ground.cluster.add(event(0, 3), event(1, 1))
        await asyncio.sleep(5)
        assert client.events == [(0, 1), (0, 2), (0, 3), (1, 1)]
        assert len(ground.cluster.started) == 2
