"""What a client received and its user has not taken yet: in order, bounded, safe to wait on.

Past its bound whoever fills it is asked to stop; one drain may exceed it. Many tasks may wait at
once, and each item goes to one of them; a task that is cancelled while it waits takes no item
along.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cluster.errors import ClusterError
from cluster.loops import check_loop
from shard_worker.protocol.frame import FrameEvent

MAX_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of events that wait, beside their number: a GUILD_CREATE may have megabytes."""
YIELD_S: Final = 0.01
"""Seconds that one who takes without waiting may keep the event loop to himself."""
STRETCH: Final = 10
"""Factor of the bounds while an answer is awaited that comes as events: who awaits it may be the
one who would take them."""
HOLE: Final = -1
"""The op of an item that stands for events that never came; Discord has no such op."""
SKIPPED: Final = "_SKIPPED"
"""The name of such an item."""


class Received(NamedTuple):
    """One item: a dispatch, another frame (``name`` empty) or a hole (``name`` "_SKIPPED", ``data``
    the first and last s that it spans)."""

    op: int
    name: str
    seq: int
    """s of a dispatch; -1: it is none."""
    data: bytes
    """The JSON of ``d``."""
    epoch: int
    """Number of the client's session that it belongs to: 1, 2 ..."""


def received(events: Sequence[FrameEvent], epoch: int, last: int | None) -> list[Received]:
    """Return a drain as items, with holes where its session skipped a seq. last: s of the dispatch
    before the drain; None: it begins the session."""
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
    """The queue of one client. It lives on the running event loop."""

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
        self._loop = asyncio.get_running_loop()
        self._items: deque[Received] = deque()
        self._bytes = 0
        self._held = False
        self._yielded_at = float("-inf")
        """When the event loop last ran other tasks, as far as those who take know."""
        self._awaited_answers = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._end: Callable[[], ClusterError] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: Sequence[Received]) -> None:
        """Add the items of a drain."""
        self._items.extend(items)
        self._bytes += sum(len(item.data) for item in items)
        self._filled()
        self._wake(len(items))

    async def get(self) -> Received:
        """Wait for the next item, remove and return it. Raises the error of ``end``, once all was
        taken, and ClusterError to who would wait on another event loop. Now and then it lets other
        tasks run although an item is there: one who takes without waiting would keep heartbeats
        from going out."""
        if self._items and self._clock() - self._yielded_at > YIELD_S:
            await asyncio.sleep(0)
            self._yielded_at = self._clock()
        while not self._items:
            self.check()
            check_loop(self._loop, "the GatewayClient")
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._forget(waiter)
                raise
            self._yielded_at = self._clock()
        item = self._items.popleft()
        self._bytes -= len(item.data)
        self._taken()
        return item

    def end(self, error: Callable[[], ClusterError]) -> None:
        """Nothing more will be put. error: makes the error that ``get`` raises after the last
        item."""
        self._end = error
        self._wake(len(self._waiters))

    def reopen(self) -> None:
        """More will be put after all."""
        self._end = None

    def check(self) -> None:
        """Raise the error of ``end``, if that was called."""
        if self._end is not None:
            raise self._end()

    def clear(self) -> None:
        """Remove all items."""
        self._items.clear()
        self._bytes = 0
        self._taken()

    def stretch(self, change: int) -> None:
        """Let more items wait while answers are awaited that come as events. change: +1 for an
        answer that is awaited from now on, -1 for one that is no more."""
        self._awaited_answers += change
        self._taken()

    @property
    def _bounds(self) -> tuple[int, int]:
        """How many events and bytes may wait now."""
        factor = STRETCH if self._awaited_answers else 1
        return self._most * factor, MAX_BYTES * factor

    def _filled(self) -> None:
        """Hold when the queue is full. Called only when something came: a connection that is still
        being made must not be held, since its HELLO has to be read."""
        most, most_bytes = self._bounds
        if len(self._items) >= most or self._bytes >= most_bytes:
            self._held = True
            self._hold()

    def _taken(self) -> None:
        """Go on when no more than half of the bound waits."""
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
        """A waiter was cancelled. Had it been woken, wake another for the same item."""
        if waiter.done() and not waiter.cancelled():
            if self._items or self._end is not None:
                self._wake(1)
        elif waiter in self._waiters:
            self._waiters.remove(waiter)
