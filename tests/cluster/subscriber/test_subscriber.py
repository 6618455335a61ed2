"""Subscriber over real sockets, with all that stands between it and a shard's pump."""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from typing import get_args

import pytest
import zmq

from cluster.discord.event_names import EventName, event_names
from cluster.errors import ConfigError
from cluster.journal import ShardState
from cluster.subscriber import Event, Gap, Item, Subscriber, new_shards
from cluster.subscriber.chain import ShardChain
from cluster.subscriber.chain_feed import ChainFeed
from cluster.subscriber.replay_client import NoAnswerError, ReplayClient
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import ShardKey
from cluster.wire.replay import HeadsAnswer
from cluster.wire.states import GapReason
from tests.cluster.subscriber.delivery_rig import STORE, delivery_rig


async def take(subscriber: Subscriber, count: int) -> list[Item]:
    async with asyncio.timeout(60):
        return [await anext(subscriber) for _ in range(count)]


def names(items: list[Item]) -> list[tuple[str, int]]:
    return [(item.name, item.seq) if isinstance(item, Event) else ("?", -1) for item in items]


def test_what_happens_after_joining_comes_once_in_order() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster:
            cluster.emit(0, "A", "B")
            async with cluster.subscriber(events=["A", "B"]) as subscriber:
                sent = cluster.emit(0, "A", "B", "C", "A")
                sent += cluster.emit(0, "B")
                items = await take(subscriber, 4)
                assert names(items) == [event for event in sent if event[0] != "C"]
                assert isinstance(items[0], Event)
                assert items[0].json() == {"n": items[0].seq}

    asyncio.run(run())


def test_what_the_way_lost_is_asked_for() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster:
            cluster.emit(0, "A")
            async with cluster.subscriber(events=["A"]) as subscriber:
                sent = cluster.emit(0, "A", "B")
                sent += cluster.emit(0, "A", "A", published=False)
                sent += cluster.emit(0, "A")
                items = await take(subscriber, 4)
                assert names(items) == [event for event in sent if event[0] == "A"]

    asyncio.run(run())


def test_the_oldest_and_a_saved_position() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster:
            sent = [*cluster.emit(0, "A", "B"), *cluster.emit(0, "A")]
            async with cluster.subscriber(start="oldest") as subscriber:
                assert names(await take(subscriber, 2)) == sent[:2]
                saved = json.loads(json.dumps(subscriber.position))
            sent += cluster.emit(0, "C", "A")
            async with cluster.subscriber(start=saved) as subscriber:
                # The event that was being handled when the position was taken comes again.
                assert names(await take(subscriber, 4)) == sent[1:]
            saved["store"] = "another"
            async with cluster.subscriber(start=saved) as subscriber:
                items = await take(subscriber, 6)
                assert isinstance(items[0], Gap)
                assert items[0].reason == "other_store"
                assert names(items[1:]) == sent

    asyncio.run(run())


def test_a_shard_that_begins_later_comes_from_its_first_event() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster, cluster.subscriber() as subscriber:
            sent = cluster.emit(1, "READY", "A")
            assert names(await take(subscriber, 2)) == sent

    asyncio.run(run())


def test_a_new_session_is_a_gap_without_an_end() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster:
            cluster.emit(0, "A")
            async with cluster.subscriber(events=["A"]) as subscriber:
                cluster.emit(0, "A")
                cluster.writer(0).begin_epoch(3, cause="op 9")
                cluster.emit(0, "A")
                first, gap, second = await take(subscriber, 3)
                assert isinstance(first, Event)
                assert isinstance(gap, Gap)
                assert isinstance(second, Event)
                assert (first.epoch, first.seq, second.epoch, second.seq) == (1, 1, 3, 0)
                assert (gap.epoch, gap.first, gap.last, gap.reason) == (1, 2, None, "session_lost")

    asyncio.run(run())


def test_what_was_before_is_a_gap_when_there_is_nobody_to_ask() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster:
            cluster.emit(0, "A")
            async with Subscriber(cluster.events, start="oldest") as subscriber:
                (gap,) = await take(subscriber, 1)
                assert isinstance(gap, Gap)
                assert (gap.shard_id, gap.last, gap.reason) == (-1, None, "no_replay")

    asyncio.run(run())


def test_a_replay_server_that_is_away_is_waited_for_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = 0
    heads = ReplayClient.heads

    async def away_at_first(self: ReplayClient) -> HeadsAnswer:
        nonlocal tries
        tries += 1
        if tries <= 5:
            raise NoAnswerError("it is away")
        return await heads(self)

    monkeypatch.setattr(ReplayClient, "heads", away_at_first)
    monkeypatch.setattr("cluster.subscriber.starter.AGAIN_SECONDS", 0.0)

    async def run() -> None:
        async with delivery_rig() as cluster:
            sent = cluster.emit(0, "A", "B")
            async with cluster.subscriber(start="oldest") as subscriber:
                assert names(await take(subscriber, 2)) == sent
            assert tries == 6

    asyncio.run(run())


@pytest.mark.parametrize("asked", [True, False])
def test_what_comes_after_joining_is_not_skipped_when_nobody_says_how_far_all_is(
    monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    """Nobody to ask, or nobody who answers; and no watermark comes between."""
    monkeypatch.setattr("cluster.subscriber.starter.PATIENCE_SECONDS", 0.0)

    async def away(self: ReplayClient) -> HeadsAnswer:
        raise NoAnswerError("it is away")

    monkeypatch.setattr(ReplayClient, "heads", away)

    async def run() -> None:
        async with delivery_rig() as cluster:
            cluster.emit(0, "A", "B")
            replay = cluster.replay if asked else None
            async with Subscriber(cluster.events, replay=replay) as subscriber:
                monkeypatch.setattr(cluster.publisher, "watermark_due", lambda **_: None)
                sent = cluster.emit(0, "A", "B", "A")
                sent += cluster.emit(1, "C")
                assert names(await take(subscriber, 4)) == sent

    asyncio.run(run())


def test_a_saved_shard_that_no_journal_knows_is_gone_and_said_so() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster:
            cluster.emit(0, "A")
            saved = {"store": STORE, "shards": [[2, 0, 1, -1], [2, 1, 4, 7], [9, 3, 1, 5]]}
            async with cluster.subscriber(start=saved) as subscriber:
                first, second, event = await take(subscriber, 3)
                assert first == Gap(1, 2, 4, None, 8, None, GapReason.GONE)
                assert second == Gap(3, 9, 1, None, 6, None, GapReason.GONE)
                assert names([event]) == [("A", 0)]
                # One of them comes again, in the epoch in which it was saved.
                state = ShardState(shard_id=1, shard_count=2, epoch=4, seq=7)
                cluster.writers[1] = ShardWriter(STORE, state)
                sent = cluster.emit(1, "A", "B")
                assert names(await take(subscriber, 2)) == sent == [("A", 8), ("B", 9)]

    asyncio.run(run())


def test_a_position_ahead_of_the_store_is_a_gap_and_no_stall() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster:
            sent = cluster.emit(0, "A", "B")
            saved = {"store": STORE, "shards": [[2, 0, 9, 100]]}
            async with cluster.subscriber(start=saved) as subscriber:
                gap, *events = await take(subscriber, 3)
                assert gap == Gap(0, 2, 9, None, 101, None, GapReason.AHEAD)
                sent += cluster.emit(0, "A")
                assert names(events + await take(subscriber, 1)) == sent
            # In the same epoch what it says was handled, was: it names the same events.
            saved = {"store": STORE, "shards": [[2, 0, 1, 3]]}
            async with cluster.subscriber(start=saved) as subscriber:
                cluster.emit(0, "C")
                sent = cluster.emit(0, "A")
                assert names(await take(subscriber, 1)) == sent == [("A", 4)]

    asyncio.run(run())


def test_what_all_shards_hold_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    collect = ChainFeed._collect

    def watched(self: ChainFeed, key: ShardKey, chain: ShardChain) -> None:
        collect(self, key, chain)
        held.append(self.chains.held_bytes)

    monkeypatch.setattr(ChainFeed, "_collect", watched)

    async def run() -> None:
        async with (
            delivery_rig() as cluster,
            cluster.subscriber(events=["A"], max_bytes=16_000) as subscriber,
        ):
            sent: list[list[tuple[str, int]]] = [[], []]
            for shard in (0, 1):
                sent[shard] += cluster.emit(shard, "A", published=False)  # what stands before all
            for _ in range(40):
                for shard in (0, 1):
                    sent[shard] += cluster.emit(shard, "A")
            items = await take(subscriber, 82)
            for shard in (0, 1):
                mine = [i for i in items if isinstance(i, Event) and i.shard_id == shard]
                assert names(list(mine)) == sent[shard]
            assert 4_000 < max(held) <= 8_000
            assert held[-1] == 0

    asyncio.run(run())


@pytest.mark.parametrize("events", [[], ["message_create"], ["_watermark"], ["MESSAGE_CREATE.3"]])
def test_names_that_never_come_are_refused(events: list[str]) -> None:
    with pytest.raises(ConfigError):
        Subscriber("ipc:///nowhere", events=event_names(*events))
    Subscriber("ipc:///nowhere", events="MESSAGE_CREATE")  # type: ignore[arg-type]


def here() -> int:
    """The line that calls this."""
    return sys._getframe(1).f_lineno


def test_a_name_that_is_not_known_is_warned_of_where_it_is_written() -> None:
    misspelt = event_names("MESSAGE_CREAT", "READY")
    with pytest.warns(UserWarning, match=r"no event 'MESSAGE_CREAT'.*'MESSAGE_CREATE'") as said:
        Subscriber("ipc:///nowhere", events=misspelt)
    assert [(one.filename, one.lineno) for one in said] == [(__file__, here() - 1)]
    with pytest.warns(UserWarning, match=r"no event 'QQQ' is known.*docs/events.md"):
        Subscriber("ipc:///nowhere", events=event_names("QQQ"))
    with pytest.raises(ConfigError, match=r"no event 'MESSAGE_CREAT' is known: did you mean"):
        Subscriber("ipc:///nowhere", events=event_names("READY", "MESSAGE_CREAT"), strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for strict in (False, True):
            Subscriber("ipc:///nowhere", events=sorted(get_args(EventName)), strict=strict)


def test_a_new_count_that_no_journal_knows_is_not_passed_over_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its worker can't write: what comes of it is given out, what may lie before is a gap."""
    monkeypatch.setattr(new_shards, "PATIENCE_SECONDS", 0.5)

    async def run() -> None:
        async with delivery_rig() as cluster:
            cluster.emit(0, "A")
            async with cluster.subscriber() as subscriber:
                cluster.emit(0, "A")
                await anext(subscriber)
                socket = cluster.context.socket(zmq.PUB)
                socket.connect(cluster.workers)
                writer = ShardWriter(STORE, ShardState(shard_id=1, shard_count=8))
                writer.begin_epoch(9)
                items: list[Item] = []

                async def gather() -> None:
                    while True:
                        items.append(await anext(subscriber))

                task = asyncio.create_task(gather())
                async with asyncio.timeout(60):
                    while not any(isinstance(i, Event) and i.shard_count == 8 for i in items):
                        for message in writer.drain([("B", writer.state.seq + 1, b"{}")], 1):
                            socket.send(message)
                        await asyncio.sleep(0.02)
                task.cancel()
                socket.close(0)
                first = next(i for i in items if isinstance(i, Event))
                gaps = [i for i in items if isinstance(i, Gap)]
                assert all(gap.reason == "gone" for gap in gaps)
                assert first.seq == (gaps[0].last or 0) + 1 if gaps else first.seq == 0

    asyncio.run(run())
