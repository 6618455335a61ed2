"""Answers: whose they are, the same however often and wherever it is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.proxy.requests import nonces
from cluster.proxy.requests.answers import ASKED_S, Answers
from cluster.proxy.requests.open_requests import OpenRequests
from cluster.proxy.requests.store import Store
from tests.cluster.proxy.requests.played_cluster import (
    Events,
    PlayedCluster,
    PlayedSession,
    d_of,
    guild,
)
from tests.played_loop import play

EVENTS = Events()
SERVER = {"token": "t", "endpoint": "e"}


def server_update(number: int) -> Any:
    return EVENTS.entry("VOICE_SERVER_UPDATE", SERVER | {"guild_id": str(guild(number))})


def joins(number: int, channel: str | None = "7") -> dict[str, Any]:
    return {"guild_id": str(guild(number)), "channel_id": channel}


def test_a_voice_server_goes_to_who_asked_last(tmp_path: Path) -> None:
    async def scenario() -> None:
        a, b, heir = PlayedSession("a"), PlayedSession("b"), PlayedSession("c", predecessor="a")
        async with PlayedCluster().requests(tmp_path) as requests:
            requests.received(a, 4, joins(1))
            requests.received(b, 4, joins(2))
            first = server_update(1)
            for _ in range(2):
                assert requests.asked.answer(a, first) == first.tail
                assert requests.asked.answer(b, first) is None
                assert requests.asked.answer(heir, first) == first.tail
            requests.received(b, 4, joins(1))
            second = server_update(1)
            assert requests.asked.answer(a, second) is None
            assert requests.asked.answer(b, second) == second.tail
            # What was decided stays: a session that resumes comes to the same.
            assert requests.asked.answer(a, first) == first.tail
        async with PlayedCluster().requests(tmp_path) as requests:
            third = server_update(1)
            assert requests.asked.answer(b, third) == third.tail
            assert requests.asked.answer(a, third) is None

    play(scenario)


def test_a_voice_server_that_nobody_asked_for_goes_to_all_that_have_the_guild(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with PlayedCluster().requests(tmp_path) as requests:
            entry = server_update(5)
            for shard, gets in (((0, 1), True), ((1, 4), True), ((2, 4), False), ((2, 3), True)):
                answer = requests.asked.answer(PlayedSession("a", shard=shard), entry)
                assert answer == (entry.tail if gets else None)

    play(scenario)


def test_two_processes_know_who_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster()
        async with (
            cluster.requests(tmp_path, process=0) as one,
            cluster.requests(tmp_path, process=1) as other,
        ):
            asker, bystander = PlayedSession("a"), PlayedSession("b")
            one.received(asker, 4, joins(1))
            entry = server_update(1)
            assert other.asked.answer(bystander, entry) is None
            assert one.asked.answer(asker, entry) == entry.tail

    play(scenario)


def test_who_is_gone_gets_no_voice_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with PlayedCluster().requests(tmp_path) as requests:
            a, b = PlayedSession("a"), PlayedSession("b")
            requests.received(a, 4, joins(1))
            requests.detached(a, over=True)
            entry = server_update(1)
            assert requests.asked.answer(b, entry) == entry.tail

    play(scenario)


def left(cluster: PlayedCluster) -> set[str]:
    return {d["guild_id"] for _, d in cluster.of(4) if d["channel_id"] is None}


def test_the_place_in_a_channel_ends_with_the_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster()
        async with cluster.requests(tmp_path) as requests:
            over, resumed, lost, heired = (PlayedSession(name) for name in "orlh")
            for number, session in enumerate((over, resumed, lost, heired), start=1):
                requests.received(session, 4, joins(number))
            requests.received(over, 4, joins(9))
            requests.received(over, 4, joins(9, None))  # left already
            await asyncio.sleep(1)
            cluster.sent.clear()
            requests.detached(over, over=True)
            for session in (resumed, lost, heired):
                requests.detached(session, over=False)
            await asyncio.sleep(10)
            assert left(cluster) == {str(guild(1))}
            assert len(cluster.sent) == 1
            requests.resumed(resumed)
            heir = PlayedSession("H", predecessor="h")
            requests.identified(heir)
            requests.received(heir, 4, joins(4))
            await asyncio.sleep(10)
            assert [
                d["channel_id"] for _, d in cluster.of(4) if d["guild_id"] == str(guild(4))
            ] == [
                None,
                "7",
            ]
            await asyncio.sleep(400)
            assert left(cluster) == {str(guild(n)) for n in (1, 3, 4)}
            assert len(cluster.sent) == 4

    play(scenario)


def test_a_place_is_kept_while_another_process_has_the_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster()
        session, lost = PlayedSession("a"), PlayedSession("b")
        async with cluster.requests(tmp_path, process=0) as one:
            one.received(session, 4, joins(1))
            one.received(lost, 4, joins(2))
            await asyncio.sleep(1)
        cluster.sent.clear()
        async with (  # the first was killed, and is started again
            cluster.requests(tmp_path, process=0),
            cluster.requests(tmp_path, process=1) as other,
        ):
            other.resumed(session)
            await asyncio.sleep(400)
            assert left(cluster) == {str(guild(2))}
            entry = server_update(1)
            assert other.asked.answer(session, entry) == entry.tail

    play(scenario)


@pytest.mark.parametrize(
    ("op", "name", "asked"),
    [
        (31, "SOUNDBOARD_SOUNDS", {"guild_ids": [str(guild(1)), str(guild(2))]}),
        (43, "CHANNEL_INFO", {"guild_id": str(guild(1)), "fields": ["status"]}),
    ],
)
def test_what_names_a_guild_only_goes_to_all_who_asked(
    tmp_path: Path, op: int, name: str, asked: Any
) -> None:
    async def scenario() -> None:
        cluster = PlayedCluster()
        async with cluster.requests(tmp_path) as requests:
            a, b, c = (PlayedSession(name) for name in "abc")
            requests.received(a, op, asked)
            requests.received(b, op, asked)
            await asyncio.sleep(1)
            assert {shard for shard, _ in cluster.of(op)} == ({1, 2} if op == 31 else {1})
            first, second = (EVENTS.entry(name, {"guild_id": str(guild(1))}) for _ in range(2))
            assert [requests.asked.answer(one, first) for one in (a, b, c)] == [
                first.tail,
                first.tail,
                None,
            ]
            assert [requests.asked.answer(one, second) for one in (a, b, c)] == [None] * 3
            requests.received(a, op, asked)
            await asyncio.sleep(ASKED_S + 1)
            late = EVENTS.entry(name, {"guild_id": str(guild(1))})
            assert requests.asked.answer(a, late) is None

    play(scenario)


def test_a_rate_limit_is_told_to_who_ran_into_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with PlayedCluster().requests(tmp_path) as requests:
            a, b = PlayedSession("a"), PlayedSession("b")
            nonce = nonces.write("a", "mine")
            limited = {
                "opcode": 8,
                "retry_after": 29.5,
                "meta": {"guild_id": str(guild(1)), "nonce": nonce},
            }
            entry = EVENTS.entry("RATE_LIMITED", limited)
            told = d_of(requests.asked.answer(a, entry))
            assert told == limited | {"meta": {"guild_id": str(guild(1)), "nonce": "mine"}}
            assert requests.asked.answer(b, entry) is None
            other = EVENTS.entry("RATE_LIMITED", limited | {"opcode": 9})
            assert requests.asked.answer(a, other) is None

    play(scenario)


@pytest.mark.parametrize("name", ["GUILD_MEMBERS_CHUNK", "RATE_LIMITED", "VOICE_SERVER_UPDATE"])
@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 5000,
        b'{"nonce":"%b","guild_id":"x"}' % (b"7" * 32),
        b'{"nonce":[1],"meta":{"nonce":{}},"opcode":8}',
    ],
)
def test_what_can_not_be_read_is_nobodys(tmp_path: Path, name: str, data: bytes) -> None:
    async def scenario() -> None:
        async with PlayedCluster().requests(tmp_path) as requests:
            entry = EVENTS.entry(name, data)
            for _ in range(2):
                assert requests.asked.answer(PlayedSession("a"), entry) is None

    play(scenario)


ROWS = st.lists(st.fixed_dictionaries({"user": st.text(max_size=5), "nick": st.text(max_size=40)}))


def test_a_chunk_is_as_discord_wrote_it_but_for_the_nonce(tmp_path: Path) -> None:
    """Members may be called what they like: the nonce is found by its place."""
    store = Store(tmp_path)
    answers = Answers(store, OpenRequests(), lambda: 0.0)

    @given(ROWS, st.none() | st.text(max_size=4), st.booleans())
    def holds(rows: list[dict[str, str]], own: str | None, first: bool) -> None:
        nonce = nonces.write("a", own)
        members = [*rows, {"nick": f'"nonce":"{nonce}"'}]
        chunk = {"guild_id": "7", "members": members, "chunk_index": 0, "chunk_count": 1}
        d = {"nonce": nonce} | chunk if first else chunk | {"nonce": nonce}
        tail = answers.answer(PlayedSession("a"), EVENTS.entry("GUILD_MEMBERS_CHUNK", d))
        expected = dict(d)
        if own is None:
            del expected["nonce"]
        else:
            expected["nonce"] = own
        assert tail == b',"op":0,"d":%b}' % msgspec.json.encode(expected)

    holds()
    store.close()
