"""Requests: what clients ask reaches the right shards, and what fails costs nobody else."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from cluster.commands import BusyError, Command, CommandError, NotSentError
from cluster.errors import ClusterError, NotRunningError
from cluster.proxy.refusal import Refused
from cluster.proxy.requests import nonces
from tests.cluster.proxy.requests.played_cluster import (
    Events,
    PlayedCluster,
    PlayedSession,
    d_of,
    guild,
)
from tests.played_loop import play

DND: dict[str, Any] = {"since": None, "activities": [], "status": "dnd", "afk": False}
IDLE = DND | {"status": "idle"}


def test_a_presence_goes_to_all_shards_that_share_guilds(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(6)
        async with cluster.requests(tmp_path) as requests:
            requests.received(PlayedSession("a", shard=(1, 4)), 3, DND)
            await asyncio.sleep(1)
            assert sorted(cluster.of(3), key=lambda one: one[0]) == [(1, DND), (3, DND), (5, DND)]

    play(scenario)


def test_five_presences_of_a_thousand_shards_are_sent_but_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(1000)
        cluster.latency_s = 1.0
        async with cluster.requests(tmp_path) as requests:
            for n in range(5):
                requests.received(PlayedSession("a"), 3, DND | {"since": n})
                await asyncio.sleep(0.2)
            await asyncio.sleep(60)
            assert len(cluster.sent) <= 1128
            last = dict(cluster.of(3))
            assert set(last) == set(range(1000))
            assert all(d["since"] == 4 for d in last.values())
            assert cluster.most_under_way <= 128
            assert requests.counts().presences == 0

    play(scenario)


def test_a_new_session_of_a_shard_is_told_the_presence_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)
        async with cluster.requests(tmp_path) as requests:
            requests.received(PlayedSession("a", shard=(0, 2)), 3, DND)
            requests.received(PlayedSession("b", shard=(1, 2)), 3, IDLE)
            await asyncio.sleep(1)
            cluster.sent.clear()
            requests.shard_ready(2, 4)
            requests.shard_ready(3, 8)  # of a count that is not in force
            await asyncio.sleep(10)
            assert cluster.of(3) == [(2, DND)]

    play(scenario)


def test_after_a_resharding_all_shards_are_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)
        async with cluster.requests(tmp_path) as requests:
            requests.received(PlayedSession("a", shard=(1, 2)), 3, DND)
            await asyncio.sleep(1)
            cluster.sent.clear()
            cluster.shard_count = 6
            await asyncio.sleep(20)
            assert {shard for shard, _ in cluster.of(3)} == {1, 3, 5}
            assert len(cluster.sent) == 3

    play(scenario)


def test_a_presence_that_came_before_the_shard_count_was_known(tmp_path: Path) -> None:
    """The second process hears later than the first that there are more shards."""

    async def scenario() -> None:
        cluster, known = PlayedCluster(3), [1]
        async with (
            cluster.requests(tmp_path, process=0),
            cluster.requests(tmp_path, process=1, known=lambda: known[0]) as other,
        ):
            await asyncio.sleep(1)
            other.received(PlayedSession("a"), 3, DND)
            await asyncio.sleep(3)
            assert {shard for shard, _ in cluster.of(3)} == {0}
            known[0] = 3
            # What is asked before that was looked at is of the new count already.
            other.received(PlayedSession("a"), 31, {"guild_ids": [guild(2), guild(5)]})
            await asyncio.sleep(10)
            assert {shard for shard, _ in cluster.of(3)} == {0, 1, 2}
            assert cluster.of(31) == [(2, {"guild_ids": [str(guild(2)), str(guild(5))]})]

    play(scenario)


def test_a_proxy_that_was_started_again_knows_the_presence(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2)
        async with cluster.requests(tmp_path) as requests:
            requests.received(PlayedSession("a"), 3, DND)
            await asyncio.sleep(1)
        cluster.sent.clear()
        async with cluster.requests(tmp_path) as requests:
            await asyncio.sleep(10)
            assert sorted(cluster.of(3), key=lambda one: one[0]) == [(0, DND), (1, DND)]
            cluster.sent.clear()
            # A bot that is started again asks for what is shown already.
            requests.identified(PlayedSession("b", presence=DND))
            await asyncio.sleep(10)
            assert cluster.sent == []
            requests.identified(PlayedSession("c", presence=IDLE))
            await asyncio.sleep(10)
            assert dict(cluster.of(3)) == {0: IDLE, 1: IDLE}

    play(scenario)


def test_one_process_of_several_tells_a_shard(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(2)
        async with (
            cluster.requests(tmp_path, process=0) as one,
            cluster.requests(tmp_path, process=1) as other,
        ):
            one.received(PlayedSession("a"), 3, DND)
            other.received(PlayedSession("b"), 3, IDLE)
            await asyncio.sleep(10)
            assert dict(cluster.of(3)) == {0: IDLE, 1: IDLE}
            cluster.sent.clear()
            one.shard_ready(0, 2)
            other.shard_ready(0, 2)
            await asyncio.sleep(10)
            assert cluster.of(3) == [(0, IDLE)]

    play(scenario)


def test_voice_goes_to_the_guilds_shard_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)
        async with cluster.requests(tmp_path) as requests:
            session = PlayedSession("a")
            for channel in ("7", None, "8"):
                requests.received(session, 4, {"guild_id": str(guild(6)), "channel_id": channel})
            requests.received(session, 4, {"guild_id": None, "channel_id": "9"})
            await asyncio.sleep(1)
            assert [(s, d["channel_id"]) for s, d in cluster.of(4)] == [
                (2, "7"),
                (2, None),
                (2, "8"),
            ]

    play(scenario)


def test_what_is_refused_is_refused_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)
        async with cluster.requests(tmp_path) as requests:
            session = PlayedSession("a", intents=0)
            everybody = {"guild_id": str(guild(1)), "query": "", "limit": 0}
            wrong: list[tuple[int, Any, int]] = [
                (99, {}, 4001), (3, 5, 4002), (4, {"guild_id": "x"}, 4002), (8, everybody, 4014)
            ]  # fmt: skip
            for op, d, code in wrong:
                with pytest.raises(Refused) as refused:
                    requests.received(session, op, d)
                assert refused.value.code == code
            await asyncio.sleep(1)
            assert cluster.sent == []

    play(scenario)


def asker(nonce: str) -> bytes:
    read = nonces.read(nonce)
    assert read is not None
    return read.tag


def test_members_come_to_the_one_who_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster, events = PlayedCluster(4), Events()
        async with cluster.requests(tmp_path) as requests:
            asked = {"guild_id": str(guild(5)), "query": "", "limit": 0}
            own = [None, "a nonce of 25 characters.", "0" * 32]
            sessions = [PlayedSession(f"s{n}") for n in range(3)]
            for session, nonce in zip(sessions, own, strict=True):
                d = asked if nonce is None else asked | {"nonce": nonce}
                requests.received(session, 8, d)
            await asyncio.sleep(1)
            tags = [nonces.tag_of(session.id) for session in sessions]
            sent = sorted(cluster.of(8), key=lambda one: tags.index(asker(one[1]["nonce"])))
            assert [shard for shard, _ in sent] == [1, 1, 1]
            assert len({d["nonce"] for _, d in sent}) == 3
            chunk = {"guild_id": asked["guild_id"], "members": [], "chunk_index": 0}
            made = [
                events.entry("GUILD_MEMBERS_CHUNK", chunk | {"chunk_count": 1, "nonce": d["nonce"]})
                for _, d in sent
            ]
            assert requests.counts().unanswered == 3
            for session, nonce, entry in zip(sessions, own, made, strict=True):
                got = [d_of(requests.asked.answer(one, entry)) for one in sessions]
                expected = chunk | {"chunk_count": 1}
                if nonce is not None:
                    expected = expected | {"nonce": nonce}
                mine = sessions.index(session)
                assert got == [expected if n == mine else None for n in range(3)]
            assert requests.counts().unanswered == 0
        async with cluster.requests(tmp_path) as requests:  # another process answers the same
            again = d_of(requests.asked.answer(sessions[1], made[1]))
            assert again["nonce"] == own[1]
            assert requests.asked.answer(sessions[0], made[1]) is None

    play(scenario)


def test_requests_of_a_lost_session_are_asked_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster, events = PlayedCluster(4), Events()
        async with cluster.requests(tmp_path) as requests:
            session = PlayedSession("a")
            for number in (1, 2, 5):
                requests.received(session, 8, {"guild_id": str(guild(number)), "query": "x"})
            requests.received(session, 31, {"guild_ids": [guild(1), guild(5), guild(2)]})
            requests.received(session, 31, {"guild_ids": [guild(9)]})
            gone = PlayedSession("b")
            requests.received(gone, 8, {"guild_id": str(guild(1)), "query": "x"})
            await asyncio.sleep(1)
            first = list(cluster.sent)
            requests.detached(gone, over=True)
            nonce = nonces.write("a", None)
            chunk = {"guild_id": str(guild(1)), "nonce": nonce, "chunk_index": 0, "chunk_count": 1}
            requests.asked.answer(session, events.entry("GUILD_MEMBERS_CHUNK", chunk))
            some = chunk | {"guild_id": str(guild(5)), "chunk_count": 2}
            for _ in range(2):  # the same one twice is not the whole
                requests.asked.answer(session, events.entry("GUILD_MEMBERS_CHUNK", some))
            sounds = {"guild_id": str(guild(9)), "soundboard_sounds": []}
            requests.asked.answer(session, events.entry("SOUNDBOARD_SOUNDS", sounds))
            cluster.sent.clear()
            requests.shard_ready(1, 4)
            await asyncio.sleep(1)
            again = sorted(cluster.sent, key=str)
            assert str(guild(9)) not in str(again)
            fifth = str(guild(5))
            assert again == sorted(
                (one for one in first if one[0] == 1 and fifth in str(one[2])), key=str
            )
            assert len(again) == 2

    play(scenario)


def test_what_is_asked_again_has_its_time_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)
        async with cluster.requests(tmp_path) as requests:
            requests.received(PlayedSession("a"), 8, {"guild_id": str(guild(1)), "query": "x"})
            await asyncio.sleep(100)
            cluster.sent.clear()
            cluster.answer = lambda shard, command: NotSentError("shard 1 is resuming")
            requests.shard_ready(1, 4)
            await asyncio.sleep(60)
            cluster.answer = lambda shard, command: None
            await asyncio.sleep(60)
            assert len(cluster.of(8)) == 1
            await asyncio.sleep(300)
            requests.shard_ready(1, 4)  # nobody waits for that any more
            await asyncio.sleep(60)
            assert len(cluster.of(8)) == 1

    play(scenario)


def test_what_nobody_waits_for_is_not_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(1)
        cluster.latency_s = 50.0
        async with cluster.requests(tmp_path) as requests:
            gone, stays = PlayedSession("a"), PlayedSession("b")
            for number in range(10):
                requests.received(gone, 8, {"guild_id": str(guild(number)), "query": "x"})
            await asyncio.sleep(1)
            requests.identified(PlayedSession("heir", predecessor="a"))
            for number in range(20):
                requests.received(stays, 8, {"guild_id": str(guild(number)), "query": "y"})
            await asyncio.sleep(300)
            asked = [d["query"] for _, d in cluster.of(8)]
            assert asked.count("x") == 4, "those that were on their way"
            assert asked.count("y") == 8, "the rest has waited too long for its turn"
            assert requests.counts().given_up == 12

    play(scenario)


def test_a_cluster_of_fewer_shards(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(6)
        cluster.answer = lambda shard, command: NotSentError("shard is away") if shard else None
        async with cluster.requests(tmp_path) as requests:
            requests.received(PlayedSession("a"), 3, DND)
            await asyncio.sleep(3)
            cluster.shard_count = 2
            await asyncio.sleep(3)
            cluster.answer = lambda shard, command: None
            await asyncio.sleep(100)
            assert {shard for shard, _ in cluster.of(3)} == {0, 1}
            assert requests.counts().presences == 0

    play(scenario)


def test_the_newest_presence_wins_though_the_clock_was_set_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(1)
        async with cluster.requests(tmp_path, now_ns=iter(range(10**9, 0, -1)).__next__) as made:
            made.received(PlayedSession("a", shard=(0, 2)), 3, DND)
            made.received(PlayedSession("b", shard=(0, 1)), 3, IDLE)
            await asyncio.sleep(10)
            assert cluster.of(3)[-1] == (0, IDLE)

    play(scenario)


def test_what_fails_for_a_while_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)
        now = asyncio.get_running_loop().time
        errors: list[ClusterError] = [
            NotRunningError("the cluster has stopped"),
            NotSentError("shard 1 is resuming"),
            BusyError.after(20.0, "64 commands wait for this shard already"),
            ClusterError("worker 0 ended before it said whether the command was sent"),
        ]
        tries: list[float] = []

        def answer(shard: int, command: Command) -> ClusterError | None:
            tries.append(now())
            return errors.pop(0) if errors else None

        cluster.answer = answer
        async with cluster.requests(tmp_path) as requests:
            requests.received(PlayedSession("a"), 8, {"guild_id": str(guild(1)), "query": "x"})
            await asyncio.sleep(60)
            assert len(cluster.of(8)) == 1
            assert len(tries) == 5
            assert tries[3] >= tries[2] + 20, "as the error said"
            assert requests.counts()[:1] == (0,)
            assert requests.counts().given_up == 0

    with caplog.at_level(logging.WARNING):
        play(scenario)
    assert "op 8 put off: 2" in caplog.text


def test_what_fails_for_good_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)

        def answer(shard: int, command: Command) -> ClusterError | None:
            if shard == 1:
                return NotSentError("shard 1 is not one of this cluster's")
            return CommandError("query is empty") if shard == 2 else None

        cluster.answer = answer
        async with cluster.requests(tmp_path) as requests:
            for number in range(4):
                requests.received(
                    PlayedSession("a", client="music"),
                    8,
                    {"guild_id": str(guild(number)), "query": "x"},
                )
            await asyncio.sleep(1)
            assert requests.counts().given_up == 1
            assert {shard for shard, _ in cluster.of(8)} == {0, 3}
            await asyncio.sleep(200)
            assert requests.counts().given_up == 2
            assert requests.counts().waiting == 0

    with caplog.at_level(logging.WARNING):
        play(scenario)
    assert "op 8 of music given up" in caplog.text


def test_many_who_ask_for_all_members_of_a_guild_get_them(tmp_path: Path) -> None:
    """A bot of ten processes that are started together; Discord gives them once in 30 s."""

    async def scenario() -> None:
        cluster = PlayedCluster(1)
        now = asyncio.get_running_loop().time
        last = -100.0

        def answer(shard: int, command: Command) -> ClusterError | None:
            nonlocal last
            if now() < last + 31:
                return BusyError.after(last + 31 - now(), "they were asked for less than 30 s ago")
            last = now()
            return None

        cluster.answer = answer
        async with cluster.requests(tmp_path) as requests:
            d = {"guild_id": str(guild(1)), "query": "", "limit": 0}
            for number in range(10):
                requests.received(PlayedSession(f"s{number}"), 8, d)
            await asyncio.sleep(500)
            assert len({d["nonce"] for _, d in cluster.of(8)}) == 10
            assert requests.counts().given_up == 0
            for number in range(40):
                requests.received(PlayedSession(f"s{number}"), 8, d)
            await asyncio.sleep(1000)
            assert requests.counts().waiting == 0
            assert 15 <= requests.counts().given_up <= 25

    play(scenario)


def test_one_client_can_not_hold_up_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(1)
        cluster.latency_s = 0.5
        async with cluster.requests(tmp_path) as requests:
            for number in range(100):
                d = {"guild_id": str(guild(number)), "query": "x"}
                requests.received(PlayedSession("loud"), 8, d)
            requests.received(PlayedSession("quiet"), 4, {"guild_id": "7", "channel_id": "8"})
            await asyncio.sleep(1.1)
            assert len(cluster.of(4)) == 1
            assert len(cluster.of(8)) < 10

    play(scenario)


def test_who_was_asked_of_whom_is_written_into_the_nonce(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster(4)
        async with cluster.requests(tmp_path) as requests:
            d = {"guild_id": str(guild(1)), "user_ids": [5], "nonce": "7"}
            requests.received(PlayedSession("a"), 8, d)
            await asyncio.sleep(1)
            read = nonces.read(cluster.of(8)[0][1]["nonce"])
            assert read is not None
            assert (read.tag, read.own) == (nonces.tag_of("a"), "7")

    play(scenario)
