"""What a slot opens for its shards, and what it does every second."""

from __future__ import annotations

import time
from pathlib import Path

from msgspec.structs import replace

from cluster.journal import schema
from cluster.journal.suspension import RETRY_NS, TRUSTED_NS
from cluster.wire.link import ShardPlan
from shard_worker.delivery.slot_journal import SlotJournal
from tests.shard_worker.delivery.test_held_shards import spec


def test_there_is_room_for_every_shard_that_the_slot_may_be_given(tmp_path: Path) -> None:
    many = schema.LEAST_DATABASES + 100
    slot = SlotJournal(replace(spec(tmp_path, 0), shard_count=many))
    env = slot._journal.env()
    with env.begin(write=True) as txn:
        for shard_id in range(many):
            env.open_db(schema.shard_db(shard_id), txn=txn)
        txn.abort()
    slot.close()


def test_a_journal_that_could_not_be_written_is_tried_again_though_nothing_comes(
    tmp_path: Path,
) -> None:
    slot = SlotJournal(spec(tmp_path, 0))
    shard = slot.shard(ShardPlan(shard_id=2, shard_count=6))[0]
    shard.begin_epoch(8, "session", "", 0)
    shard.deliver([("READY", 1, b"{}")], 1)
    journal, now_ns = slot._journal, time.monotonic_ns()
    journal._clock_ns = lambda: now_ns
    journal._suspend(OSError("full"), now_ns)
    for passed_ns, written, trusted in (
        (0, False, False), (RETRY_NS, True, False), (TRUSTED_NS, True, True),
    ):  # fmt: skip
        now_ns += passed_ns
        slot.tick()
        assert (journal.journalling, slot.stats().journalling) == (written, trusted)
    slot.close()


def test_what_all_shards_bring_is_counted(tmp_path: Path) -> None:
    slot = SlotJournal(spec(tmp_path, 0))
    for shard_id in (2, 3):
        shard = slot.shard(ShardPlan(shard_id=shard_id, shard_count=6))[0]
        shard.begin_epoch(8, "session", "", 0)
        shard.deliver([("READY", 1, b"{}"), ("A", 2, b"1")], 1)
        shard.deliver([("A", 3, b"2")], 2)
    assert slot.events == {"READY": 2, "A": 4}
    stats, record, size = slot.stats(), 0, 0
    while (found := slot._journal.after(record)) is not None:
        record, size = found.last_record, size + found.bytes
    assert (stats.batch_bytes, stats.unjournalled) == (size, 0)
    slot._journal._suspend(OSError("full"), time.monotonic_ns())
    shard.deliver([("A", 4, b"3")], 3)
    assert slot.stats().unjournalled == 1, "and it is published all the same"
    assert slot.stats().batch_bytes > stats.batch_bytes
    assert slot.events["A"] == 5
    slot.close()


def test_a_session_is_not_resumed_after_a_newer_epoch_was_begun_elsewhere(tmp_path: Path) -> None:
    """As by a coordinator on another host, whose events subscribers have seen since."""
    slot = SlotJournal(spec(tmp_path, 0))
    plan = ShardPlan(shard_id=2, shard_count=6)
    shard = slot.shard(plan)[0]
    shard.begin_epoch(8, "session", "wss://gateway", 0)
    shard.deliver([("READY", 1, b"{}")], 1)
    slot.close()
    slot = SlotJournal(spec(tmp_path, 0))
    _, resumable, epoch = slot.shard(replace(plan, last_epoch=8))
    assert resumable is not None
    assert epoch == 8
    slot.close()
    slot = SlotJournal(spec(tmp_path, 0))
    assert slot.shard(replace(plan, last_epoch=9))[1:] == (None, 9)
    slot.close()
