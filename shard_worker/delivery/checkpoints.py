"""Checkpoints: what the coordinator knows of the shards of a worker on another host. Pure.

If the host is lost with its disk, others go on with its sessions from what the coordinator knows,
and Discord replays what came after that, unless it was acknowledged. So a heartbeat acknowledges no
more than the coordinator is known to know. It is told a shard's whole state when its session has
begun or ended, and before a report goes out that counts on from there; reports tell the seqs. What
was told is known when the report is answered: a report that the way has lost is not, and what it
told comes again with the next event, or within a minute.

A state is told again whenever it may not have arrived: to another coordinator, and now and then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from cluster.wire.link import Report
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import ShardState

MESSAGE_BYTES: Final = 256 * 1024
"""About the most bytes of states in one message; a state that is larger is alone in one."""
UNANSWERED: Final = 64
"""Reports without an answer of which is kept what they told: those of a minute, or of six seconds
in which much changes."""

_encode = msgspec.msgpack.Encoder().encode


class Checkpoints:
    """Says which states are to be told, and how far what was told is known to have arrived."""

    def __init__(self, shard_count: int) -> None:
        self._shard_count = shard_count
        self._due: set[int] = set()
        """Shards whose state is to be told with the next report."""
        self._told: dict[int, tuple[int, bool, int, int]] = {}
        """Shard id -> what no seq tells, of the state that was told last."""
        self._released: set[int] = set()
        """Shards that other workers have now. A coordinator that is new may not know where this one
        has left them."""
        self._reports: dict[int, dict[int, tuple[int, int]]] = {}
        """Number of a report that is not answered -> shard id -> (epoch, seq) as it told."""
        self._known: dict[int, tuple[int, int]] = {}
        """Shard id -> (epoch, seq) that the coordinator knows, or the one before it knew."""
        self._unknown: set[int] = set()
        """Shards of which the coordinator has said that it knows no state."""

    def take(self, shard_id: int) -> None:
        """Take note that this worker has a shard now."""
        self._released.discard(shard_id)
        self._due.add(shard_id)

    def release(self, shard_id: int) -> None:
        """Take note that another worker is to have a shard, whose last state is journalled here."""
        self._released.add(shard_id)
        self._due.add(shard_id)

    def renew(self, shard_ids: Iterable[int]) -> None:
        """Let the states of these shards be told again."""
        self._due.update(shard_ids)

    def renew_all(self, shard_ids: Iterable[int]) -> None:
        """Let the states of all shards be told again. shard_ids: those that this worker has."""
        self._due.update(shard_ids, self._released)

    def due(
        self, report: Report, states: Mapping[ShardKey, ShardState]
    ) -> Iterator[list[ShardState]]:
        """Yield the states that are to be told before a report, as many as go into one message.
        Whoever goes on has told them. states: as they are journalled."""
        for shard in report.shards:
            state = states.get(ShardKey(self._shard_count, shard.shard_id))
            if state is not None and self._told.get(shard.shard_id) != _beside_seq(state):
                self._due.add(shard.shard_id)
        for batch in self._batches(states):
            yield batch
            for state in batch:
                self._told[state.shard_id] = _beside_seq(state)
                self._due.discard(state.shard_id)

    def _batches(self, states: Mapping[ShardKey, ShardState]) -> Iterator[list[ShardState]]:
        batch: list[ShardState] = []
        room = MESSAGE_BYTES
        for shard_id in sorted(self._due):
            state = states.get(ShardKey(self._shard_count, shard_id))
            if state is None or not state.epoch:  # it has no session, and never had one
                self._due.discard(shard_id)
                continue
            size = len(_encode(state))
            if batch and size > room:
                yield batch
                batch, room = [], MESSAGE_BYTES
            batch.append(state)
            room -= size
        if batch:
            yield batch

    def reported(self, report: Report, states: Mapping[ShardKey, ShardState]) -> None:
        """Take note of what a report tells, once all that was due is told. states: as they are
        journalled when it is sent."""
        seqs = {shard.shard_id: shard.seq for shard in report.shards}
        seqs |= {counts.shard_id: counts.seq for counts in report.counts}
        places: dict[int, tuple[int, int]] = {}
        for shard_id, seq in seqs.items():
            state = states.get(ShardKey(self._shard_count, shard_id))
            if state is not None:
                places[shard_id] = state.epoch, seq  # -1 where the next session is awaited
        self._reports[report.number] = places
        while len(self._reports) > UNANSWERED:
            del self._reports[next(iter(self._reports))]

    def answered(self, number: int, unknown: Collection[int] = ()) -> None:
        """Take note that the report of this number is answered: what it told is known, but for
        shards whose state is not."""
        self._due.update(unknown)
        self._unknown.update(unknown)
        for shard_id, place in self._reports.get(number, {}).items():
            if shard_id not in unknown:
                self._known[shard_id] = max(place, self._known.get(shard_id, place))
                self._unknown.discard(shard_id)
        self._reports = {other: told for other, told in self._reports.items() if other > number}

    def untold(
        self, shard_ids: Iterable[int], states: Mapping[ShardKey, ShardState]
    ) -> Iterator[int]:
        """Yield the shards of whose session no answered report has told. Of these the next tells
        all, and not only a seq: it would count on from the session before."""
        for shard_id in shard_ids:
            state = states.get(ShardKey(self._shard_count, shard_id))
            if state is None or not state.epoch or state.ended:
                continue
            if shard_id in self._unknown or self.known_seq(shard_id, state.epoch) < 0:
                yield shard_id

    def known_seq(self, shard_id: int, epoch: int) -> int:
        """Return the seq up to which the coordinator knows a shard's epoch; -1: it knows nothing of
        it."""
        known = self._known.get(shard_id)
        return known[1] if known is not None and known[0] == epoch else -1


def _beside_seq(state: ShardState) -> tuple[int, bool, int, int]:
    """Return what distinguishes states of a shard that a report's seq does not: its epoch, whether
    that is over, and whether and since when its shard count is in force."""
    since_ns = 0 if state.public is None else state.public.since_ns
    return state.epoch, state.ended, state.held, since_ns
