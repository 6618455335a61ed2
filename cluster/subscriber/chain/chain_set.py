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
    """The chains by shard; ``get`` makes one that is not there."""

    def __init__(self, names: Names, max_bytes: int) -> None:
        """max_bytes: what all of them together may hold."""
        self.held_bytes = 0
        """Bytes that are held while something before them is missing."""
        self.known: dict[ShardKey, ShardChain] = {}
        self._names = names
        self._max_bytes = max_bytes
        self._holds: dict[ShardKey, int] = {}
        self._fenced = 0
        """What chains have left out that are no more."""

    def __iter__(self) -> Iterator[tuple[ShardKey, ShardChain]]:
        return iter(list(self.known.items()))

    def get(self, key: ShardKey) -> ShardChain:
        """Return the chain of a shard. topic.WireError: more shards than a bot can have."""
        chain = self.known.get(key)
        if chain is None:
            if len(self.known) >= MAX_CHAINS:
                raise topic.WireError(f"one more shard than {MAX_CHAINS}")
            chain = self.known[key] = ShardChain(self._names, self._max_bytes)
        return chain

    def begun(self) -> set[int]:
        """Return the shard counts of which something is read."""
        return {count for (count, _), chain in self.known.items() if chain.epoch}

    def counts(self) -> set[int]:
        """Return the shard counts of which something is read, or waits to be."""
        return {count for count, _ in self.known}

    def wants(self, shard_count: int) -> bool:
        """Whether any shard of this count lacks something that is known to exist."""
        return any(
            chain.lagging or chain.wanted() is not None
            for (count, _), chain in self.known.items()
            if count == shard_count
        )

    @property
    def behind(self) -> int:
        """How many seqs are known to exist and were not put out, all shards together."""
        return sum(chain.behind for chain in self.known.values())

    @property
    def fenced(self) -> int:
        """How many batches and marks were left out: their epoch was over before they came."""
        return self._fenced + sum(chain.fenced for chain in self.known.values())

    def weigh(self, key: ShardKey, chain: ShardChain) -> ShardKey | None:
        """Count what a chain holds now. Where all together hold too much, the fullest lets go of
        what it holds, which is to be asked for: return its key."""
        held, before = chain.held_bytes, self._holds.get(key, 0)
        if held == before:
            return None
        self._holds[key] = held
        self.held_bytes += held - before
        if self.held_bytes <= self._max_bytes:
            return None
        fullest = max(self._holds, key=self._holds.__getitem__)
        self.held_bytes -= self._holds.pop(fullest)
        self.known[fullest].drop()
        return fullest

    def drop(self, key: ShardKey) -> None:
        """Forget a shard of which nothing more is wanted."""
        self._fenced += self.known.pop(key).fenced
        self.held_bytes -= self._holds.pop(key, 0)

    def clear(self) -> None:
        """Forget all chains: of another store nothing is continued."""
        self._fenced = self.fenced
        self.known.clear()
        self._holds.clear()
        self.held_bytes = 0
