"""Publishes the journal to the hub, by a cursor: nothing is dropped between gateway and hub.

Where the pipe is full, the cursor stands still until it has room. The hub is there when it has
subscribed; when it is gone the cursor waits until it is there again, and steps back to the last
watermark that the coordinator has seen come out of the hub: what was sent since may have gone with
it. Subscribers leave out what comes twice.

Watermarks go through the same cursor: one is made of the shards' states as they are now, and sent
once everything up to the record that was the newest then is out.

What one iteration of the event loop brings is journalled in one transaction and written to the hub
at once at its end: each write is a system call here, and wakes the hub there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from cluster.journal import Journal
from cluster.wire import watermark
from cluster.wire.shard_state import ShardState
from shard_worker.delivery.hub_socket import HubSocket

log = logging.getLogger(__name__)

WATERMARK_SECONDS: Final = 1.0
"""Seconds between watermarks, at most."""
WHOLE_SECONDS: Final = 10.0
"""Seconds between watermarks that name all shards, changed or not."""
BURST_SECONDS: Final = 0.02
"""Seconds without a drain that end a burst; a watermark follows it."""
BURST_PAUSE_SECONDS: Final = 0.25
"""Least seconds between two such watermarks. Where each event comes alone they are four a second,
and one that is lost on its way is noticed 0.3 s after it came at the latest."""
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
    ) -> None:  # fmt: skip
        """endpoint: where the hub's SUB is bound, "ipc://PATH". hwm: most messages that wait here
        for room in the pipe; what comes then stays in the journal.
        start_after: shard id -> (epoch, seq) last known to have left the hub; None: nobody knows,
        and the cursor begins at the journal's end. shard_count: shards of another one, which the
        journal may still hold, stand in no watermark; 0: all do. held: nothing is sent until
        `publish_from_here`. clock: monotonic seconds. clock_ns: Unix nanoseconds."""
        self.held = held
        self._journal = journal
        self._cluster = cluster
        self._slot = slot
        self._clock = clock
        self._clock_ns = clock_ns
        self._shard_count = shard_count
        self._hub = HubSocket(
            endpoint, hwm, on_there=self._on_hub_there, on_gone=self._on_hub_gone, on_room=self.pump
        )
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
        self._burst: asyncio.TimerHandle | None = None
        self._burst_record = 0
        self._burst_told_at = float("-inf")
        self._woken = False
        self._closed = False

    @property
    def hub_connected(self) -> bool:
        """Whether the hub is there and takes events."""
        return self._hub.there

    @property
    def unpublished(self) -> int:
        """Records that the journal holds beyond the cursor."""
        return 0 if self.held else self._journal.last_record - self._cursor

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Connect to the hub, and follow it and the clock on this loop."""
        self._loop = loop
        self._hub.start(loop)
        self._on_timer()

    def close(self, linger_ms: int = 0) -> None:
        """Hang up. linger_ms: how long this may block, until the hub has read all that the journal
        holds."""
        if self._closed:
            return
        self._closed = True
        for timer in (self._timer, self._burst):
            if timer is not None:
                timer.cancel()
        deadline = self._clock() + linger_ms / 1000
        while self._hub.full and self._hub.wait(deadline - self._clock()):
            pass
        self._hub.close(deadline - self._clock())

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
        rows = self._rows()
        sent_ns = self._clock_ns()
        message = watermark.encode(self._cluster, self._slot, sent_ns, self._whole_due, rows)
        self._marks.append(_Mark(self._journal.last_record, sent_ns, message))
        if self._whole_due:
            self._whole_at = self._clock()
        self._whole_due = False

    def _rows(self) -> list[watermark.Row]:
        """Return what the next watermark tells: of the shards that were appended since the last
        one, of which there are few where little comes, or of all."""
        states = self._journal.changed_states()
        if self._whole_due:
            states = self._journal.states().values()
        return [row for state in states if (row := self._row(state))]

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
        if not self._hub.there or self.held:
            return
        while self._send_one():
            pass
        self._hub.flush()

    def _send_one(self) -> bool:
        """Send one message; False: there is none, no room, or no hub any more."""
        marks = self._marks
        if marks and marks[0].record <= self._cursor:
            if not self._hub.send(marks[0].message):
                return False
            self._sent.append(marks.popleft()._replace(message=b""))
            return True
        if self._next >= len(self._messages) and not self._read_on():
            return False
        if not self._hub.send(self._messages[self._next]):
            return False
        self._next += 1
        self._cursor += 1
        return True

    def _read_on(self) -> bool:
        """Read what the journal holds beyond the cursor; False: nothing."""
        if self._cursor >= self._journal.last_record:  # as at the end of each turn
            return False
        self._journal.release(self._cursor)
        following = self._journal.after(self._cursor)
        if following is None:
            self._messages, self._next = (), 0
            return False
        # What was pruned before it was sent is skipped here; the chain shows it to readers.
        skip = max(0, self._cursor + 1 - following.first_record)
        self._messages, self._next = following.messages, skip
        self._cursor = following.first_record + skip - 1
        return True

    def _on_hub_there(self) -> None:
        self._go_back()
        self.pump()

    def _on_hub_gone(self) -> None:
        log.warning("the hub is gone; %d records wait", self.unpublished)

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
        if not self._closed:
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
