"""A subscriber's chains, one a shard, and one bound over what all of them hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cluster.subscriber.chain import Names, ShardChain
from cluster.wire import topic
from cluster.wire.position import ShardKey

MAX_CHAINS: Final = 65_536
"""Shards of all shard counts that may be heard of."""


class ChainSet:
    """By shard. ``get`` makes one that is not there."""

    def __init__(self, names: Names, max_bytes: int) -> None:
        """max_bytes: what all of them may hold."""
        self.held = 0
        """Bytes that are held while something before them is missing."""
        self.known: dict[ShardKey, ShardChain] = {}
        self._names = names
        self._max_bytes = max_bytes
        self._holds: dict[ShardKey, int] = {}

    def __iter__(self) -> Iterator[tuple[ShardKey, ShardChain]]:
        return iter(list(self.known.items()))

    def get(self, key: ShardKey) -> ShardChain:
        """Raises topic.WireError: more shards than a bot can have are spoken of."""
        chain = self.known.get(key)
        if chain is None:
            if len(self.known) >= MAX_CHAINS:
                raise topic.WireError(f"one more shard than {MAX_CHAINS}")
            chain = self.known[key] = ShardChain(self._names, self._max_bytes)
        return chain

    def begun(self) -> set[int]:
        """Shard counts of which something is read."""
        return {count for (count, _), chain in self.known.items() if chain.epoch}

    @property
    def lagging(self) -> bool:
        """Whether something is replayed."""
        return any(chain.lagging for chain in self.known.values())

    @property
    def behind(self) -> int:
        """How many seqs are known to be there and were not put out."""
        return sum(chain.behind for chain in self.known.values())

    def weigh(self, key: ShardKey, chain: ShardChain) -> ShardKey | None:
        """Count what a chain holds now. Where all hold too much, the one that holds most lets go of
        it, which is to be asked for: its key."""
        held, before = chain.held, self._holds.get(key, 0)
        if held == before:
            return None
        self._holds[key] = held
        self.held += held - before
        if self.held <= self._max_bytes:
            return None
        fullest = max(self._holds, key=self._holds.__getitem__)
        self.held -= self._holds.pop(fullest)
        self.known[fullest].drop()
        return fullest

    def drop(self, key: ShardKey) -> None:
        """A shard of which nothing more is wanted."""
        del self.known[key]
        self.held -= self._holds.pop(key, 0)

    def clear(self) -> None:
        """Another store: nothing of before is continued."""
        self.known.clear()
        self._holds.clear()
        self.held = 0
