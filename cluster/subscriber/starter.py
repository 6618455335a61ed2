"""Where a subscriber begins to read each shard: by the journals, if somebody can be asked for them,
otherwise where the shard is first heard of."""

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
from cluster.subscriber.start_positions import starts
from cluster.wire.position import Saved, ShardKey
from cluster.wire.replay import HeadRow, HeadsAnswer

log = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 60.0
"""So long the replay server is waited for: a coordinator that was killed is back in seconds, on a
machine that is overloaded in some tens of them."""
AGAIN_SECONDS: Final = 0.5


class Starter:
    """``join`` once; then tell it of each chain that was given something. ``close`` ends it."""

    def __init__(
        self, chains: ChainSet, generations: Reshards, out: DeliveryQueue,
        collect: Callable[[ShardKey, ShardChain], None], *, saved: Saved | None, oldest: bool,
    ) -> None:  # fmt: skip
        """collect: called after a chain began. saved, oldest: what is wanted of before now."""
        self._chains = chains
        self._generations = generations
        self._out = out
        self._collect = collect
        self._saved = saved
        self._oldest = oldest
        self._joined = False
        """The journals have said how far the shards were."""
        self._in_sight = False
        """Nobody has: each begins where it is first heard of."""
        self._unknown: dict[ShardKey, tuple[int, int]] = {}
        """Saved places of shards that no journal knew."""
        self._newcomers: NewShards | None = None

    async def join(self, replay: ReplayClient | None, *, published: bool) -> str:
        """Begin what is known. published: somebody publishes, so the replay server, if it is away,
        comes back. The store's id; empty: nobody has said it."""
        if replay is not None:
            self._newcomers = NewShards(
                replay, self._chains.known, self._newcomers_begin, self._chains.drop
            )
            try:
                heads = await self._heads(replay, published)
            except NoAnswerError as error:
                log.warning("%s; shards begin where they are first heard of", error)
            else:
                self._by_journals(heads)
                return heads.cluster
        if self._oldest or self._saved is not None:
            self._out.say(NO_REPLAY)  # What was before now was wanted, and nobody has it.
        self._in_sight = True
        for key, chain in self._chains:
            if (place := chain.newest) is not None:
                self.first(key, chain, *place)
        return ""

    async def close(self) -> None:
        if self._newcomers is not None:
            await self._newcomers.close()

    def first(self, key: ShardKey, chain: ShardChain, epoch: int, seq: int) -> None:
        """Something is about to be given to this chain that lies beyond (epoch, seq)."""
        if self._in_sight and not chain.epoch:  # what came of it until now was before we had joined
            chain.begin(epoch, seq)
            self._collect(key, chain)

    def unknown(self, key: ShardKey, chain: ShardChain) -> None:
        """Something was given to this chain. A shard that no journal knew when we joined begins:
        all of it is after that, or after the place that was saved of it."""
        if chain.epoch or not self._joined or (first := chain.first_epoch) is None:
            return
        if self._newcomers is not None and self._of_another_count(key):
            self._newcomers.look_up()
            return
        epoch, seq = self._unknown.get(key, (first, -1))
        chain.begin(first, seq if epoch == first else -1)
        self._collect(key, chain)

    async def _heads(self, replay: ReplayClient, published: bool) -> HeadsAnswer:
        """Raises NoAnswerError: soon, where nobody publishes and nothing from before is wanted."""
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

    def _by_journals(self, heads: HeadsAnswer) -> None:
        if self._saved is not None and self._saved.store != heads.cluster:
            self._out.say(OTHER_STORE)
        found = starts(heads, self._saved, oldest=self._oldest)
        for gap in found.gaps:
            self._out.say(gap)
        self._unknown = found.unknown
        self._out.handled(found.whole)
        for key, epoch, seq, behind in found.shards:
            chain = self._chains.get(key)
            chain.begin(epoch, seq, lagging=behind)
            self._collect(key, chain)
        self._generations.heads(heads.shards, self._chains.begun())
        self._joined = True
        for key, chain in self._chains:
            self.unknown(key, chain)

    def _newcomers_begin(
        self, rows: list[HeadRow], positions: dict[ShardKey, tuple[int, int]]
    ) -> None:
        """Shards of a new count begin there, by these heads."""
        begun = self._chains.begun() | {count for count, _ in positions}
        self._generations.heads(rows, begun)
        for key, place in positions.items():
            chain = self._chains.get(key)
            chain.begin(*place)
            self._collect(key, chain)

    def _of_another_count(self, key: ShardKey) -> bool:
        """Whether a shard may be one whose count has come into force while another one was: where
        it begins, the journals know."""
        return self._generations.known or bool(self._chains.begun() - {key[0]})
