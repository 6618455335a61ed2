"""Where the sessions of workers on other hosts are, for the case that a host is lost (pure).

A worker sends a shard's whole state when its session begins and when the shard is released; from
there the seqs of its reports count on. A session goes on elsewhere from here: Discord replays what
came after the checkpoint, since no worker with a lease acknowledges more than what is kept of it
(coordinator.hosts.checkpoint_file).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from cluster.wire.link import Report
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import ShardState


class Checkpoints:
    """The newest state of each shard that workers have told of."""

    def __init__(self) -> None:
        self._states: dict[ShardKey, ShardState] = {}
        self._epochs: dict[ShardKey, int] = {}
        """Epoch of each shard as reports told it last."""

    def take(self, states: Iterable[ShardState]) -> None:
        """Take states that a worker has sent. An older one than what is known says nothing new."""
        for state in states:
            key = ShardKey(state.shard_count, state.shard_id)
            known = self._states.get(key)
            if known is None or (state.epoch, state.seq) >= (known.epoch, known.seq):
                self._states[key] = state

    def report(self, shard_count: int, report: Report) -> list[int]:
        """Let the seqs that a worker reports count on from the states. Of which names the events
        between were is not known then: readers ask for what was up to there (ShardState.floor).
        Return the shards of which no state is known that they would count on from."""
        unknown: list[int] = []
        for shard in report.shards:
            self._epochs[ShardKey(shard_count, shard.shard_id)] = shard.epoch
        told = [(shard.shard_id, shard.seq) for shard in report.shards]
        told += [(counts.shard_id, counts.seq) for counts in report.counts]
        for shard_id, seq in told:
            key = ShardKey(shard_count, shard_id)
            known = self._states.get(key)
            if known is None or known.epoch != self._epochs.get(key):
                if seq >= 0:
                    unknown.append(shard_id)
            elif seq > known.seq:
                self._states[key] = replace(known, seq=seq, last={}, floor=seq)
        return unknown

    def state(self, shard_count: int, shard_id: int) -> ShardState | None:
        """Return where a shard's session is; None: nobody has said."""
        return self._states.get(ShardKey(shard_count, shard_id))

    def states(self) -> Collection[ShardState]:
        """Return all that is known."""
        return self._states.values()

    def keep(self, shard_counts: Collection[int]) -> None:
        """Forget the shards of all other shard counts."""
        for key in [key for key in self._states if key.shard_count not in shard_counts]:
            del self._states[key]
            self._epochs.pop(key, None)
