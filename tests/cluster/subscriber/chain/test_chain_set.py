"""The chains of all shards: what each reads, what is lacking, and the bound over what all hold."""

from __future__ import annotations

import pytest

from cluster.subscriber.chain import ShardChain, chain_set
from cluster.subscriber.chain.chain_set import ChainSet
from cluster.subscriber.chain.types import NAME_BYTES
from cluster.wire import topic
from cluster.wire.position import ShardKey
from tests.cluster.subscriber.chain.test_asking import drained, mark, seqs

FIRST, SECOND, OTHER = ShardKey(2, 0), ShardKey(2, 1), ShardKey(1, 0)
LARGE = 1 << 20
MARK_BYTES = 2 * NAME_BYTES


def begun(chains: ChainSet, key: ShardKey, *, lagging: bool = False) -> ShardChain:
    chain = chains.get(key)
    chain.begin(1, -1, lagging=lagging)
    return chain


def hold(chains: ChainSet, key: ShardKey, marks: int) -> ShardKey | None:
    """Let a shard hold so many marks, none of which applies."""
    chain = chains.known.get(key) or begun(chains, key)
    for seq in range(10, 10 + marks):
        chain.mark(mark(5, seq))
    assert chain.held_bytes == marks * MARK_BYTES
    return chains.weigh(key, chain)


def test_each_shard_has_a_chain_that_reads_what_is_subscribed_to() -> None:
    chains = ChainSet(frozenset("A"), LARGE)
    for key in (FIRST, SECOND):
        chain = begun(chains, key)
        assert chains.get(key) is chain
        chain.batch(*drained("B", 3)[0])
        assert seqs(chain.take()) == [], "of another name"
    assert [key for key, _ in chains] == [FIRST, SECOND]


def test_no_more_chains_than_a_bot_can_have_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_set, "MAX_CHAINS", 2)
    chains = ChainSet(None, LARGE)
    chains.get(FIRST), chains.get(SECOND)
    with pytest.raises(topic.WireError, match="one more shard than 2"):
        chains.get(OTHER)
    assert chains.get(FIRST), "one that is known"


def test_which_shard_counts_are_read_and_which_lack_something() -> None:
    chains = ChainSet(None, LARGE)
    chains.get(OTHER)
    assert (chains.begun(), chains.counts()) == (set(), {1})
    begun(chains, FIRST)
    begun(chains, SECOND)
    assert (chains.begun(), chains.counts()) == ({2}, {1, 2})
    assert not chains.wants(2)
    chains.known[SECOND].mark(mark(-1, 9))
    assert (chains.wants(2), chains.wants(1), chains.behind) == (True, False, 10)
    chains.known[FIRST].mark(mark(-1, 1))
    assert chains.behind == 12
    begun(chains, OTHER, lagging=True)
    assert (chains.wants(1), chains.wants(3)) == (True, False)


def test_the_fullest_lets_go_where_all_hold_too_much() -> None:
    chains = ChainSet(None, 4 * MARK_BYTES)
    assert hold(chains, FIRST, 3) is hold(chains, SECOND, 1) is None, "as much as they may"
    assert chains.held_bytes == 4 * MARK_BYTES
    assert chains.weigh(SECOND, chains.known[SECOND]) is None
    assert hold(chains, SECOND, 2) == FIRST
    assert chains.known[FIRST].lagging
    assert chains.known[FIRST].held_bytes == 0
    assert chains.held_bytes == 2 * MARK_BYTES
    assert chains.weigh(FIRST, chains.known[FIRST]) is None
    assert hold(chains, OTHER, 1) is None
    assert chains.held_bytes == 3 * MARK_BYTES


def test_what_a_forgotten_shard_held_counts_no_more() -> None:
    chains = ChainSet(None, 4 * MARK_BYTES)
    hold(chains, FIRST, 3)
    begun(chains, SECOND)
    chains.drop(SECOND)  # nothing of it was held
    assert chains.held_bytes == 3 * MARK_BYTES
    chains.drop(FIRST)
    assert (chains.held_bytes, chains.known) == (0, {})
    hold(chains, FIRST, 3)
    chains.clear()
    assert (chains.held_bytes, chains.known) == (0, {})
    assert hold(chains, FIRST, 4) is None
