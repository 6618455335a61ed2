"""What a slot opens for its shards."""

from __future__ import annotations

from pathlib import Path

import zmq
from msgspec.structs import replace

from cluster.journal import schema
from shard_worker.delivery.slot_journal import SlotJournal
from tests.shard_worker.delivery.test_held_shards import spec


def test_there_is_room_for_every_shard_that_the_slot_may_be_given(tmp_path: Path) -> None:
    many = schema.LEAST_DATABASES + 100
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    slot = SlotJournal(replace(spec(tmp_path, 0), shard_count=many), context)
    env = slot._journal.env()
    with env.begin(write=True) as txn:
        for shard_id in range(many):
            env.open_db(schema.shard_db(shard_id), txn=txn)
        txn.abort()
    slot.close()
    context.destroy(0)
