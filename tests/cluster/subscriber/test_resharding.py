"""A subscriber while a bot is resharded, without sockets: which shards it reads when, and what
comes out. 1 shard becomes 2; guild n is of shard n of the two."""

from __future__ import annotations

import asyncio
import json
import time
from typing import cast

import pytest

from cluster.subscriber import Event, Gap, Item, new_shards
from cluster.subscriber.chain import RangeAsk, RangeReply, Reached
from cluster.subscriber.chain_feed import ChainFeed
from cluster.subscriber.delivery_queue import DeliveryQueue
from cluster.subscriber.event_filter import EventFilter
from cluster.subscriber.replay_client import ReplayClient, read_batch
from cluster.subscriber.reshards import Reshards
from cluster.subscriber.stall_detector import StallDetector
from cluster.wire import reshard, watermark
from cluster.wire.batch import FORMAT, RESHARDED
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import WHOLE, Saved, SavedShard, ShardKey
from cluster.wire.replay import HeadRow, HeadsAnswer
from cluster.wire.shard_state import Public, ShardState
from cluster.wire.states import GapReason, ReshardStage
from coordinator.replay.answers import head_state

S = 1_000_000_000
STORE = "0123456789abcdef"
OLD, NEW = ShardKey(1, 0), (ShardKey(2, 0), ShardKey(2, 1))
PREPARING, OVERLAP, DONE = ReshardStage.PREPARING, ReshardStage.OVERLAP, ReshardStage.DONE


class Cluster:
    """Workers of two shard counts, their journals, and the replay server that reads them."""

    def __init__(self, store: str = STORE) -> None:
        self.store = store
        self.writers: dict[ShardKey, ShardWriter] = {}
        self.journals: dict[ShardKey, list[tuple[int, list[bytes]]]] = {}
        """Shard -> (last seq, messages) of its drains."""
        self.now_ns = S
        self.back = 0
        """So many events of each new shard count from before its count came into force."""
        self.gone = -1
        """Up to this seq of the old shard the journals hold nothing any more, as they find out when
        they are asked for it."""
        for key, epoch in ((OLD, 1), (NEW[0], 2), (NEW[1], 3)):
            state = ShardState(shard_id=key.shard_id, shard_count=key.shard_count)
            if key != OLD:
                state.held = OLD.shard_count
            self.writers[key] = ShardWriter(store, state)
            self.writers[key].begin_epoch(epoch)
            self.journals[key] = []

    def receive(self, key: ShardKey, guild: int, text: str, name: str = "A") -> list[bytes]:
        """A shard receives an event and journals it. Return what it publishes."""
        self.now_ns += S // 100
        data = json.dumps({"guild_id": str(guild), "text": text}).encode()
        writer = self.writers[key]
        messages = writer.drain([(name, writer.state.seq + 1, data)], self.now_ns)
        self.journals[key].append((writer.state.seq, messages))
        if not (state := writer.state).held:
            return messages
        state.public = Public(state.epoch, max(-1, state.seq - self.back), 0, state.held, 10 * S)
        return []

    def both(self, guild: int, text: str) -> list[bytes]:
        """Both counts receive an event."""
        return self.receive(OLD, guild, text) + self.receive(NEW[guild], guild, text)

    def make_public(self) -> None:
        for key in NEW:
            state = self.writers[key].state
            state.held = 0
            seq = max(-1, state.seq - self.back)
            state.public = Public(state.epoch, seq, self.now_ns, 1, 10 * S)

    def end(self, *keys: ShardKey) -> list[bytes]:
        """These shards log out for good. Return what they publish."""
        return [m for k in keys for m in self.writers[k].end_epoch(RESHARDED, self.now_ns)]

    def watermark(self, *keys: ShardKey) -> bytes:
        rows = []
        for key in keys:
            state = self.writers[key].state
            last = list(state.last.items())
            row = watermark.Row(
                key.shard_id, key.shard_count, state.epoch, None, state.seq, -1, last
            )
            rows.append(row)
        return watermark.encode(self.store, keys[0].shard_count, self.now_ns, True, rows)

    def announcement(self, stage: ReshardStage) -> bytes:
        return reshard.encode(reshard.Reshard(FORMAT, self.store, 1, 2, 10 * S, stage, self.now_ns))

    async def heads(self) -> HeadsAnswer:
        rows = []
        for key, writer in self.writers.items():
            state = writer.state
            head = HeadRow(
                *key, state.epoch, state.seq, (state.epoch, 0), state.public, head_state(state)
            )
            rows.append(head)
        return HeadsAnswer(id=1, cluster=self.store, shards=rows)

    async def range(
        self, count: int, shard_id: int, ask: RangeAsk, names: list[str] | None
    ) -> RangeReply:
        key = ShardKey(count, shard_id)
        state = self.writers[key].state
        upto = state.seq if ask.upto is None else min(ask.upto, state.seq)
        gone = self.gone if key == OLD else -1
        batches = [
            batch
            for last, messages in self.journals[key]
            for message in messages
            if max(ask.after, gone) < last <= upto and (batch := read_batch(message))
        ]
        end = state.seq if state.ended else None
        ranges = [(ask.after + 1, gone)] if ask.after < gone else []
        return RangeReply(ask, batches, upto, ranges, False, end, None, state.retired)

    def close(self) -> None:
        """It has no sockets."""


class Reader:
    """What a Subscriber is made of, without its sockets. Seconds pass when it is told."""

    def __init__(
        self, cluster: Cluster, saved: Saved | None = None, *, oldest: bool = False,
        max_bytes: int = 1 << 20,
    ) -> None:  # fmt: skip
        self.items: list[Item] = []
        self._cluster = cast(ReplayClient, cluster)
        self.reshards = Reshards()
        self._queue = DeliveryQueue(EventFilter(self.reshards))
        self._ahead_s = 0.0
        self.feed = ChainFeed(
            None, self._queue, self.reshards, StallDetector(0.0), saved=saved, oldest=oldest,
            max_bytes=max_bytes, has_room=lambda: True, wake=lambda: None, heard=lambda: None,
        )  # fmt: skip

    async def __aenter__(self) -> Reader:
        self.feed.backfill.replay = self._cluster
        await self.feed.join(self._cluster)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.feed.close()

    async def read(self, messages: list[bytes]) -> None:
        for message in messages:
            self.feed.message(message)
        await self.settle()

    async def settle(self) -> None:
        """Let all be asked for and answered that may be now."""
        for _ in range(20):
            self._ahead_s += 0.2
            self.feed.tick(time.monotonic() + self._ahead_s)
            await asyncio.sleep(0)
            self.items += iter(self._queue.next, None)

    def position(self) -> Saved:
        shards = [SavedShard(*key, *place) for key, place in self._queue.positions().items()]
        return Saved(STORE, shards)

    @property
    def texts(self) -> str:
        assert not [item for item in self.items if isinstance(item, Gap)]
        return "".join(item.json()["text"] for item in self.items if isinstance(item, Event))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_shards, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(new_shards, "END_SECONDS", 0.0)


def test_what_both_receive_comes_once_and_the_rest_of_the_new_count_after_it() -> None:
    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(PREPARING)])
            await reader.read(cluster.receive(OLD, 0, "a") + cluster.both(1, "b"))
            cluster.make_public()
            await reader.read([cluster.announcement(OVERLAP), *cluster.both(0, "c")])
            late = cluster.receive(NEW[1], 1, "d")  # the old session lags
            await reader.read([*late, *cluster.receive(NEW[0], 0, "e")])
            assert reader.texts == "abc"
            await reader.read(cluster.receive(OLD, 1, "d") + cluster.end(OLD))
            await reader.read([cluster.announcement(DONE), *cluster.receive(NEW[0], 0, "f")])
            assert reader.texts == "abcdef"
            assert reader.position().shards[0] == SavedShard(*OLD, 1, WHOLE)

    asyncio.run(run())


@pytest.mark.parametrize("hour_s", [3600, -3600])
def test_a_subscriber_whose_clock_is_an_hour_wrong(
    hour_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: S + hour_s * S)
    monkeypatch.setattr(time, "time", lambda: 1.0 + hour_s)

    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(PREPARING), *cluster.receive(OLD, 0, "a")])
            cluster.make_public()
            for text in "bcdefg":
                await reader.read([cluster.announcement(OVERLAP), *cluster.both(0, text)])
            await reader.read([*cluster.end(OLD), *cluster.receive(NEW[0], 0, "h")])
            await reader.settle()
            assert reader.texts == "abcdefgh"

    asyncio.run(run())


def test_what_an_old_session_that_lags_never_received_comes_of_the_new_one() -> None:
    """It lags more than the overlap: what happened last before the new count came into force, it
    has not received when it ends."""

    async def run() -> None:
        cluster = Cluster()
        cluster.back = 4
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(PREPARING)])
            for text in "abxcdx":
                cluster.receive(NEW[0], 0, text)
            cluster.make_public()
            await reader.read([cluster.announcement(OVERLAP), *cluster.receive(NEW[0], 0, "e")])
            await reader.read(cluster.receive(OLD, 0, "a") + cluster.receive(OLD, 0, "b"))
            await reader.read(cluster.receive(OLD, 0, "x") + cluster.receive(OLD, 0, "c"))
            await reader.read([*cluster.end(OLD), cluster.announcement(DONE)])
            await reader.read(cluster.receive(NEW[0], 0, "f"))
            assert reader.texts == "abxcdxef"

    asyncio.run(run())


def test_the_new_session_lags_for_longer_than_the_old_one_lives() -> None:
    """It begins with what the old one had before, and ends with what that had last."""

    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(PREPARING)])
            for text in "abxcxd":
                await reader.read(cluster.receive(OLD, 0, text))
            cluster.make_public()
            await reader.read([cluster.announcement(OVERLAP), *cluster.receive(NEW[0], 0, "x")])
            await reader.read([*cluster.end(OLD), cluster.announcement(DONE)])
            for text in "cxdxex":
                await reader.read(cluster.receive(NEW[0], 0, text))
            assert reader.texts == "abxcxdxex"

    asyncio.run(run())


def test_what_waits_is_bounded_and_asked_for_again() -> None:
    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster, max_bytes=4_000) as reader:
            await reader.read([cluster.announcement(PREPARING)])
            cluster.make_public()
            texts = [f"{n}," for n in range(100)]
            for text in texts:
                await reader.read(cluster.both(0, text))
                assert reader.feed.chains.held_bytes <= 4_000
            texts += ["a", "b"]
            await reader.read(cluster.receive(NEW[0], 0, "a"))
            await reader.read(cluster.end(OLD) + cluster.receive(NEW[0], 0, "b"))
            assert reader.texts == "".join(texts)
            assert reader.feed.backfill.answers > 0

    asyncio.run(run())


def test_the_old_count_ends_unheard() -> None:
    """A coordinator died meanwhile, and the next one has ended the old shards: what they received
    last, and that they ended, only the journals tell."""

    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(PREPARING), *cluster.both(1, "a")])
            cluster.make_public()
            await reader.read([cluster.announcement(OVERLAP), *cluster.both(0, "b")])
            cluster.receive(OLD, 0, "c")
            cluster.end(OLD)
            await reader.read(cluster.receive(NEW[0], 0, "c") + cluster.receive(NEW[0], 0, "d"))
            await reader.settle()
            assert reader.texts == "abcd"

    asyncio.run(run())


def test_a_resharding_that_is_taken_back() -> None:
    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(PREPARING)])
            cluster.make_public()
            await reader.read([cluster.announcement(OVERLAP), *cluster.both(0, "a")])
            await reader.read(cluster.both(1, "b") + cluster.end(*NEW))
            await reader.read(cluster.receive(OLD, 0, "c"))
            await reader.settle()
            assert reader.texts == "abc"
            assert reader.feed.chains.counts() == {1}
            assert reader.reshards.overlaps == []
            assert [shard.shard_count for shard in reader.position().shards] == [1]

    asyncio.run(run())


def test_what_the_old_session_missed_comes_late_and_is_not_lost() -> None:
    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(PREPARING), *cluster.both(0, "a")])
            cluster.make_public()
            await reader.read(cluster.both(0, "b") + cluster.receive(NEW[0], 0, "c"))
            old = cluster.writers[OLD]
            ended = old.end_epoch("op 9", cluster.now_ns)
            old.begin_epoch(9)
            await reader.read([*ended, *cluster.both(0, "d"), *cluster.receive(NEW[0], 0, "e")])
            await reader.read(cluster.end(OLD))
            gaps = [item for item in reader.items if isinstance(item, Gap)]
            assert [gap.reason for gap in gaps] == ["session_lost"]
            reader.items = [item for item in reader.items if isinstance(item, Event)]
            assert reader.texts == "abdce"

    asyncio.run(run())


@pytest.mark.parametrize("oldest", [True, False])
def test_history_is_read_as_it_would_have_come(oldest: bool) -> None:
    async def run() -> None:
        cluster = Cluster()
        cluster.receive(OLD, 0, "a")
        cluster.both(1, "b")
        cluster.make_public()
        for text in "cxdx":
            cluster.both(0, text)
        cluster.end(OLD)
        cluster.receive(NEW[0], 0, "e")
        saved = None if oldest else Saved(STORE, [SavedShard(*OLD, 1, 0)])
        async with Reader(cluster, saved, oldest=oldest) as reader:
            await reader.settle()
            await reader.read(cluster.receive(NEW[0], 0, "x"))
            assert reader.texts == ("a" if oldest else "") + "bcxdxex"

    asyncio.run(run())


@pytest.mark.parametrize("ended", [False, True])
def test_a_subscriber_that_is_restarted_while_both_publish(ended: bool) -> None:
    """What the first one had of the old count is read once more, and not given out again."""

    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster) as first:
            await first.read([cluster.announcement(PREPARING), *cluster.both(0, "a")])
            cluster.make_public()
            for text in "bxcx":
                await first.read([cluster.announcement(OVERLAP), *cluster.both(0, text)])
            assert first.texts == "abxcx"
            saved = first.position()
        cluster.both(1, "d")
        if ended:
            cluster.end(OLD)
            cluster.receive(NEW[0], 0, "x")
        async with Reader(cluster, saved) as second:
            await second.settle()
            if not ended:
                again = second.position()
                assert {s.shard_count: s.seq for s in again.shards}[1] >= 5
                await second.read([cluster.announcement(OVERLAP), *cluster.both(0, "e")])
                await second.read([*cluster.end(OLD), *cluster.receive(NEW[0], 0, "x")])
            assert second.texts == ("dx" if ended else "dex")

    asyncio.run(run())


@pytest.mark.parametrize("saved", [False, True])
def test_a_subscriber_that_joins_while_the_new_count_is_prepared(saved: bool) -> None:
    """Nothing comes that it has had before, or that was before now, though the new count's events
    count from before that."""

    async def run() -> None:
        cluster = Cluster()
        cluster.back = 100
        async with Reader(cluster) as first:
            await first.read([cluster.announcement(PREPARING), *cluster.receive(OLD, 0, "-")])
            for text in "axbx":
                await first.read(cluster.both(0, text))
            assert first.texts == "-axbx"
            position = first.position() if saved else None
        if saved:
            cluster.both(0, "c")
        async with Reader(cluster, position) as second:
            await second.settle()
            await second.read([cluster.announcement(PREPARING), *cluster.both(0, "d")])
            cluster.make_public()
            await second.read([cluster.announcement(OVERLAP), *cluster.both(0, "x")])
            await second.read(cluster.receive(NEW[0], 0, "e"))
            await second.read([*cluster.end(OLD), *cluster.receive(NEW[0], 0, "f")])
            assert second.texts == "c" * saved + "dxef"

    asyncio.run(run())


def test_a_subscriber_that_is_restarted_when_it_has_read_all_of_the_old_count() -> None:
    async def run() -> None:
        cluster = Cluster()
        cluster.receive(OLD, 0, "a")
        cluster.make_public()
        for text in "bxcx":
            cluster.both(0, text)
        cluster.end(OLD)
        cluster.receive(NEW[0], 0, "d")
        async with Reader(cluster, Saved(STORE, [SavedShard(*OLD, 1, WHOLE)])) as reader:
            await reader.settle()
            assert reader.texts == "d"
            places = {ShardKey(s.shard_count, s.shard_id): s.seq for s in reader.position().shards}
            assert places == {OLD: WHOLE, NEW[0]: 4, NEW[1]: -1}

    asyncio.run(run())


def test_what_is_read_once_more_is_no_gap_where_it_is_gone() -> None:
    async def run() -> None:
        cluster = Cluster()
        for text in "abcd":
            cluster.receive(OLD, 0, text)
        cluster.make_public()
        cluster.both(0, "e")
        saved = Saved(STORE, [SavedShard(*OLD, 1, 4)])
        cluster.gone = 2
        async with Reader(cluster, saved) as reader:
            await reader.read([cluster.announcement(OVERLAP), *cluster.both(0, "f")])
            await reader.read([*cluster.end(OLD), *cluster.receive(NEW[0], 0, "g")])
            assert reader.texts == "fg"

    asyncio.run(run())


def test_who_joins_in_the_midst_begins_now_in_both() -> None:
    async def run() -> None:
        cluster = Cluster()
        cluster.both(0, "a")
        cluster.make_public()
        cluster.both(0, "b")
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(OVERLAP), *cluster.both(0, "c")])
            await reader.read(cluster.receive(NEW[1], 1, "d") + cluster.receive(OLD, 1, "d"))
            assert reader.texts == "cd"
            places = {ShardKey(s.shard_count, s.shard_id): s.seq for s in reader.position().shards}
            assert places == {OLD: 3, NEW[0]: 1, NEW[1]: -1}, (
                "where it has begun in those that wait"
            )
            await reader.read([*cluster.end(OLD), *cluster.receive(NEW[1], 1, "e")])
            assert reader.texts == "cde"

    asyncio.run(run())


def test_an_old_shard_whose_worker_was_killed_has_no_end() -> None:
    """The new count waits for it as long as anything of it is heard, and some time after that."""

    async def run() -> None:
        cluster = Cluster()
        async with Reader(cluster) as reader:
            await reader.read([cluster.announcement(PREPARING), *cluster.both(0, "a")])
            cluster.make_public()
            await reader.read([cluster.announcement(OVERLAP), *cluster.both(0, "b")])
            for _ in range(30):
                await reader.read([cluster.watermark(OLD), *cluster.receive(NEW[0], 0, ".")])
            assert reader.texts == "ab"
            for _ in range(30):
                await reader.read(cluster.receive(NEW[0], 0, "-"))
            assert reader.texts == "ab" + 30 * "." + 30 * "-"

    asyncio.run(run())


def test_without_a_replay_server_the_new_count_waits_all_the_same() -> None:
    async def run() -> None:
        cluster = Cluster()
        reader = Reader(cluster)
        await reader.feed.join(None)
        await reader.read([*cluster.receive(OLD, 0, "-"), cluster.announcement(PREPARING)])
        await reader.read(cluster.both(0, "a"))
        cluster.make_public()
        await reader.read(cluster.both(0, "b") + cluster.both(1, "c"))
        await reader.read(cluster.receive(NEW[0], 0, "d"))  # it begins where it was heard first
        await reader.read([*cluster.end(OLD), *cluster.receive(NEW[0], 0, "e")])
        reader.items = [item for item in reader.items if isinstance(item, Event)]
        assert reader.texts == "-abcde"
        await reader.feed.close()

    asyncio.run(run())


@pytest.mark.parametrize("key", [OLD, NEW[0]])
def test_a_shard_of_another_store_is_neither_waited_with_nor_read_once_more(key: ShardKey) -> None:
    async def run() -> None:
        cluster, other = Cluster(), Cluster("f" * 16)
        async with Reader(cluster) as first:
            await first.read([cluster.announcement(PREPARING), *cluster.both(0, "a")])
            cluster.make_public()
            await first.read([cluster.announcement(OVERLAP), *cluster.both(0, "b")])
            saved = first.position()
        async with Reader(cluster, saved) as second:
            await second.settle()
            await second.read([cluster.announcement(OVERLAP), *cluster.both(0, "c")])
            other.make_public()
            await second.read(other.receive(key, 0, "d"))
            await second.read([other.announcement(PREPARING), *other.receive(key, 0, "e")])
            gaps = [item for item in second.items if isinstance(item, Gap)]
            assert [gap.reason for gap in gaps] == [GapReason.OTHER_STORE]
            second.items.remove(gaps[0])
            assert second.texts == "cde"

    asyncio.run(run())


def test_a_place_that_is_passed_once_more_moves_no_position_back() -> None:
    queue = DeliveryQueue(EventFilter(Reshards()))
    queue.read_again(OLD, (1, 10))
    for reached, seq in ((4, 10), (10, 10), (12, 12)):
        queue.put(OLD, [Reached(1, reached)])
        assert queue.next() is None
        assert queue.positions() == {OLD: (1, seq)}
