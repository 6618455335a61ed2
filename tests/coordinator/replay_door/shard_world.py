"""A shard whose history lies in the journals of many slots, in pieces, as moves and losses leave
it; and a History over any of them, without files."""

from __future__ import annotations

import copy
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from cluster.journal.history import History, Slice
from cluster.journal.reader import Facts, Head, JournalReader, RangeQuery, Reach
from cluster.journal.records import FOREVER, Drain, drain_of
from cluster.wire import replay, topic
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState
from coordinator.replay.answers import head_state

STORE = "0123456789abcdef"
SHARDS = 1
SLOTS = 5
NAMES = "ABC"
SKIPPED = 5
"""The one of seven seqs that the session skips."""


class Record(NamedTuple):
    """A message in a journal."""

    drain: Drain
    message: bytes


class PlayedJournal:
    """A slot's journal of one shard, which reads as JournalReader does."""

    def __init__(self) -> None:
        self.inode = 1
        self.state: ShardState | None = None
        self.records: list[Record] = []

    def append(self, messages: list[bytes], state: ShardState) -> None:
        for message in messages:
            drain = drain_of(topic.name_of(message), message)
            place = drain.epoch, drain.last
            assert not self.records or place >= (
                self.records[-1].drain[0],
                self.records[-1].drain[2],
            )
            self.records.append(Record(drain, message))
        self.state = copy.deepcopy(state)

    def heads(self) -> list[Head]:
        if self.state is None:
            return []
        oldest = self.records[0].drain if self.records else None
        return [Head(self.state, None if oldest is None else (oldest.epoch, oldest.first))]

    def facts(self, shard_id: int, shard_count: int, epoch: int) -> Facts:
        state = self.state
        if state is None:
            return Facts(None, None, None)
        if state.epoch == epoch:
            return Facts(state.seq if state.ended else None, None, state.seq, state.retired)
        before, following = state.before, state.epoch
        for drain, _ in self.records:
            if drain.epoch > epoch:
                before, following = drain.before, drain.epoch
                break
        if following <= epoch:
            return Facts(None, None, None)
        end = before[1] if before is not None and before[0] == epoch else None
        return Facts(end, following, end)

    def read(self, query: RangeQuery) -> Reach:
        names = query.names and {*query.names, topic.HOLE, topic.EPOCH_END}
        limit = FOREVER if query.upto is None else query.upto
        messages: list[bytes] = []
        start, reached, size = -1, query.after, 0
        for drain, message in self.records:
            if (drain.epoch, drain.last) <= (query.epoch, query.after):
                continue
            if drain.epoch != query.epoch or drain.first > limit:
                break
            if start < 0:
                start = max(drain.first, query.after + 1)
            elif drain.first > reached + 1:
                break
            elif drain.last > reached and size > query.max_bytes:
                return Reach(messages, start, reached, True)
            if names is None or topic.name_of(message).decode() in names:
                messages.append(message)
                size += len(message)
            reached = max(reached, drain.last)
        if start < 0:
            return Reach([], query.after + 1, query.after, False)
        return Reach(messages, start, reached, False)

    def close(self) -> None:
        """It has no file."""


class PlayedHistory(History):
    """A History over played journals."""

    def __init__(self, journals: dict[int, PlayedJournal]) -> None:
        super().__init__(Path(tempfile.gettempdir()), STORE, clock=lambda: 0.0)
        self._played = journals

    def _find(self) -> None:
        self._readers = {
            Path(f"slot-{slot}"): _as_reader(journal) for slot, journal in self._played.items()
        }

    def answer(self, question: replay.RangeRequest, max_bytes: int = 1 << 20) -> replay.RangeAnswer:
        """Answer a question as the replay server does."""
        names = None if question.names is None else frozenset(question.names)
        query = RangeQuery(
            question.shard_id, question.shard_count, question.epoch, question.after,
            question.upto, names, max_bytes, 1.0,
        )  # fmt: skip
        found: Slice = self.read(query)
        return replay.RangeAnswer(id=question.id, **found._asdict())

    def rows(self) -> replay.HeadsAnswer:
        """Answer what its journals hold, as the replay server does."""
        rows = [
            replay.HeadRow(
                head.state.shard_count, head.state.shard_id, head.state.epoch, head.state.seq,
                head.oldest, head.state.public, head_state(head.state),
            )
            for head in self.heads()
            if head.state.epoch > 0
        ]  # fmt: skip
        return replay.HeadsAnswer(id=1, cluster=STORE, shards=rows)


def _as_reader(journal: PlayedJournal) -> JournalReader:
    return journal  # type: ignore[return-value]  # it reads as one


def count_from(seq: int) -> Iterator[int]:
    """Yield the seqs that a session is sent from here on: it skips some."""
    return (other for other in itertools.count(seq) if other % 7 != SKIPPED)


class ShardWorld:
    """One shard's life: what its session receives, and in which journals it lies."""

    def __init__(self) -> None:
        self.journals = {slot: PlayedJournal() for slot in range(SLOTS)}
        self.slot = 0
        self.writer = ShardWriter(STORE, ShardState(shard_id=0, shard_count=SHARDS))
        self.writer.begin_epoch(1)
        self.checkpoint = copy.deepcopy(self.writer.state)

    def receive(self, count: int, *, journalled: bool = True) -> None:
        """Receive a drain: what follows, whoever the session goes on with."""
        seqs = count_from(self.writer.state.seq + 1)
        events = [
            (NAMES[seq % len(NAMES)], seq, b"%d" % seq) for seq in itertools.islice(seqs, count)
        ]
        messages = self.writer.drain(events, 1)
        if journalled:
            self.journals[self.slot].append(messages, self.writer.state)

    def move(self, slot: int) -> None:
        """Another slot takes the shard over where it stands."""
        if slot != self.slot:
            self.journals[self.slot].append([], self.writer.state)
            self._go_on(slot, self.writer.state)

    def lose(self, slot: int) -> None:
        """The slot's host is not heard of any more, and the session goes on in another one from
        the checkpoint."""
        if slot != self.slot:
            self._go_on(slot, self.checkpoint)

    def _go_on(self, slot: int, state: ShardState) -> None:
        known = self.journals[slot].state
        if known is not None and (known.epoch, known.seq) > (state.epoch, state.seq):
            state = known
        self.slot, self.writer = slot, ShardWriter(STORE, copy.deepcopy(state))
        self.journals[slot].append([], self.writer.state)

    def note(self) -> None:
        """The coordinator takes a checkpoint."""
        self.checkpoint = copy.deepcopy(self.writer.state)

    def identify(self, skipped: int = 0) -> None:
        """A new session begins."""
        newest = max([self.writer.state.epoch, self.checkpoint.epoch,
                      *(j.state.epoch for j in self.journals.values() if j.state)])  # fmt: skip
        self.writer.begin_epoch(newest + 1 + skipped)
        self.receive(1)

    def end(self, cause: str) -> None:
        """The session ends, and it is known; the next one begins by itself."""
        messages = self.writer.end_epoch(cause, 1)
        self.journals[self.slot].append(messages, self.writer.state)

    def prune(self, slot: int, records: int) -> None:
        """A slot's journal forgets its oldest drains."""
        kept = self.journals[slot].records
        while records and kept:
            drain = kept[0].drain
            while kept and kept[0].drain == drain:
                del kept[0]
            records -= 1


@st.composite
def worlds(draw: st.DrawFn) -> ShardWorld:
    """Return a shard's life."""
    world = ShardWorld()
    slots = st.integers(0, SLOTS - 1)
    for _ in range(draw(st.integers(1, 14))):
        what = draw(st.sampled_from(
            ["receive"] * 4 + ["unjournalled", "move", "move", "lose", "lose", "note", "identify",
             "end", "prune"]
        ))  # fmt: skip
        if what in ("receive", "unjournalled") and world.writer.state.ended:
            what = "identify"
        if what in ("receive", "unjournalled"):
            world.receive(draw(st.integers(1, 5)), journalled=what == "receive")
        elif what == "move":
            world.move(draw(slots))
        elif what == "lose":
            world.lose(draw(slots))
        elif what == "note":
            world.note()
        elif what == "identify":
            world.identify(draw(st.sampled_from([0, 0, 1])))
        elif what == "end":
            world.end(draw(st.sampled_from(["invalid", "resharded"])))
        else:
            world.prune(draw(slots), draw(st.integers(1, 3)))
    return world
