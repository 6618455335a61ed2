"""Shards that are held back until their shard count comes into force."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cluster.config.keys import ClusterKeys, JournalConfig
from cluster.config.worker_spec import WorkerSpec
from cluster.wire.link import ShardPlan
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import Public
from shard_worker.delivery.slot_journal import SlotJournal


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def spec(folder: Path, slot: int, **more: Any) -> WorkerSpec:
    return WorkerSpec(
        slot=slot, cluster="0123456789abcdef", boot_id="boot", shards=[], shard_count=6,
        token="t", intents=0, gateway_url="wss://localhost", ca_file="",
        journal_dir=str(folder / f"slot-{slot}"),
        config=ClusterKeys(journal=JournalConfig(bytes=1 << 20)),
        link_endpoint=f"ipc://{folder}/link", hub_endpoint=f"ipc://{folder}/hub", **more,
    )  # fmt: skip


@pytest.mark.parametrize("moved", [False, True])
def test_a_shard_counts_from_where_its_count_came_into_force(tmp_path: Path, moved: bool) -> None:
    """Wherever the shard moves later, also to a worker that was held back too: who asks where to
    begin would skip all up to there."""
    plan = ShardPlan(shard_id=2, shard_count=6)
    first = SlotJournal(spec(tmp_path, 0, held_for=4))
    shard = first.shard(plan)[0]
    shard.begin_epoch(8, "session", "", 1)
    shard.deliver([("READY", 1, b"{}")], 1)
    second = SlotJournal(spec(tmp_path, 1, held_for=4))
    for journal in (first, second):
        journal.publish(1)
    shard.deliver([("A", 2, b"{}"), ("A", 3, b"{}")], 2)
    if moved:
        first.release(2, 1)
    first.close()  # before another slot looks: a process opens a journal once
    if moved:
        second.read_other_slots()
        second.shard(plan)
    second.close()
    again = SlotJournal(spec(tmp_path, 1 if moved else 0))
    again._states.make_public(7)  # as `start` does
    state = again._journal.states()[ShardKey(6, 2)]
    assert (state.seq, state.held) == (3, 0)
    assert state.public is not None
    assert (state.public.epoch, state.public.seq) == (8, 1)
    again.close()


def test_what_a_shard_received_lately_counts_too_and_is_not_published(tmp_path: Path) -> None:
    """An old session that lags may end before it has received it. Those who join meanwhile are told
    from where on it would count now."""
    slot = SlotJournal(spec(tmp_path, 0, held_for=4, overlap_ns=7))
    shard = slot.shard(ShardPlan(shard_id=2, shard_count=6))[0]
    key = ShardKey(6, 2)
    now = shard._clock = slot._states._clock = Clock()
    shard.begin_epoch(8, "session", "", 1)
    for seq, name in enumerate(["READY", "GUILD_CREATE", "A", "B", "C"], 1):
        shard.deliver([(name, seq, b"{}")], seq)
        now.seconds += 10.0
    held = slot._journal.states()[key]
    assert (held.held, held.public) == (4, Public(8, 2, 0, 4, 7))
    slot.publish(9)
    assert slot._publisher.unpublished == 0
    public = slot._journal.states()[key].public
    assert public is not None
    assert public == Public(8, 3, public.since_ns, 4, 9)
    assert public.since_ns > 0
    now.seconds += 100.0
    shard.deliver([("A", 6, b"{}")], 6)
    assert slot._publisher.unpublished == 1
    assert slot._journal.states()[key].public == public
    slot.close()


def test_a_shard_counts_from_the_last_guild_of_its_beginning_over_a_restart_too(
    tmp_path: Path,
) -> None:
    held = spec(tmp_path, 0, held_for=4)
    plan, key = ShardPlan(shard_id=2, shard_count=6), ShardKey(6, 2)
    slot = SlotJournal(held)
    shard = slot.shard(plan)[0]
    shard.begin_epoch(8, "session", "", 1)
    shard.deliver([("READY", 1, b"{}"), ("A", 2, b"{}")], 1)
    slot.close()
    slot = SlotJournal(held)
    shard = slot.shard(plan)[0]
    shard.deliver([("A", 3, b"{}"), ("GUILD_CREATE", 4, b"{}"), ("A", 5, b"{}")], 2)
    assert slot._journal.states()[key].public == Public(8, 4, 0, 4, held.overlap_ns)
    shard.begin_epoch(9, "session", "", 2)
    names = ("READY", "GUILD_CREATE", "A", "GUILD_CREATE", "A")
    shard.deliver([(name, seq, b"{}") for seq, name in enumerate(names, 1)], 3)
    assert slot._journal.states()[key].public == Public(9, 4, 0, 4, held.overlap_ns)
    slot.close()


def test_a_shard_that_moved_away_leaves_a_tombstone(tmp_path: Path) -> None:
    """No whole watermark of this slot names it any more, of the next process neither, until it
    comes back."""
    plan = ShardPlan(shard_id=2, shard_count=6)
    slot = SlotJournal(spec(tmp_path, 0))
    shard = slot.shard(plan)[0]
    shard.begin_epoch(8, "session", "", 1)
    shard.deliver([("READY", 1, b"{}")], 1)
    slot.release(2, 1)
    slot.release(3, 1)  # it never had that one
    slot.close()
    again = SlotJournal(spec(tmp_path, 0))
    assert again._journal.states()[ShardKey(6, 2)].moved_to == 1
    _, resumable, _ = again.shard(plan)
    assert resumable is not None
    assert again._journal.states()[ShardKey(6, 2)].moved_to == -1
    again.close()


def test_where_the_word_to_publish_was_lost_the_overlap_is_known(tmp_path: Path) -> None:
    """The worker died before the word came: the next process knows that its count is in force."""
    plan = ShardPlan(shard_id=2, shard_count=6)
    before = SlotJournal(spec(tmp_path, 0, held_for=4))
    before.shard(plan)[0].begin_epoch(8, "session", "", 1)
    before.shard(plan)[0].deliver([("READY", 1, b"{}")], 1)
    before.close()

    async def start() -> None:
        again = SlotJournal(spec(tmp_path, 0, overlap_ns=7))
        again.start()
        state = again._journal.states()[ShardKey(6, 2)]
        assert state.public is not None
        assert (state.held, state.public.old_count, state.public.overlap_ns) == (0, 4, 7)
        again.close()

    asyncio.run(start())
