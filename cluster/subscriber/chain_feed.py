"""ChainFeed: gives each message from the hub to the chain that it is about, and queues what the
chain puts out. Around the chains it keeps what begins them (Starter) and what asks for what they
lack (Backfill)."""

from __future__ import annotations

import time
from collections.abc import Callable

from cluster.subscriber.backfill import Backfill
from cluster.subscriber.chain import Mark, Names, ShardChain
from cluster.subscriber.chain.chain_set import ChainSet
from cluster.subscriber.delivery_queue import DeliveryQueue
from cluster.subscriber.items import OTHER_STORE
from cluster.subscriber.replay_client import ReplayClient, read_batch
from cluster.subscriber.reshards import Reshards
from cluster.subscriber.stall_detector import StallDetector
from cluster.subscriber.starter import Starter
from cluster.wire import reshard, topic, watermark
from cluster.wire.batch import RESHARDED, Batch, decode_epoch_end
from cluster.wire.position import Saved, ShardKey
from cluster.wire.states import ReshardStage


class ChainFeed:
    """Feeds the chains of all shards. ``close`` ends its tasks. Belongs to one event loop."""

    def __init__(
        self, names: Names, queue: DeliveryQueue, reshards: Reshards,
        stall_detector: StallDetector, *, saved: Saved | None, oldest: bool, max_bytes: int,
        has_room: Callable[[], bool], wake: Callable[[], None], heard: Callable[[], None],
    ) -> None:  # fmt: skip
        """saved, oldest: where to begin, see Starter. max_bytes: what all chains may hold.
        has_room: whether more may be asked for. wake: called when something was queued. heard:
        called when a watermark came.
        """
        self.store = ""
        """Id of the store whose events are read; empty: not known yet."""
        self.chains = ChainSet(names, max_bytes)
        self.backfill = Backfill(names, self._collect, has_room)
        self._queue = queue
        self._reshards = reshards
        self._stall_detector = stall_detector
        self._wake = wake
        self._heard = heard
        self._starter = Starter(
            self.chains, reshards, queue, self._collect, self._ask_for_ends,
            saved=saved, oldest=oldest,
        )  # fmt: skip

    async def join(self, replay: ReplayClient | None) -> None:
        """Begin the chains, once watermarks were waited for. replay: None: nobody can be asked."""
        published = bool(self._stall_detector.slots)
        self.store = await self._starter.join(replay, published=published) or self.store

    async def close(self) -> None:
        """End what is under way."""
        await self._starter.close()
        await self.backfill.close()

    def tick(self, now: float) -> None:
        """Ask for what is due, and begin what has waited. now: time.monotonic()."""
        self.backfill.tick(now)
        if self._reshards.overlaps:
            self._reshards.tick(now, self.chains.counts(), self.chains.wants)
            self._starter.begin_waiting()

    def message(self, message: bytes) -> None:
        """Take in a message. topic.WireError: it can't be read."""
        found = read_batch(message)
        if found is not None:
            self._batch(*found)
            return
        name, _, payload = topic.split(message)
        if name == topic.WATERMARK:
            self._watermark(watermark.decode(payload))
        elif name == topic.EPOCH_END:
            end = decode_epoch_end(payload)
            self._see_store(end.cluster)
            retired = end.cause == RESHARDED
            mark = Mark(end.epoch, end.before, end.base, end.seq, end.last, True, retired)
            self._marked(ShardKey(end.shard_count, end.shard_id), mark)
        elif name == topic.RESHARD:
            announcement = reshard.decode(payload)
            self._see_store(announcement.cluster)
            self._reshards.announced(announcement)
            if announcement.stage is ReshardStage.DONE:
                self._ask_for_ends(announcement.old_count)

    def _batch(self, name: str, batch: Batch) -> None:
        if batch.cluster != self.store:
            self._see_store(batch.cluster)
        if self._reshards.overlaps:
            self._reshards.heard(batch.shard_count)
        key = ShardKey(batch.shard_count, batch.shard_id)
        chain = self.chains.get(key)
        if not chain.epoch:
            self._starter.begin_at_sight(key, chain, batch.epoch, batch.first - 1)
        if chain.batch(name, batch):
            # Of the rest of `_collect` nothing is to do: a fifth of what a lone event took here.
            self._queue.put(key, chain.take())
            self._wake()
            return
        self._starter.begin_unknown(key, chain)
        self._collect(key, chain)

    def _ask_for_ends(self, shard_count: int) -> None:
        """Shards of this count are no more: ask for the ends of those that were not heard."""
        for key, chain in self.chains:
            if key.shard_count == shard_count and chain.epoch:
                chain.fall_behind()
                self.backfill.check(key, chain)

    def _watermark(self, mark: watermark.Watermark) -> None:
        self._see_store(mark.cluster)
        self._stall_detector.heard(mark.slot, time.monotonic())
        self._heard()
        for row in mark.shards:
            key = ShardKey(row.shard_count, row.shard_id)
            chain = self.chains.known.get(key)
            if chain is None or (row.epoch, row.seq) >= chain.furthest:
                # One that was taken for lost may still name what has gone on elsewhere.
                self._stall_detector.names_shard(mark.slot, key)
            if self._reshards.overlaps:
                self._reshards.heard(row.shard_count)
            self._marked(key, Mark(row.epoch, row.before, row.base, row.seq, row.last))

    def _marked(self, key: ShardKey, mark: Mark) -> None:
        chain = self.chains.get(key)
        self._starter.begin_at_sight(key, chain, mark.epoch, mark.seq)
        chain.mark(mark)
        self._starter.begin_unknown(key, chain)
        self._collect(key, chain)

    def _see_store(self, store: str) -> None:
        """Begin anew if another store's cluster is at this endpoint: its positions are others."""
        if store == self.store:
            return
        if self.store:
            self._queue.put_item(OTHER_STORE)
            self.chains.clear()
            self._queue.forget_positions()
            self.backfill.clear()
            self._starter.forget()
            self._reshards.forget()
            self._stall_detector.forget(time.monotonic())
        self.store = store

    def _collect(self, key: ShardKey, chain: ShardChain) -> None:
        """Queue what a chain put out, and note whether it wants something."""
        self._queue.put(key, chain.take())
        if self._queue:
            self._wake()
        if (let_go := self.chains.weigh(key, chain)) is not None:
            self.backfill.check(let_go, self.chains.get(let_go))
        self.backfill.check(key, chain)
        if chain.finished:
            self._finish(key)

    def _finish(self, key: ShardKey) -> None:
        """Forget a shard that is no more: all of it was delivered."""
        self._queue.retire(key, self.chains.get(key).epoch)
        self.chains.drop(key)
        self._stall_detector.shard_ended(key)
