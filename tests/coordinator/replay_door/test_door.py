"""The replay door on real sockets, between readers and a host gate whose hosts are played."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec
import pytest
import zmq

from cluster.subscriber.chain import RangeAsk, RangeReply
from cluster.subscriber.replay_client import NoAnswerError
from cluster.wire import replay
from cluster.wire.hosts import KnownHosts
from cluster.wire.states import HostState
from coordinator.replay.fair_queue import WAITING_EACH
from coordinator.replay_door import host_questions
from tests.coordinator.replay_door.door_rig import (
    WITHIN_S,
    Answer,
    DoorRig,
    door_rig,
    id_of,
    of_journals,
)
from tests.coordinator.replay_door.shard_world import STORE, PlayedHistory, ShardWorld


def moved() -> tuple[PlayedHistory, PlayedHistory, PlayedHistory]:
    """Return the journals of three hosts: a shard's 0..3 in the first, 4..9 in the second, where it
    is, and nothing in the third."""
    world = ShardWorld()
    for _ in range(4):
        world.receive(1)
    world.move(1)
    for _ in range(5):
        world.receive(1)
    first, second, third = (PlayedHistory({slot: world.journals[slot]}) for slot in range(3))
    return first, second, third


async def hosted(rig: DoorRig) -> tuple[PlayedHistory, PlayedHistory, PlayedHistory]:
    """Let three hosts with the journals of a shard that moved be there."""
    histories = moved()
    for name, history in zip("abc", histories, strict=True):
        rig.host(name, of_journals(history))
    await rig.looked()
    rig.gate.asked.clear()
    return histories


def seqs(reply: RangeReply) -> list[int]:
    return sorted(event.seq for _, batch in reply.batches for event in batch.events)


async def until_so(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110 - what happens elsewhere sets no event
            await asyncio.sleep(0.001)


async def until(rig: DoorRig, ask: RangeAsk, is_so: object) -> RangeReply:
    """Ask until an answer has `away` as is wanted."""
    client = rig.client()
    try:
        async with asyncio.timeout(WITHIN_S):
            while (reply := await client.range(1, 0, ask, None)).away is not is_so:
                await rig.looked()
        return reply
    finally:
        client.close()


def test_one_host_is_asked_for_what_it_holds() -> None:
    async def run() -> None:
        async with door_rig() as rig:
            await hosted(rig)
            client = rig.client()
            reply = await client.range(1, 0, RangeAsk(1, -1, 3), None)
            assert (seqs(reply), reply.reached, reply.more) == ([0, 1, 2, 3], 3, False)
            assert rig.gate.ranges() == ["a"]
            reply = await client.range(1, 0, RangeAsk(1, 3, 8), ["C"])
            assert (seqs(reply), reply.reached, reply.gone) == ([5, 8], 8, [])
            assert rig.gate.ranges() == ["b"]
            reply = await client.range(1, 0, RangeAsk(1, 1, 8), None)
            assert (seqs(reply), reply.reached, reply.more) == ([2, 3], 3, True)
            heads = await client.heads()
            assert [(row.epoch, row.seq, row.oldest) for row in heads.shards] == [(1, 9, (1, 0))]
            client.close()

    asyncio.run(run())


def test_what_a_host_has_that_is_away_is_not_gone_until_it_is_given_up() -> None:
    async def run() -> None:
        async with door_rig() as rig:
            first, _, _ = await hosted(rig)
            rig.host("a", None, HostState.AWAY)
            await rig.looked()
            ask = RangeAsk(1, -1, 8)
            reply = await until(rig, ask, is_so=True)
            assert (seqs(reply), reply.reached, reply.gone, reply.more) == ([], -1, [], False)
            client = rig.client()
            heads = await client.heads()
            assert heads.shards[0].oldest == (1, 0), "what it holds is remembered"
            reply = await client.range(1, 0, RangeAsk(1, 3, 8), None)
            assert (reply.reached, reply.away) == (8, False), "what others have is had"

            rig.host("a", of_journals(first))
            reply = await until(rig, ask, is_so=False)
            assert seqs(reply) == [0, 1, 2, 3]

            rig.host("a", of_journals(first), HostState.GONE)
            await rig.looked()
            rig.gate.asked.clear()
            reply = await until(rig, ask, is_so=False)
            assert (reply.gone, seqs(reply), reply.reached) == ([(0, 3)], [4, 5, 6, 7, 8], 8)
            assert "a" not in rig.gate.ranges(), "it is no more asked"
            heads = await client.heads()
            assert [(row.seq, row.oldest) for row in heads.shards] == [(9, (1, 4))]
            client.close()

    asyncio.run(run())


def test_while_hosts_may_still_come_back_nothing_is_gone() -> None:
    async def run() -> None:
        async with door_rig() as rig:
            _, second, _ = moved()
            rig.known = KnownHosts(cluster=STORE, hosts=[], settled=False)
            rig.host("b", of_journals(second))
            await rig.looked()
            reply = await until(rig, RangeAsk(1, -1, 8), is_so=True)
            assert (reply.reached, reply.gone) == (-1, [])
            client = rig.client()
            with pytest.raises(NoAnswerError, match="Refusal"):
                await client.heads()
            rig.known = KnownHosts(cluster=STORE, hosts=rig.known.hosts, settled=True)
            reply = await until(rig, RangeAsk(1, -1, 8), is_so=False)
            assert reply.gone == [(0, 3)]
            rig.coordinator_is_there = False
            reply = await until(rig, RangeAsk(1, -1, 8), is_so=True)
            assert reply.gone == [], "who is there now, nobody says"
            rig.coordinator_is_there = True
            await rig.looked()
            assert (await client.heads()).shards
            client.close()

    asyncio.run(run())


def test_heads_are_not_told_before_each_host_has_said_what_it_holds() -> None:
    async def run() -> None:
        async with door_rig() as rig:
            first, second, _ = moved()
            rig.host("a", None, HostState.AWAY)
            rig.host("b", of_journals(second))
            client = rig.client()
            with pytest.raises(NoAnswerError):
                await client.heads()
            rig.host("a", of_journals(first))
            assert [row.oldest for row in (await client.heads()).shards] == [(1, 0)]
            client.close()

    asyncio.run(run())


def test_what_has_just_come_to_a_host_is_not_gone() -> None:
    """A shard moves, and is asked for before the door has heard of it."""

    async def run() -> None:
        async with door_rig() as rig:
            world = ShardWorld()
            world.receive(3)
            hosts = [PlayedHistory({slot: world.journals[slot]}) for slot in range(2)]
            for name, history in zip("ab", hosts, strict=True):
                rig.host(name, of_journals(history))
            await rig.looked()
            client = rig.client()
            world.move(1)
            world.receive(3)
            reply = await client.range(1, 0, RangeAsk(1, 2, 6), None)
            assert seqs(reply) == [3, 4, 5, 6]
            world.identify()
            world.move(2)
            world.receive(3)
            rig.host("c", of_journals(PlayedHistory({2: world.journals[2]})))
            reply = await client.range(1, 0, RangeAsk(2, 0, 3), None)
            assert seqs(reply) == [1, 2, 3], "a host that has just joined"
            client.close()

    asyncio.run(run())


def test_a_host_that_does_not_answer_is_away_until_it_does(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(host_questions, "ANSWER_S", 0.1)

    async def run() -> None:
        async with door_rig() as rig:
            first, _, _ = await hosted(rig)
            rig.gate.hosts[id_of("a")] = lambda question: None
            reply = await until(rig, RangeAsk(1, -1, 8), is_so=True)
            assert (reply.reached, reply.gone) == (-1, [])
            rig.gate.asked.clear()
            await until(rig, RangeAsk(1, -1, 8), is_so=True)
            assert "a" not in rig.gate.ranges(), "it costs nobody the time again"
            rig.gate.hosts[id_of("a")] = of_journals(first)
            reply = await until(rig, RangeAsk(1, -1, 8), is_so=False)
            assert seqs(reply) == [0, 1, 2, 3]

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "host a/0000000000000000 did not answer" in caplog.text


def wrong(change: dict[str, object], right: Answer) -> Answer:
    """Return how a host answers that changes its answers."""

    def answer(question: replay.Request) -> replay.Response | bytes | None:
        if isinstance(question, replay.HeadsRequest):
            return right(question)
        said = right(question)
        assert isinstance(said, replay.RangeAnswer)
        return msgspec.structs.replace(said, **change)

    return answer


@pytest.mark.parametrize(
    "rubbish",
    [
        lambda right: lambda question: b"\xff" * 40,
        lambda right: lambda question: b"",
        lambda right: lambda question: replay.Refusal(id=question.id, cause="no " * 1000),
        lambda right: lambda question: replay.HeadsAnswer(id=question.id, cluster=STORE, shards=[]),
        lambda right: lambda question: replay.HeadsAnswer(id=0, cluster="other", shards=[]),
        lambda right: wrong({"reached": -2}, right),
        lambda right: wrong({"messages": [b"x" * 100]}, right),
        lambda right: wrong({"messages": [b"A.0.\x00\x91\x01"]}, right),
        lambda right: wrong({"gone": [(0, 1 << 60)]}, right),
    ],
)
def test_a_host_that_answers_rubbish_is_as_one_that_is_away(
    monkeypatch: pytest.MonkeyPatch, rubbish: object
) -> None:
    monkeypatch.setattr(host_questions, "ANSWER_S", 0.2)

    async def run() -> None:
        async with door_rig() as rig:
            first, _, _ = await hosted(rig)
            rig.gate.hosts[id_of("a")] = rubbish(of_journals(first))  # type: ignore[operator]
            reply = await until(rig, RangeAsk(1, -1, 8), is_so=True)
            assert (seqs(reply), reply.reached, reply.gone) == ([], -1, [])
            reply = await until(rig, RangeAsk(1, 3, 8), is_so=False)
            assert seqs(reply) == [4, 5, 6, 7, 8], "the others are asked as before"

    asyncio.run(run())


def test_answers_that_nobody_asked_for_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_questions, "ANSWER_S", 0.2)

    async def run() -> None:
        async with door_rig() as rig:
            first, _, _ = await hosted(rig)
            right = of_journals(first)
            client = rig.client()

            async def spoof(*frames: bytes) -> None:
                refused = rig.questions.refused
                await rig.gate.socket.send_multipart(frames)
                await until_so(lambda: rig.questions.refused > refused)

            host, token = id_of("a").encode(), (1 << 40).to_bytes(8, "big")
            for frames in (
                (b"",),
                (host, token),
                (host, token, b"", b""),
                (host, token, b"x"),
                (host, b"", b""),
                (b"\xff", token, b""),
                (b"x" * 1000, token, b""),
            ):
                await spoof(*frames)  # fmt: skip

            def other_s_name(question: replay.Request) -> None:
                if isinstance(question, replay.RangeRequest):
                    said = replay.encode(right(question))
                    number = question.id.to_bytes(8, "big")
                    rig.gate.socket.send_multipart([id_of("b").encode(), number, said])

            rig.gate.hosts[id_of("a")] = other_s_name
            refused = rig.questions.refused
            reply = await client.range(1, 0, RangeAsk(1, -1, 3), None)
            assert (reply.reached, reply.away) == (-1, True), "what another host says is no answer"
            assert rig.questions.refused > refused
            rig.gate.hosts[id_of("a")] = right
            await spoof(host, token, bytes(4 << 20))
            assert seqs(await until(rig, RangeAsk(1, -1, 3), is_so=False)) == [0, 1, 2, 3]
            client.close()

    asyncio.run(run())


def test_nonsense_of_readers_is_refused_and_it_goes_on() -> None:
    async def run() -> None:
        async with door_rig() as rig:
            await hosted(rig)
            socket = rig.plain.socket(zmq.DEALER)
            socket.connect(rig.endpoint)
            old = replay.encode(replay.HeadsRequest(v=9, id=3))
            for nonsense in (
                [b"\xff" * 50],
                [b""],
                [b"a", b"b"],
                [b"a", b"b", b"c"],
                [b"\x81" * 3000],
                [old],
            ):
                socket.send_multipart(nonsense)
                assert await asyncio.to_thread(socket.poll, 60_000)
                *address, refusal = socket.recv_multipart()
                assert b"refused" in refusal
                assert address == nonsense[:-1][:1], "what stands before a question is an address"
            assert rig.door.questions.refused == 6
            socket.close(0)
            client = rig.client()
            assert (await client.heads()).cluster == STORE
            client.close()

    asyncio.run(run())


def test_one_who_asks_and_does_not_read_costs_the_others_nothing() -> None:
    large = ShardWorld()
    names = [("A", seq, b"x" * 200_000) for seq in range(20)]
    for event in names:
        large.journals[0].append(large.writer.drain([event], 1), large.writer.state)

    def question(number: int, upto: int) -> bytes:
        return replay.encode(
            replay.RangeRequest(
                id=number, shard_count=1, shard_id=0, epoch=1, after=-1, upto=upto, names=None
            )
        )

    async def run() -> None:
        async with door_rig() as rig:
            rig.host("a", of_journals(PlayedHistory({0: large.journals[0]})))
            await rig.looked()
            greedy = []
            for _ in range(4):
                socket = rig.plain.socket(zmq.DEALER)
                socket.setsockopt(zmq.RCVHWM, 1)
                socket.connect(rig.endpoint)
                for number in range(WAITING_EACH):
                    socket.send(question(number, 19))
                greedy.append(socket)
            modest = rig.context.socket(zmq.DEALER)
            modest.connect(rig.endpoint)
            async with asyncio.timeout(WITHIN_S):
                for number in range(100):
                    await modest.send(question(number, 0))
                    answer = replay.decode_response.decode(await modest.recv())
                    assert isinstance(answer, replay.RangeAnswer)
                    assert answer.id == number
            held = sum(len(answers) for _, answers in rig.door._stuck.values())
            assert held <= 4 * (8 + 1), "what does not get out is bounded"

            def all_of_one() -> list[int]:
                return sorted(
                    replay.decode_response.decode(greedy[0].recv()).id for _ in range(WAITING_EACH)
                )

            got = await asyncio.to_thread(all_of_one)
            assert got == list(range(WAITING_EACH)), "its last question is not lost"
            modest.close(0)
            for socket in greedy:
                socket.close(0)

    asyncio.run(run())
