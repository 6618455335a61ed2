"""How far the shards of a slot are, by its own journal and those of the host's other slots."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from cluster.config.worker_spec import WorkerSpec
from cluster.journal import Journal
from cluster.journal.other_slots import newest, place
from cluster.wire.link import ShardPlan
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import Public, ShardState
from shard_worker.delivery.recent_places import RecentPlaces

log = logging.getLogger(__name__)


class ShardStates:
    """Finds the states of shards that come to this slot, and notes in its journal which of them
    move away, and which count."""

    def __init__(
        self, spec: WorkerSpec, journal: Journal, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """clock: monotonic seconds."""
        self._journal = journal
        self._cluster = spec.cluster
        self._boot_id = spec.boot_id
        self._folder = Path(spec.journal_dir)
        self._shard_count = spec.shard_count
        self._held_for = spec.held_for
        """The shard count that is in force, if that of this slot's shards is not yet; else 0."""
        self._overlap_ns = spec.overlap_ns
        self._clock = clock
        self._places: dict[int, RecentPlaces] = {}
        """Shard id -> where it was, of the shards that are held."""
        self.read_other_slots()

    def read_other_slots(self) -> None:
        """Read anew what the journals of other slots know: a shard that moves here was there."""
        self._others = newest(self._folder, cluster=self._cluster, boot_id=self._boot_id)

    def newest(self, plan: ShardPlan) -> ShardState:
        """Return the shard's state as the journals of this host know it; one that another slot had
        until now is continued in this one."""
        key = ShardKey(plan.shard_count, plan.shard_id)
        own, other = self._journal.states().get(key), self._others.get(key)
        if other is None or (own is not None and place(own) >= place(other)):
            state = own or ShardState(shard_id=plan.shard_id, shard_count=plan.shard_count)
        else:
            log.info("shard %d comes from another slot, at %s", plan.shard_id, place(other))
            state = other
        if self._held_for:
            state.held = self._held_for
            state.public = Public(state.epoch, state.seq, 0, state.held, self._overlap_ns)
            self._places[plan.shard_id] = RecentPlaces(state.seq, state.guilds, self._clock())
        if state is not own or state.moved_to >= 0 or self._held_for:
            state.moved_to = -1
            self._journal.append(plan.shard_id, [], state)
            self._journal.flush()
        return state

    def move_away(self, shard_id: int, to_slot: int) -> None:
        """Write a shard's tombstone: another slot's worker takes it over from where it is now."""
        state = self._journal.states().get(ShardKey(self._shard_count, shard_id))
        if state is not None:
            state.moved_to = to_slot
            self._journal.append(shard_id, [], state)
            self._journal.flush()  # the other slot's worker reads it from the file

    def places(self, shard_id: int) -> RecentPlaces | None:
        """Return where a shard was, to be kept up to date; None: it is not held."""
        return self._places.get(shard_id)

    def make_public(self, overlap_ns: int) -> None:
        """What the shards receive from now on counts, and what they have received lately, where
        that is known. overlap_ns: for so long the other shard count goes on."""
        self._held_for = 0  # a shard that moves here from now on is as public as it was
        now_ns = time.time_ns()
        for state in self._journal.states().values():
            if state.held and state.shard_count == self._shard_count:
                places = self._places.pop(state.shard_id, None)
                seq = state.seq if places is None else places.seq_before(self._clock())
                state.public = Public(state.epoch, seq, now_ns, state.held, overlap_ns)
                state.held = 0
                self._journal.append(state.shard_id, [], state)
        self._journal.flush()
