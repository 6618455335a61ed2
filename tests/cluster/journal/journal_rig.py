"""A journal with drains of chosen sizes in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from cluster.journal import Journal, JournalReader, ShardState, schema
from cluster.journal.turn import Append
from cluster.wire.batch_writer import ShardWriter

STORE = "0123456789abcdef"


class Clock:
    ns = 1_000_000_000

    def __call__(self) -> int:
        return self.ns


def opened(
    folder: Path, budget: int = 1 << 20, boot: str = "boot", clock: Any = None, shards: int = 1
) -> Journal:
    return Journal.open(
        folder / "slot-0", budget_bytes=budget, slot=0, cluster=STORE, boot_id=boot,
        shards=shards, clock_ns=clock or Clock(),
    )  # fmt: skip


def shard_writer(shard: int = 0) -> ShardWriter:
    writer = ShardWriter(STORE, ShardState(shard_id=shard, shard_count=4))
    writer.begin_epoch(1, session_id="session")
    return writer


def state_row(state: ShardState) -> tuple[bytes, bytes]:
    """Key and value of a shard's state in the file."""
    return schema.shard_key.pack(state.shard_id, state.shard_count), msgspec.msgpack.encode(state)


def append_of(shard: int, first_record: int, messages: list[bytes], state: ShardState) -> Append:
    return Append(shard, first_record, messages, *state_row(state))


def reading(journal: Journal) -> JournalReader:
    """A reader whose slices no clock ends: on a busy machine one would be short."""
    return JournalReader(journal.env(), clock=lambda: 0.0)


def fill(journal: Journal, writer: ShardWriter, *sizes: int) -> list[bytes]:
    """One drain with an event of each size."""
    seq = writer.state.seq
    drain = [("A" if i % 2 else "B", seq + i, b"x" * size) for i, size in enumerate(sizes, 1)]
    messages = writer.drain(drain, 5)
    journal.append(writer.state.shard_id, messages, writer.state)
    journal.flush()
    return messages
