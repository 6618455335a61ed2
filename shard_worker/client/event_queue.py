"""What a client received and its user has not taken yet: in order, bounded, safe to wait on.

Past its bound whoever fills it is told to stop; a drain may lie above it. Many may wait at once,
each item goes to one of them; who is cancelled while waiting takes nothing with him.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cluster.errors import ClusterError
from shard_worker.protocol.frame import FrameEvent

MAX_BYTES: Final = 16 * 1024 * 1024
"""Of events that wait, beside their number: a GUILD_CREATE may have megabytes."""
TURN_S: Final = 0.01
STRETCH: Final = 10
"""While an answer is awaited that comes as events, so many times as much may wait: who asks may be
the one who would take them."""


HOLE: Final = -1
"""No op of Discord's: in its place stands what never came."""
SKIPPED: Final = "_SKIPPED"


class Received(NamedTuple):
    """A dispatch, another frame (``name`` empty) or a hole (``name`` "_SKIPPED", ``data`` the first
    and last s that it spans)."""

    op: int
    name: str
    seq: int
    """s; -1: it is no dispatch."""
    data: bytes
    """The JSON of ``d``."""
    epoch: int
    """Which of the client's sessions it belongs to: 1, 2 ..."""


def received(events: Sequence[FrameEvent], epoch: int, last: int | None) -> list[Received]:
    """A drain as items, with what its session skipped in between. last: s of the dispatch before
    it; None: it begins the session."""
    items = [Received(0, name, seq, data, epoch) for name, seq, data in events]
    if last is None:
        last = events[0][1] - 1
    if events[-1][1] - last == len(events):
        return items  # as it almost always is: seqs only grow
    whole: list[Received] = []
    for item in items:
        if item.seq > last + 1:
            span = b'{"first":%d,"last":%d}' % (last + 1, item.seq - 1)
            whole.append(Received(HOLE, SKIPPED, -1, span, epoch))
        whole.append(item)
        last = item.seq
    return whole


class EventQueue:
    """Lives on the running event loop."""

    def __init__(
        self,
        most: int,
        hold: Callable[[], None],
        go_on: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """most: events that may wait. hold, go_on: stop filling it, and fill it again. clock:
        monotonic seconds."""
        self._most = most
        self._hold = hold
        self._go_on = go_on
        self._clock = clock
        self._items: deque[Received] = deque()
        self._bytes = 0
        self._held = False
        self._turned = float("-inf")
        """When the loop last had a turn, as far as those who take know."""
        self._stretched = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._end: Callable[[], ClusterError] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: Sequence[Received]) -> None:
        """Add a drain."""
        self._items.extend(items)
        self._bytes += sum(len(item.data) for item in items)
        self._filled()
        self._wake(len(items))

    async def get(self) -> Received:
        """The next one, when it is there. Once all was taken and the end was told: raises what that
        says. Now and then it lets the loop turn although there is one: who takes without waiting
        would keep heartbeats from going out."""
        if self._items and self._clock() - self._turned > TURN_S:
            await asyncio.sleep(0)
            self._turned = self._clock()
        while not self._items:
            self.check()
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._forget(waiter)
                raise
            self._turned = self._clock()
        item = self._items.popleft()
        self._bytes -= len(item.data)
        self._taken()
        return item

    def end(self, error: Callable[[], ClusterError]) -> None:
        """Nothing more is put. error: makes what a reader is told after the last item."""
        self._end = error
        self._wake(len(self._waiters))

    def reopen(self) -> None:
        """More is put after all."""
        self._end = None

    def check(self) -> None:
        """Raises what the end says, if there was one."""
        if self._end is not None:
            raise self._end()

    def clear(self) -> None:
        """Let go of all that waits."""
        self._items.clear()
        self._bytes = 0
        self._taken()

    def stretch(self, by: int) -> None:
        """+1: an answer is awaited; -1: it is no more."""
        self._stretched += by
        self._taken()

    @property
    def _bounds(self) -> tuple[int, int]:
        """Events and bytes that may wait now."""
        factor = STRETCH if self._stretched else 1
        return self._most * factor, MAX_BYTES * factor

    def _filled(self) -> None:
        """Hold when it is full. Only when something came, that is: on a connection that is still on
        its way there is nothing to hold, and its HELLO must be read."""
        most, most_bytes = self._bounds
        if len(self._items) >= most or self._bytes >= most_bytes:
            self._held = True
            self._hold()

    def _taken(self) -> None:
        """Go on when half of the bound is taken."""
        most, most_bytes = self._bounds
        if self._held and len(self._items) <= most // 2 and self._bytes <= most_bytes // 2:
            self._held = False
            self._go_on()

    def _wake(self, most: int) -> None:
        while self._waiters and most > 0:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                most -= 1

    def _forget(self, waiter: asyncio.Future[None]) -> None:
        """It was cancelled. Had it been woken, what it was woken for is another's."""
        if waiter.done() and not waiter.cancelled():
            if self._items or self._end is not None:
                self._wake(1)
        elif waiter in self._waiters:
            self._waiters.remove(waiter)
