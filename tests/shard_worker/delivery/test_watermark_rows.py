"""Watermarks name each shard that has moved, though only those are looked at that were appended."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.journal import Journal
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState
from cluster.wire.watermark import Row
from shard_worker.delivery.publisher import Publisher

STORE = "0123456789abcdef"
COUNTS = (3, 3, 3, 7)
"""How many shards there are, as each shard of the journal knows; the last is of another count."""
ACTIONS = ("event", "event", "identified", "ended", "moved", "taken", "mark", "mark", "whole mark")


class Bench:
    """A journal with shards, and two that make its watermarks: one of them looks at all shards."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal.open(
            folder, budget_bytes=1 << 20, slot=0, cluster=STORE, boot_id="b"
        )
        self.writers = [
            ShardWriter(STORE, ShardState(shard_id=shard_id, shard_count=count))
            for shard_id, count in enumerate(COUNTS)
        ]
        self.publisher = self._publisher(folder)
        self.scanning = self._publisher(folder)

    def _publisher(self, folder: Path) -> Publisher:
        endpoint = f"ipc://{folder}/hub"
        return Publisher(
            self.journal, endpoint=endpoint, hwm=9, cluster=STORE, slot=0, shard_count=COUNTS[0]
        )

    def act(self, action: str, shard_id: int) -> None:
        """Let something happen to a shard, as its journal hears of it."""
        writer, messages = self.writers[shard_id], list[bytes]()
        state = writer.state
        match action:
            case "event" if state.epoch:
                messages = writer.drain([("A", state.seq + 1, b"{}")], 1)
            case "identified":
                writer.begin_epoch(state.epoch + 1)
                messages = writer.drain([("READY", 0, b"{}")], 1)
            case "ended":
                messages = writer.end_epoch("op 9", 1)
            case "moved":
                state.moved_to = 4
            case "taken":
                state.moved_to = -1
        self.journal.append(shard_id, messages, state)

    def rows(self, *, whole: bool) -> Iterator[list[Row]]:
        """Make the next watermark in both ways."""
        for publisher in (self.publisher, self.scanning):
            publisher._whole_due = publisher._whole_due or whole
        every = self.journal.states().values()
        yield [row for state in every if (row := self.scanning._row(state))]
        yield self.publisher._rows()
        for publisher in (self.publisher, self.scanning):
            publisher._whole_due = False


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, len(COUNTS) - 1)), max_size=50))
def test_who_looks_at_all_shards_finds_no_more(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for action, shard_id in [*steps, ("mark", 0)]:
            if action.endswith("mark"):
                of_all, told = bench.rows(whole=action == "whole mark")
                by_shard = [sorted(rows, key=lambda row: row.shard_id) for rows in (told, of_all)]
                assert by_shard[0] == by_shard[1]
                assert not bench.journal.changed_states(), "each is named once"
            else:
                bench.act(action, shard_id)
        bench.journal.close()
