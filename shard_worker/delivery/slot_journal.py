"""A slot of this worker: its lock, its journal, and the publisher that follows the journal."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import NamedTuple

from cluster.config.worker_spec import WorkerSpec
from cluster.folder_lock import FolderLock
from cluster.journal import Journal
from cluster.lmdb_files import crash_log
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.link import ShardPlan
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import ShardState
from shard_worker.delivery.checkpoints import Checkpoints
from shard_worker.delivery.publisher import Publisher
from shard_worker.delivery.shard_delivery import ShardDelivery
from shard_worker.delivery.shard_states import ShardStates
from shard_worker.protocol.session import Resumable

log = logging.getLogger(__name__)

LINGER_MS = 500
"""How long the last messages may take to reach the hub; the journal has them in any case."""


class SlotJournalStats(NamedTuple):
    """What a report says of the journal."""

    bytes: int
    seconds: float | None
    journalling: bool
    unpublished: int
    batch_bytes: int
    """Bytes of the batches that were appended."""
    unjournalled: int
    """Drains that were not written."""


class SlotJournal:
    """Opens all that a slot has, and closes it in order. Raises ClusterError if it can't be had."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.events: dict[str, int] = {}
        """How many events of each name its shards have made batches of; see ShardWriter."""
        self.checkpoints = Checkpoints(spec.shard_count) if spec.lease_s else None
        """What the coordinator knows of the shards; None: this is its own host."""
        self._cluster = spec.cluster
        self._overlap_ns = spec.overlap_ns
        self._lock = FolderLock(Path(spec.journal_dir), "worker")
        try:
            self._journal = _open_journal(spec)
        except BaseException:
            self._lock.release()
            raise
        self._publisher = Publisher(
            self._journal,
            endpoint=spec.hub_endpoint,
            hwm=spec.config.hub.pipe_messages,
            cluster=spec.cluster,
            slot=spec.slot,
            start_after=spec.start_after,
            shard_count=spec.shard_count,
            held=spec.held_for > 0,
        )
        self._states = ShardStates(spec, self._journal)

    def start(self) -> None:
        """Publish from now on, on the running loop."""
        if not self.held:
            # If the previous process died between Publish and writing it.
            self._states.make_public(self._overlap_ns)
        self._publisher.start(asyncio.get_running_loop())

    def shard(self, plan: ShardPlan) -> tuple[ShardDelivery, Resumable | None, int]:
        """Return a shard's part, the session that it can resume, and the newest epoch known of
        it."""
        state = self._states.newest(plan)
        resumable = None
        # A newer epoch was begun elsewhere, for a shard whose session here was over: its events
        # come after those of that session, which nobody would take any more.
        is_newest = state.epoch >= plan.last_epoch
        if plan.resume and state.session_id and not state.ended and is_newest:
            resumable = Resumable(state.session_id, state.resume_url, state.seq, state.epoch)
        writer = ShardWriter(self._cluster, state, self.events)
        places = self._states.places(plan.shard_id)
        delivery = ShardDelivery(
            writer, self._journal, self._publisher, places, checkpoints=self.checkpoints
        )
        if self.checkpoints is not None:
            self.checkpoints.take(plan.shard_id)
        return delivery, resumable, max(state.epoch, plan.last_epoch)

    @property
    def held(self) -> bool:
        """Whether what is received is not published, because another shard count is in force."""
        return self._publisher.held

    def publish(self, overlap_ns: int) -> None:
        """The shard count of these shards comes into force: what they receive from now on is
        published, and counts with what they have received lately. Nothing changes where it was in
        force. overlap_ns: for so long the other count goes on."""
        if self.held:
            self._states.make_public(overlap_ns)
            self._publisher.publish_from_here()

    def read_other_slots(self) -> None:
        """Read anew what the journals of other slots know: a shard that moves here was there."""
        self._states.read_other_slots()

    def release(self, shard_id: int, to_slot: int) -> None:
        """Another slot's worker takes this shard over from where it is now. What is still to be
        published of it is published from here."""
        self._states.move_away(shard_id, to_slot)
        if self.checkpoints is not None:
            self.checkpoints.release(shard_id)

    def states(self) -> dict[ShardKey, ShardState]:
        """Return the state of each shard that the journal knows, once it is written."""
        return self._journal.states()

    def watermark_out(self, sent_ns: int) -> None:
        """The watermark that was made at this time has come out of the hub."""
        self._publisher.watermark_out(sent_ns)

    def tick(self) -> None:
        """Forget readers that died, before they pin pages, and try to journal again if that was not
        possible. Called once a second."""
        self._journal.retry()
        if dead := self._journal.check_readers():
            log.warning("%d readers of the journal died in the midst of it", dead)

    def stats(self) -> SlotJournalStats:
        stats = self._journal.stats
        return SlotJournalStats(
            stats.bytes,
            stats.seconds,
            not self._journal.suspended,
            self._publisher.unpublished,
            self._journal.appended_bytes,
            self._journal.unjournalled,
        )

    def close(self) -> None:
        """Send a last watermark, sync, let the slot go. Calling it again does nothing."""
        if not self._lock.held:
            return
        self._publisher.watermark_due()
        self._publisher.close(LINGER_MS)
        self._journal.close()
        self._lock.release()


def _open_journal(spec: WorkerSpec) -> Journal:
    folder = Path(spec.journal_dir)
    journal = Journal.open(
        folder,
        budget_bytes=spec.config.journal.bytes,
        slot=spec.slot,
        cluster=spec.cluster,
        boot_id=spec.boot_id,
        shards=spec.shard_count,
    )
    try:
        crash_log.watch(folder)
    except OSError as error:
        log.warning("a death by the journal would leave no word in %s: %s", folder, error)
    return journal
