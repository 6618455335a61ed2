"""Publishes the journal to the hub, by a cursor: nothing is dropped between gateway and hub.

The socket is an XPUB with XPUB_NODROP and a finite high-water mark, connected to the hub's SUB:
EAGAIN says that the pipe is full, and the cursor stands still until it can be written again. A
``\\x01`` read from it (the hub's subscription) says that the hub is there, a ``\\x00`` that it is
gone; from then on sends would be accepted and dropped, so the cursor waits for the next ``\\x01``
and steps back to the last watermark that the coordinator has seen come out of the hub: what was
sent since may have gone with it. Subscribers leave out what comes twice.

Watermarks go through the same cursor: one is made of the shards' states as they are now, and sent
once everything up to the record that was the newest then is out.

What one iteration of the event loop brings is journalled in one transaction and sent together at
its end, since waking ZeroMQ's thread is the dearest part of a drain of one: 40 shards with 50
events/s each cost the worker 12 % less so, with 200 events/s each 25 % less (medians of alternating
runs). In drains of 512 sending is 0.2 us an event.

Sources: ZeroMQ's zmq_socket(3) "XPUB", zmq_setsockopt(3) ZMQ_XPUB_NODROP, zmq_getsockopt(3) ZMQ_FD
(edge-triggered: after every action ZMQ_EVENTS must be read again).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import zmq

from cluster.journal import Journal
from cluster.wire import watermark
from cluster.wire.shard_state import ShardState

log = logging.getLogger(__name__)

_POLLIN: Final = int(zmq.POLLIN)
WATERMARK_SECONDS: Final = 1.0
"""Seconds between watermarks, at most."""
WHOLE_SECONDS: Final = 10.0
"""Seconds between watermarks that name all shards, changed or not."""
BURST_SECONDS: Final = 0.02
"""Seconds without a drain that end a burst; a watermark follows it."""
BURST_PAUSE_SECONDS: Final = 0.25
"""Least seconds between two such watermarks. Where each event comes alone they are four a second,
and one that is lost on its way is noticed 0.3 s after it came at the latest."""
RETRY_SECONDS: Final = 0.02
"""Seconds until a full pipe is tried again, in case ZMQ_FD does not say that it has room."""
SENT_MARKS: Final = 3600
"""Watermarks that are remembered until they came out of the hub: an hour of them."""


class _Mark(NamedTuple):
    """A watermark, made and perhaps sent."""

    record: int
    """The newest record that it covers."""
    sent_ns: int
    """When it was made, in Unix ns: its name, by which the coordinator knows it. Clocks are set, so
    a later one may have a smaller name, and one of the process before may have a larger one."""
    message: bytes


class Publisher:
    """Sends what the journal holds beyond its cursor. Owns its socket; ``close`` ends it.

    ``wake`` after each append: soon after, all that the pipe takes is sent. It starts no thread.
    """

    def __init__(
        self, journal: Journal, *, endpoint: str, hwm: int, cluster: str, slot: int,
        start_after: Mapping[int, tuple[int, int]] | None = None, shard_count: int = 0,
        held: bool = False, clock: Callable[[], float] = time.monotonic,
        clock_ns: Callable[[], int] = time.time_ns,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:  # fmt: skip
        """endpoint: where the hub's SUB is bound. hwm: most messages in the pipe.
        start_after: shard id -> (epoch, seq) last known to have left the hub; None: nobody knows,
        and the cursor begins at the journal's end. shard_count: shards of another one, which the
        journal may still hold, stand in no watermark; 0: all do. held: nothing is sent until
        `publish_from_here`. clock: monotonic seconds. clock_ns: Unix nanoseconds."""
        self.hub_connected = False
        self.held = held
        self._journal = journal
        self._cluster = cluster
        self._slot = slot
        self._clock = clock
        self._clock_ns = clock_ns
        self._shard_count = shard_count
        self._socket = (context or zmq.Context.instance()).socket(zmq.XPUB)
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.SNDHWM, hwm)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 100)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        self._socket.connect(endpoint)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._cursor = journal.last_record
        if start_after is not None:
            self._cursor = journal.record_before(start_after)
        self._known_out = self._cursor
        """All up to this record is known to have come out of the hub, or was not ours to send."""
        self._messages: Sequence[bytes] = ()
        self._next = 0
        """Index of the message that is sent next."""
        self._marks: deque[_Mark] = deque()
        """Watermarks that wait for the cursor to reach their record."""
        self._sent: deque[_Mark] = deque(maxlen=SENT_MARKS)
        """Watermarks that were sent and are not known to have come out."""
        self._marked: dict[int, tuple[int, int]] = {}
        """Shard id -> (epoch, seq) in the last watermark that named it."""
        self._whole_due = True
        self._whole_at = float("-inf")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._burst: asyncio.TimerHandle | None = None
        self._burst_record = 0
        self._burst_told_at = float("-inf")
        self._woken = False

    @property
    def unpublished(self) -> int:
        """Records that the journal holds beyond the cursor."""
        return 0 if self.held else self._journal.last_record - self._cursor

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow the socket and the clock on this loop."""
        self._loop = loop
        loop.add_reader(self._fd, self.pump)
        self._on_timer()

    def close(self, linger_ms: int = 0) -> None:
        """Close the socket. linger_ms: how long what was sent may still take to leave, after this
        returns."""
        for timer in (self._timer, self._retry, self._burst):
            if timer is not None:
                timer.cancel()
        if self._socket.closed:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
        self._socket.close(linger_ms)

    def wake(self) -> None:
        """A drain was appended: soon send what the pipe takes, with what else is appended until
        then."""
        if self._loop is None:
            self.pump()
            return
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._on_woken)
        if self._burst is None:
            self._burst_record = self._journal.last_record
            self._burst = self._loop.call_later(BURST_SECONDS, self._on_burst)

    def watermark_due(self, *, whole: bool = False) -> None:
        """Queue a watermark of how far the shards are now: it is sent after all that they have
        journalled. whole: it names all shards, changed or not."""
        self._whole_due = self._whole_due or whole
        if not self._marks:  # Otherwise the cursor stands still, and the one that waits will do.
            self._make_mark()
        self.pump()

    def _make_mark(self) -> None:
        rows = [row for state in self._journal.states().values() if (row := self._row(state))]
        sent_ns = self._clock_ns()
        message = watermark.encode(self._cluster, self._slot, sent_ns, self._whole_due, rows)
        self._marks.append(_Mark(self._journal.last_record, sent_ns, message))
        if self._whole_due:
            self._whole_at = self._clock()
        self._whole_due = False

    def _row(self, state: ShardState) -> watermark.Row | None:
        if state.epoch == 0 or self._shard_count not in (0, state.shard_count):
            return None
        marked = self._marked.get(state.shard_id)
        if state.moved_to >= 0 and marked in (None, (state.epoch, state.seq)):
            return None  # its new owner names it; from here only what was left of it still is
        if marked == (state.epoch, state.seq) and not self._whole_due:
            return None
        same_epoch = marked is not None and marked[0] == state.epoch and not self._whole_due
        base = max(marked[1], state.floor) if same_epoch and marked else state.floor
        self._marked[state.shard_id] = (state.epoch, state.seq)
        last = [(name, seq) for name, seq in state.last.items() if seq > base]
        return watermark.Row(
            state.shard_id, state.shard_count, state.epoch, state.before, state.seq, base, last
        )

    def publish_from_here(self) -> None:
        """Publish what is journalled from now on, and not what was until now."""
        self.held = False
        self._cursor = self._known_out = self._journal.last_record
        self._messages, self._next = (), 0
        self._marks.clear()
        self.watermark_due(whole=True)

    def watermark_out(self, sent_ns: int) -> None:
        """The watermark that was made at this time has come out of the hub, and so has all that was
        sent before it. One that is not known here changes nothing: it is another process's."""
        if any(mark.sent_ns == sent_ns for mark in self._sent):
            mark = self._sent.popleft()
            while mark.sent_ns != sent_ns:
                mark = self._sent.popleft()
            self._known_out = max(self._known_out, mark.record)

    def pump(self) -> None:
        """Send up to the journal's end, or until the pipe is full or the hub is gone. What this
        turn of the loop has appended is written first, all of it in one transaction."""
        self._journal.flush()
        while True:
            try:
                while self.hub_connected and not self.held and self._send_one():
                    pass
            except zmq.Again:
                self._wait()
            # Sending may have used up the edge by which a subscription was announced.
            if not int(self._socket.get(zmq.EVENTS)) & _POLLIN:
                return
            self._read_subscriptions()

    def _send_one(self) -> bool:
        """Send one message; False: there is none. Raises zmq.Again."""
        marks = self._marks
        if marks and marks[0].record <= self._cursor:
            self._socket.send(marks[0].message, zmq.NOBLOCK)
            self._sent.append(marks.popleft()._replace(message=b""))
            return True
        if self._next >= len(self._messages):
            self._journal.release(self._cursor)
            following = self._journal.after(self._cursor)
            if following is None:
                self._messages, self._next = (), 0
                return False
            # What was pruned before it was sent is skipped here; the chain shows it to readers.
            skip = max(0, self._cursor + 1 - following.first_record)
            self._messages, self._next = following.messages, skip
            self._cursor = following.first_record + skip - 1
        self._socket.send(self._messages[self._next], zmq.NOBLOCK)
        self._next += 1
        self._cursor += 1
        return True

    def _wait(self) -> None:
        if self._retry is None and self._loop is not None:
            self._retry = self._loop.call_later(RETRY_SECONDS, self._on_retry)

    def _read_subscriptions(self) -> None:
        while True:
            try:
                message = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if message[:1] == b"\x01" and not self.hub_connected:
                self.hub_connected = True
                self._go_back()
            elif message[:1] == b"\x00" and self.hub_connected:
                log.warning("the hub is gone; %d records wait", self.unpublished)
                self.hub_connected = False

    def _go_back(self) -> None:
        """Step back to the last watermark that is known to have come out: what was sent since may
        have been in the pipe, or in the hub, when the hub went."""
        if self._cursor > self._known_out:
            log.info("the hub is back; sending again from record %d", self._known_out + 1)
            self._cursor = self._known_out
        self._sent.clear()
        self._messages, self._next = (), 0
        self._marks.clear()
        self._whole_due = True
        self._make_mark()

    def _on_woken(self) -> None:
        self._woken = False
        if not self._socket.closed:
            self.pump()

    def _on_retry(self) -> None:
        self._retry = None
        self.pump()

    def _on_burst(self) -> None:
        """Look whether the burst is over, and tell how far the shards are if it is."""
        assert self._loop is not None
        is_over, self._burst_record = (
            self._burst_record == self._journal.last_record,
            self._journal.last_record,
        )
        now = self._loop.time()
        rest = self._burst_told_at + BURST_PAUSE_SECONDS - now
        if is_over and rest <= 0:
            self._burst, self._burst_told_at = None, now
            self.watermark_due()
        else:
            self._burst = self._loop.call_later(max(BURST_SECONDS, rest), self._on_burst)

    def _on_timer(self) -> None:
        assert self._loop is not None
        self._timer = self._loop.call_later(WATERMARK_SECONDS, self._on_timer)
        whole = self._clock() - self._whole_at >= WHOLE_SECONDS
        self.watermark_due(whole=whole)
