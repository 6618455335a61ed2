"""Where shards begin, and the bound over all chains: without sockets."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from cluster.subscriber.chain import Event, ShardChain
from cluster.subscriber.chain.chain_set import ChainSet
from cluster.subscriber.chain_feed import ChainFeed
from cluster.subscriber.delivery_queue import DeliveryQueue
from cluster.subscriber.event_filter import EventFilter
from cluster.subscriber.replay_client import NoAnswerError, ReplayClient
from cluster.subscriber.reshards import Reshards
from cluster.subscriber.stall_detector import StallDetector
from cluster.subscriber.starter import Starter
from cluster.wire import reshard, topic, watermark
from cluster.wire.batch import FORMAT, decode_batch
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import Saved, SavedShard, ShardKey
from cluster.wire.replay import HeadsAnswer
from cluster.wire.reshard import Reshard
from cluster.wire.shard_state import ShardState
from cluster.wire.states import ReshardStage

KEY = ShardKey(1, 0)
STORE = "0123456789abcdef"


class Replay:
    """Answers after so many refusals."""

    def __init__(self, refusals: int) -> None:
        self.asked = 0
        self._refusals = refusals

    async def heads(self) -> HeadsAnswer:
        self.asked += 1
        if self.asked <= self._refusals:
            raise NoAnswerError("away")
        return HeadsAnswer(id=1, cluster=STORE, shards=[])


def new_starter(chains: ChainSet) -> Starter:
    reshards = Reshards()
    queue = DeliveryQueue(EventFilter(reshards))
    return Starter(
        chains, reshards, queue, lambda key, chain: None, lambda count: None,
        saved=None, oldest=False,
    )  # fmt: skip


def give(chain: ShardChain, writer: ShardWriter, *names: str, data: bytes = b"{}") -> None:
    last = writer.state.seq
    drain = [(name, last + n, data) for n, name in enumerate(names, 1)]
    for message in writer.drain(drain, 1):
        name, _, payload = topic.split(message)
        chain.batch(name, decode_batch(payload))


def new_writer() -> ShardWriter:
    writer = ShardWriter(STORE, ShardState(shard_id=0, shard_count=1))
    writer.begin_epoch(3)
    return writer


def test_what_came_before_joining_is_before_now() -> None:
    """A drain that came in parts while the subscription took effect, say."""
    chains, writer = ChainSet(None, 1 << 20), new_writer()
    starter = new_starter(chains)
    give(chains.get(KEY), writer, "A", "B", "A")
    assert asyncio.run(starter.join(None, published=True)) == ""
    chain = chains.get(KEY)
    assert (chain.epoch, chain.seq, chain.held_bytes) == (3, writer.state.seq, 0)


def test_of_another_store_nothing_is_kept() -> None:
    """Neither the place that was saved of a shard which no journal knew, nor shard counts that
    followed each other, nor workers that were heard."""
    saved = Saved(STORE, [SavedShard(*KEY, 3, 50)])
    reshards, stalls = Reshards(), StallDetector(0.0)
    queue = DeliveryQueue(EventFilter(reshards))
    feed = ChainFeed(
        None, queue, reshards, stalls, saved=saved, oldest=False, max_bytes=1 << 20,
        has_room=lambda: True, wake=lambda: None, heard=lambda: None,
    )  # fmt: skip
    other = ShardWriter("f" * 16, ShardState(shard_id=0, shard_count=1))
    other.begin_epoch(3)

    async def run() -> None:
        await feed.join(cast(ReplayClient, Replay(0)))
        word = Reshard(FORMAT, STORE, 1, 2, 10**10, ReshardStage.PREPARING, 1)
        feed.message(reshard.encode(word))
        feed.message(watermark.encode(STORE, 7, 1, True, []))
        assert (feed.store, reshards.known, len(reshards.overlaps)) == (STORE, True, 1)
        for message in other.drain([("A", 1, b"{}"), ("A", 2, b"{}")], 1):
            feed.message(message)
        await feed.close()

    asyncio.run(run())
    assert (reshards.known, reshards.overlaps, stalls.slots) == (False, [], {})
    items = list(iter(queue.next, None))
    assert [item.seq for item in items if isinstance(item, Event)] == [1, 2]


@pytest.mark.parametrize(("published", "asked", "store"), [(True, 4, STORE), (False, 1, "")])
def test_an_answer_is_waited_for_where_somebody_publishes(
    monkeypatch: pytest.MonkeyPatch, published: bool, asked: int, store: str
) -> None:
    monkeypatch.setattr("cluster.subscriber.starter.AGAIN_SECONDS", 0.0)
    replay = Replay(3)

    async def run() -> str:
        starter = new_starter(ChainSet(None, 1 << 20))
        try:
            return await starter.join(cast(ReplayClient, replay), published=published)
        finally:
            await starter.close()

    assert (asyncio.run(run()), replay.asked) == (store, asked)


def test_chains_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.subscriber.chain.chain_set.MAX_CHAINS", 2)
    chains = ChainSet(None, 1 << 20)
    first = chains.get(ShardKey(2, 0))
    chains.get(ShardKey(2, 1))
    with pytest.raises(topic.WireError):
        chains.get(ShardKey(3, 0))
    assert chains.get(ShardKey(2, 0)) is first


def test_the_fullest_lets_go_and_what_is_held_counts_in_bytes() -> None:
    chains = ChainSet(None, 50_000)
    small, large = chains.get(ShardKey(1, 0)), chains.get(ShardKey(1, 1))
    give(small, new_writer(), "A", data=b" " * 5_000)
    assert chains.weigh(ShardKey(1, 0), small) is None
    assert 5_000 < chains.held_bytes < 7_000
    writer = new_writer()
    give(large, writer, "A", data=b" " * 30_000)
    assert chains.weigh(ShardKey(1, 1), large) is None
    give(small, new_writer(), "A", data=b" ")  # another one, of the same seqs
    give(large, writer, "A", data=b" " * 18_000)
    assert chains.weigh(ShardKey(1, 1), large) == (1, 1)
    assert chains.held_bytes < 7_000
    chains.drop(ShardKey(1, 0))
    assert chains.held_bytes == 0
    assert [key for key, _ in chains] == [(1, 1)]
