"""Starter: begins the chain of each shard where the journals say, if somebody can be asked for
them, otherwise where the shard is first heard of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from cluster.subscriber.chain import ShardChain
from cluster.subscriber.chain.chain_set import ChainSet
from cluster.subscriber.delivery_queue import DeliveryQueue
from cluster.subscriber.items import NO_REPLAY, OTHER_STORE
from cluster.subscriber.new_shards import NewShards
from cluster.subscriber.replay_client import NoAnswerError, ReplayClient
from cluster.subscriber.reshards import Reshards
from cluster.subscriber.start_positions import Start, starts, taken_back
from cluster.wire.position import Saved, ShardKey
from cluster.wire.replay import HeadRow, HeadsAnswer
from cluster.wire.states import HeadState

log = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 60.0
"""How long the replay server is waited for: a coordinator that was killed is back in seconds, on a
machine that is overloaded in some tens of them."""
AGAIN_SECONDS: Final = 0.5


class Starter:
    """``join`` once; then call it before and after something is given to a chain. ``close`` ends
    it. Shards of a count that follows another wait until that one is over: what comes of them is
    held by their chains."""

    def __init__(
        self, chains: ChainSet, reshards: Reshards, queue: DeliveryQueue,
        collect: Callable[[ShardKey, ShardChain], None], retired: Callable[[int], None], *,
        saved: Saved | None, oldest: bool,
    ) -> None:  # fmt: skip
        """collect: called after a chain began. retired: called with a shard count that is no more,
        while another one waits for its last words. saved: the position to go on from; None: there
        is none. oldest: all that the journals hold is wanted."""
        self._chains = chains
        self._reshards = reshards
        self._queue = queue
        self._collect = collect
        self._retired = retired
        self._saved = saved
        self._oldest = oldest
        self._heads_known = False
        """The journals have said how far the shards were."""
        self._no_heads = False
        """Nobody could say it: each shard begins where it is first heard of."""
        self._unknown: dict[ShardKey, tuple[int, int]] = {}
        """Saved (epoch, seq) of shards that no journal knew."""
        self._joined_at: dict[ShardKey, tuple[int, int]] = {}
        """Where shards were when we joined whose count was being prepared: nothing before that is
        wanted."""
        self._new_shards: NewShards | None = None
        self._waiting: dict[ShardKey, Start] = {}
        """Where the shards begin that wait for another count's end."""

    async def join(self, replay: ReplayClient | None, *, published: bool) -> str:
        """Begin all chains that are known. published: somebody publishes, so the replay server, if
        it is away, comes back. Return the store's id; empty: nobody has said it."""
        if replay is not None:
            self._new_shards = NewShards(
                replay, self._chains.known, self._waiting, self._begin_new, self._drop
            )
            try:
                heads = await self._heads(replay, published)
            except NoAnswerError as error:
                log.warning("%s; shards begin where they are first heard of", error)
            else:
                self._begin_from_journals(heads)
                return heads.cluster
        if self._oldest or self._saved is not None:
            self._queue.put_item(NO_REPLAY)  # What was before now was wanted, and nobody has it.
        self._no_heads = True
        for key, chain in self._chains:
            if (place := chain.newest) is not None:
                self.begin_at_sight(key, chain, *place)
        return ""

    async def close(self) -> None:
        """End what is under way."""
        if self._new_shards is not None:
            await self._new_shards.close()

    def forget(self) -> None:
        """Another store: places that were saved under the one before mean nothing in it."""
        self._unknown.clear()
        self._joined_at.clear()
        self._waiting.clear()

    def begin_at_sight(self, key: ShardKey, chain: ShardChain, epoch: int, seq: int) -> None:
        """Begin a chain at (epoch, seq) where nobody knows better. Call it before something is
        given to the chain that lies beyond that place."""
        if self._no_heads and not chain.epoch and key not in self._waiting:
            # What came of it until now was before we had joined.
            self._begin(Start(key, epoch, seq, lagging=False))

    def begin_unknown(self, key: ShardKey, chain: ShardChain) -> None:
        """Begin the chain of a shard that no journal knew when we joined: all of it came after
        that, or after the place that was saved of it. Call it after something was given to it."""
        if chain.epoch or not self._heads_known or (first := chain.first_epoch) is None:
            return
        if key in self._waiting:
            return
        if self._new_shards is not None and self._may_be_resharded(key):
            self._new_shards.look_up()
            return
        epoch, seq = self._unknown.get(key, (first, -1))
        self._begin(Start(key, first, seq if epoch == first else -1, lagging=False))

    def begin_waiting(self) -> None:
        """Begin the chains of shards that have waited, where their time has come."""
        for key, start in list(self._waiting.items()):
            if not self._reshards.waits(key.shard_count):
                del self._waiting[key]
                self._begin(start)

    def _begin(self, start: Start) -> None:
        """Begin a chain, or let it wait for another shard count's end."""
        key, epoch, seq, lagging, handled = start
        chain = self._chains.get(key)
        if handled is not None:
            self._queue.read_again(key, handled)
        if self._reshards.waits(key.shard_count):
            self._waiting[key] = start
            self._queue.begin_after({key: handled or (epoch, seq)})
            if self._new_shards is not None:
                self._new_shards.look_up()
            return
        chain.begin(epoch, seq, lagging=lagging)
        self._collect(key, chain)

    def _drop(self, key: ShardKey) -> None:
        if self._waiting.pop(key, None) is not None:
            self._queue.forget_position(key)
        self._chains.drop(key)

    async def _heads(self, replay: ReplayClient, published: bool) -> HeadsAnswer:
        """Return how far the shards are. NoAnswerError: soon, where nobody publishes and nothing
        from before is wanted."""
        loop = asyncio.get_running_loop()
        needed = published or self._oldest or self._saved is not None
        deadline = loop.time() + (PATIENCE_SECONDS if needed else 0.0)
        while True:
            try:
                return await replay.heads()
            except NoAnswerError as error:
                if loop.time() >= deadline:
                    raise
                log.warning("%s; asking again how far the shards are", error)
            await asyncio.sleep(AGAIN_SECONDS)

    def _begin_from_journals(self, heads: HeadsAnswer) -> None:
        if self._saved is not None and self._saved.store != heads.cluster:
            self._queue.put_item(OTHER_STORE)
        found = starts(heads, self._saved, oldest=self._oldest)
        for gap in found.gaps:
            self._queue.put_item(gap)
        self._unknown = found.unknown
        self._queue.begin_after(found.whole)
        begun = {start.key.shard_count for start in found.shards}
        self._reshards.learn(heads.shards, begun)
        self._reshards.prepared(heads.shards, begun)
        if self._saved is None and not self._oldest:
            self._joined_at = {
                ShardKey(row.shard_count, row.shard_id): (row.epoch, row.seq)
                for row in heads.shards
                if row.state is HeadState.HELD
            }
        for start in found.shards:
            self._begin(start)
        self._heads_known = True
        for key, chain in self._chains:
            self.begin_unknown(key, chain)

    def _begin_new(self, rows: list[HeadRow], positions: dict[ShardKey, tuple[int, int]]) -> None:
        """Begin the chains of new shards at these places. rows: the heads that say so."""
        begun = self._chains.begun() | {count for count, _ in (*positions, *self._waiting)}
        self._reshards.learn(rows, begun)
        for key, place in positions.items():
            start = max(place, self._joined_at.get(key, place))
            self._begin(Start(key, *start, lagging=False))
        given_up = taken_back(rows)
        for key in [key for key in self._waiting if key.shard_count in given_up]:
            self._drop(key)
        for count in given_up:
            self._reshards.taken_back(count)
        going_on = {row.shard_count for row in rows if not row.state}
        for count in {row.shard_count for row in rows} - going_on:
            if self._reshards.is_waited_for(count):
                self._retired(count)

    def _may_be_resharded(self, key: ShardKey) -> bool:
        """Return whether a shard's count may have come into force while another one was: where the
        shard begins, the journals know."""
        return self._reshards.known or bool(self._chains.begun() - {key[0]})
