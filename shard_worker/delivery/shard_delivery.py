"""One shard's part of its slot's journal.

A drain is appended to the journal together with its shard's state, then the publisher is woken: at
the end of the turn it writes what all shards have appended, and sends what the journal holds beyond
its cursor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from cluster.journal import Journal
from cluster.wire.batch_writer import ShardWriter
from shard_worker.delivery.checkpoints import Checkpoints
from shard_worker.delivery.publisher import Publisher
from shard_worker.delivery.recent_places import RecentPlaces
from shard_worker.protocol.frame import Frame, FrameEvent


class ShardDelivery:
    """The Delivery of one shard: what it delivers is journalled and published."""

    def __init__(
        self, writer: ShardWriter, journal: Journal, publisher: Publisher,
        places: RecentPlaces | None = None, clock: Callable[[], float] = time.monotonic,
        checkpoints: Checkpoints | None = None,
    ) -> None:  # fmt: skip
        """places: where the shard has been, if it is held. clock: monotonic seconds. checkpoints:
        what the coordinator knows, if this is another host than its own."""
        self._writer = writer
        self._journal = journal
        self._publisher = publisher
        self._places = places
        self._clock = clock
        self._checkpoints = checkpoints

    @property
    def began_ns(self) -> int:
        """When the session's READY came, in whichever process: Unix ns; 0: not known."""
        return self._writer.state.began_ns

    @property
    def guilds(self) -> int:
        """How many guilds the session's READY named."""
        return self._writer.state.guilds

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        """Begin a session. Journalled with the drain that follows, which holds its READY."""
        if self._places is not None:
            self._places.begin(guilds)
        self._writer.begin_epoch(
            epoch,
            session_id=session_id,
            resume_url=resume_url,
            cause="identified anew",
            guilds=guilds,
            received_ns=time.time_ns(),
        )

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        """Journal and publish a drain, with what else this turn of the loop brings."""
        messages = self._writer.drain(events, received_ns)
        if self._places is not None:
            self._note(self._places, events)
        self._append(messages)

    def end_epoch(self, cause: str) -> None:
        """Journal and publish the epoch's last record; its credentials go."""
        self._append(self._writer.end_epoch(cause, time.time_ns()))

    def heard(self, frame: Frame) -> None:
        """Frames that are no dispatches are not kept."""

    def handled(self, seq: int) -> int:
        """Return `seq`: all that was delivered is journalled, before a heartbeat lets Discord
        forget it. On another host, which may be lost with its disk: what the coordinator knows of
        it; -1: nothing."""
        self._journal.flush()
        return seq if self._checkpoints is None else min(seq, self._known(self._checkpoints))

    def resumed_after(self, seq: int) -> int:
        """Journal what was delivered so far, and return `seq`, or what the coordinator knows of it
        on another host. Of a session of which it knows nothing nobody else can go on."""
        known = self.handled(seq)
        return seq if known < 0 else known

    def _known(self, checkpoints: Checkpoints) -> int:
        state = self._writer.state
        return checkpoints.known_seq(state.shard_id, state.epoch)

    def _note(self, places: RecentPlaces, events: Sequence[FrameEvent]) -> None:
        """Note where a shard that is held is, and in its state from where on it would count."""
        state, now = self._writer.state, self._clock()
        if not state.held or state.public is None:
            self._places = None
            return
        places.note(events, state.seq, now)
        state.public = replace(state.public, epoch=state.epoch, seq=places.seq_before(now))

    def _append(self, messages: list[bytes]) -> None:
        if messages:
            state = self._writer.state
            self._journal.append(state.shard_id, messages, state)
            self._publisher.wake()
