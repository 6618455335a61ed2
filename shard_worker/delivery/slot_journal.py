"""Where a worker's events go: its slot's journal, and the publisher that follows it.

A drain is journalled together with its shard's state in one transaction, then the publisher is
woken; it sends what the journal holds beyond its cursor.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import zmq

from cluster.endpoints.paths import make_private
from cluster.errors import AlreadyRunningError
from cluster.journal import Journal, crash_log
from cluster.journal.other_slots import at, newest
from cluster.processes import Owner
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.link import ShardPlan, WorkerSpec
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import Public, ShardState
from shard_worker.delivery.publisher import Publisher
from shard_worker.protocol.frame import Frame, FrameEvent
from shard_worker.protocol.session import Resumable

log = logging.getLogger(__name__)

LINGER_MS = 500
"""How long the last messages may take to reach the hub; the journal has them in any case."""


def take_slot(folder: Path) -> int:
    """Lock this slot for as long as the descriptor stays open: a shard has one session.

    Raises AlreadyRunningError if another process has it.
    """
    make_private(folder)
    fd = os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise AlreadyRunningError(
            f"another worker holds {folder}", "wait for it to exit, or stop it"
        ) from None
    line = Owner.of(os.getpid()).line()  # for whoever finds it held and hears nothing
    try:
        os.pwrite(fd, line, 0)  # over what is there, which needs no room on a full disk
        os.ftruncate(fd, len(line))
    except OSError as error:
        log.warning("%s does not say who holds it: %s", folder / "owner.lock", error)
    return fd


class SlotJournalStats(NamedTuple):
    """What a report tells of the journal."""

    bytes: int
    seconds: float | None
    journalling: bool
    unpublished: int


class ShardDelivery:
    """One shard's part of the journal."""

    def __init__(self, writer: ShardWriter, journal: Journal, publisher: Publisher) -> None:
        self._writer = writer
        self._journal = journal
        self._publisher = publisher

    @property
    def began_ns(self) -> int:
        """When the session's READY came, in whichever process: Unix ns; 0: not known."""
        return self._writer.state.began_ns

    @property
    def guilds(self) -> int:
        """How many guilds it named."""
        return self._writer.state.guilds

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        """A new session. Journalled with the drain that follows, which holds its READY."""
        self._writer.begin_epoch(
            epoch,
            session_id=session_id,
            resume_url=resume_url,
            cause="identified anew",
            guilds=guilds,
            received_ns=time.time_ns(),
        )

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        """Journal and publish a drain."""
        self._append(self._writer.drain(events, received_ns))

    def end_epoch(self, cause: str) -> None:
        """Journal and publish the epoch's last record; its credentials go."""
        self._append(self._writer.end_epoch(cause, time.time_ns()))

    def heard(self, frame: Frame) -> None:
        """Nothing of it is kept."""

    def handled(self, seq: int) -> int:
        """All: what was delivered was journalled."""
        return seq

    def _append(self, messages: list[bytes]) -> None:
        if messages:
            state = self._writer.state
            self._journal.append(state.shard_id, messages, state)
            self._publisher.wake()


class SlotJournal:
    """A slot: its lock, its journal, its publisher. Raises ClusterError if it can't be had."""

    def __init__(self, spec: WorkerSpec, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        folder = Path(spec.journal_dir)
        self._folder = folder
        self._cluster = spec.cluster
        self._boot_id = spec.boot_id
        self._lock: int | None = take_slot(folder)
        try:
            self._journal = Journal.open(
                folder,
                budget_bytes=spec.journal_bytes,
                slot=spec.slot,
                cluster=spec.cluster,
                boot_id=spec.boot_id,
            )
            try:
                crash_log.watch(folder)
            except OSError as error:
                log.warning("a death by the journal would leave no word in %s: %s", folder, error)
        except BaseException:
            self._unlock()
            raise
        self._publisher = Publisher(
            self._journal,
            endpoint=spec.hub_endpoint,
            hwm=spec.hub_pipe_messages,
            cluster=spec.cluster,
            slot=spec.slot,
            start_after=spec.start_after,
            shard_count=spec.shard_count,
            held=spec.held_for > 0,
            context=context,
        )
        self._shard_count, self._held_for = spec.shard_count, spec.held_for
        self._overlap_ns = spec.overlap_ns
        self.look_around()

    def start(self) -> None:
        """Publish from now on, on the running loop."""
        if not self.held:
            # Where the word to publish was lost with the process before.
            self._make_public(self._overlap_ns)
        self._publisher.start(asyncio.get_running_loop())

    def shard(self, plan: ShardPlan) -> tuple[ShardDelivery, Resumable | None, int]:
        """A shard's part, the session that it can resume, and the newest epoch known of it."""
        state = self._newest(plan)
        held = None
        if plan.resume and state.session_id and not state.ended:
            held = Resumable(state.session_id, state.resume_url, state.seq, state.epoch)
        writer = ShardWriter(self._cluster, state)
        delivery = ShardDelivery(writer, self._journal, self._publisher)
        return delivery, held, max(state.epoch, plan.last_epoch)

    @property
    def held(self) -> bool:
        """Whether what is received is not published, because another shard count is in force."""
        return self._publisher.held

    def publish(self, overlap_ns: int) -> None:
        """The shard count of these shards comes into force: what they receive from now on counts,
        and is published. Nothing changes where it was in force. overlap_ns: for so long the other
        count goes on."""
        if self.held:
            self._make_public(overlap_ns)
            self._held_for = 0  # a shard that moves here from now on is as public as it was
            self._publisher.publish_from_here()

    def _make_public(self, overlap_ns: int) -> None:
        now_ns = time.time_ns()
        for state in self._journal.states().values():
            if state.held and state.shard_count == self._shard_count:
                state.public = Public(state.epoch, state.seq, now_ns, state.held, overlap_ns)
                state.held = 0
                self._journal.append(state.shard_id, [], state)

    def look_around(self) -> None:
        """Read anew what the journals of other slots know: a shard that moves here was there."""
        self._others = newest(self._folder, cluster=self._cluster, boot_id=self._boot_id)

    def _newest(self, plan: ShardPlan) -> ShardState:
        """The shard as the journals of this host know it; one that another slot had until now is
        continued in this one."""
        own = self._journal.states().get(ShardKey(plan.shard_count, plan.shard_id))
        other = self._others.get(ShardKey(plan.shard_count, plan.shard_id))
        if other is None or (own is not None and at(own) >= at(other)):
            state = own or ShardState(shard_id=plan.shard_id, shard_count=plan.shard_count)
        else:
            log.info("shard %d comes from another slot, at %s", plan.shard_id, at(other))
            state = other
        if self._held_for:
            state.held, state.public = self._held_for, None
        if state is not own or state.moved_to >= 0 or self._held_for:
            state.moved_to = -1
            self._journal.append(plan.shard_id, [], state)
        return state

    def release(self, shard_id: int, to_slot: int) -> None:
        """Another slot's worker takes this shard over from where it is now: its tombstone. What is
        still to be published of it is published from here."""
        state = self._journal.states().get(ShardKey(self._shard_count, shard_id))
        if state is not None:
            state.moved_to = to_slot
            self._journal.append(shard_id, [], state)

    def out(self, sent_ns: int) -> None:
        """A watermark has come out of the hub."""
        self._publisher.out(sent_ns)

    def tick(self) -> None:
        """Once a second: forget readers that died, before they pin pages."""
        if dead := self._journal.check_readers():
            log.warning("%d readers of the journal died in the midst of it", dead)

    def stats(self) -> SlotJournalStats:
        journal = self._journal.stats
        return SlotJournalStats(
            journal.bytes,
            journal.seconds,
            self._journal.journalling,
            self._publisher.unpublished,
        )

    def close(self) -> None:
        """Say how far all is, sync, let the slot go. Calling it again does nothing."""
        if self._lock is None:
            return
        self._publisher.watermark_due()
        self._publisher.close(LINGER_MS)
        self._journal.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
