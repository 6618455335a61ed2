"""What a client's shard delivers: into the queue of events, and to who awaits an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from cluster.commands import Take
from cluster.discord.opcodes import Op
from shard_worker.client.event_queue import EventQueue, Received, received
from shard_worker.protocol.frame import Frame, FrameEvent
from shard_worker.protocol.session import Resumable

EVENT_OPS: Final = (Op.RECONNECT, Op.HEARTBEAT_ACK)
"""Frames besides dispatches that are events of a client."""


class ClientDelivery:
    """The Delivery of a client's shards, one after the other; it knows how far its user has come.
    Nothing is journalled."""

    def __init__(
        self,
        queue: EventQueue,
        resumable: Resumable | None,
        *,
        is_ready: Callable[[], bool],
        on_ready: Callable[[], None],
        on_events: Callable[[], None],
    ) -> None:
        """resumable: the session that is resumed. is_ready: whether the shard has a session.
        on_ready: called when READY has come. on_events: called when events have come."""
        self.began_ns = 0
        self.guilds = 0
        self._queue = queue
        self._is_ready = is_ready
        self._on_ready = on_ready
        self._on_events = on_events
        self._watchers: list[Take] = []
        self._taken = None if resumable is None else (resumable.epoch, resumable.seq)
        """Epoch and seq of the last dispatch that the user took."""
        self._epoch = 0 if resumable is None else resumable.epoch
        self._last_seq = None if resumable is None else resumable.seq
        """s of the last dispatch of this epoch that came."""

    @property
    def epoch(self) -> int:
        """The client's sessions are counted from 1; 0: there was none yet."""
        return self._epoch

    def taken_seq(self, epoch: int) -> int | None:
        """s of the last dispatch of this epoch that the user took; None: none of it."""
        if self._taken is None or self._taken[0] != epoch:
            return None
        return self._taken[1]

    def note_taken(self, item: Received) -> None:
        """The user took this item out of the queue."""
        if item.seq >= 0:
            self._taken = item.epoch, item.seq

    @contextmanager
    def watched_by(self, watcher: Take) -> Iterator[None]:
        """Call `watcher` with every dispatch as it comes, before the queue, which takes more
        meanwhile."""
        self._watchers.append(watcher)
        self._queue.stretch(1)
        try:
            yield
        finally:
            self._watchers.remove(watcher)
            self._queue.stretch(-1)

    # -- the shard calls -----------------------------------------------------------------------

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        """READY has come."""
        self._epoch, self._last_seq = epoch, None
        self.guilds = guilds
        self._on_ready()

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        """Put a drain into the queue."""
        for watcher in self._watchers:
            for name, _, data in events:
                watcher(name, data)
        self._on_events()
        self._queue.put(received(events, self._epoch, self._last_seq))
        self._last_seq = events[-1][1]

    def heard(self, frame: Frame) -> None:
        """Put a frame that is no dispatch into the queue, if it is an event. What comes before
        READY is of no session."""
        if frame.op in EVENT_OPS and self._is_ready():
            self._queue.put([Received(frame.op, "", -1, frame.data, self._epoch)])

    def handled(self, seq: int) -> int:
        """Return the highest s at or below `seq` that the consumer has stored (worker) or taken
        (client); -1: none."""
        taken = self.taken_seq(self._epoch)
        return -1 if taken is None else min(seq, taken)

    def resumed_after(self, seq: int) -> int:
        """Return `seq`: what was delivered lives as long as this process, whatever is sent."""
        return seq

    def end_epoch(self, cause: str) -> None:
        """Do nothing: the user learns it from the READY of the next session."""
