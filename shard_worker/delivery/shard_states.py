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
        """Return the shard's newest state, by the journals of this host and the coordinator; one
        that another slot had until now, or another host, is continued in this slot, and is written
        into its journal before anything else."""
        key = ShardKey(plan.shard_count, plan.shard_id)
        own, other, given = self._journal.states().get(key), self._others.get(key), plan.state
        found = [state for state in (own, other, given) if state is not None]
        state = max(found, key=_newness, default=None) or ShardState(
            shard_id=plan.shard_id, shard_count=plan.shard_count
        )
        if found and state is not own:
            source = "another slot" if state is other else "the coordinator"
            log.info("shard %d comes from %s, at %s", plan.shard_id, source, place(state))
        is_changed = state is not own or state.moved_to >= 0 or state.held or self._held_for
        if state.held and not self._held_for:  # its count has come into force meanwhile
            self._make_public(state, state.seq, time.time_ns(), self._overlap_ns)
        if self._held_for:
            state.held = self._held_for
            state.public = Public(state.epoch, state.seq, 0, state.held, self._overlap_ns)
            self._places[plan.shard_id] = RecentPlaces(state.seq, state.guilds, self._clock())
        if is_changed:
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
                self._make_public(state, seq, now_ns, overlap_ns)
                self._journal.append(state.shard_id, [], state)
        self._journal.flush()

    @staticmethod
    def _make_public(state: ShardState, seq: int, now_ns: int, overlap_ns: int) -> None:
        state.public = Public(state.epoch, seq, now_ns, state.held, overlap_ns)
        state.held = 0


def _newness(state: ShardState) -> tuple[int, int, bool, bool]:
    """Return what is larger of a newer state of the same shard: an epoch may end, and a count come
    into force, though nothing was received."""
    return *place(state), state.ended, not state.held
