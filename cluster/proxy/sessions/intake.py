"""Intake: reads the one Subscriber of a proxy process into the window, for as long as the process
runs. Where the Subscriber ends, another goes on where the window's end is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from cluster.errors import ClusterError
from cluster.proxy.entry import Entry, gap_entry
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.turns import Turns
from cluster.subscriber import Event, Gap, Item
from cluster.subscriber.subscriber import MAX_BYTES

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 256
"""Events that are read before sessions are served: fewer than one takes in a turn, so that nobody
who can take more falls behind."""
AGAIN_SECONDS: Final = 1.0
MARK_SECONDS: Final = 5.0
"""How often the window learns its end's positions at least: also where shards are that are silent,
or are no more."""


class Stream(Protocol):
    """A Subscriber, as far as it is needed here."""

    @property
    def position(self) -> dict[str, Any]: ...

    def __aiter__(self) -> Any: ...


class Subscribe(Protocol):
    """Makes a Subscriber, which is a Stream once it is entered."""

    def __call__(
        self, start: str | dict[str, Any], *, events: Sequence[str] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> AbstractAsyncContextManager[Any]:  # fmt: skip
        """The arguments are those of Subscriber."""


class Counts:
    """What has come, for `status`."""

    def __init__(self) -> None:
        self.events = 0
        self.gaps = 0
        self.missed = 0
        """Events of the Gaps whose number is known."""
        self.stalls = 0

    def gap(self, gap: Gap, whose: str) -> None:
        """Count a Gap, and write it into the log. whose: who misses it."""
        self.gaps += 1
        number = None if gap.last is None else gap.last - gap.first + 1
        self.missed += number or 0
        log.warning(
            "%s: %s events of shard %d of %d are missing from seq %d on (%s): %s",
            whose, "some" if number is None else number, gap.shard_id, gap.shard_count, gap.first,
            gap.reason, "all names" if gap.names is None else ", ".join(gap.names),
        )  # fmt: skip


class Intake:
    """Reads until it is cancelled. Belongs to one event loop."""

    def __init__(
        self, subscribe: Subscribe, turns: Turns, counts: Counts,
        ready: Callable[[int, int], None],
    ) -> None:  # fmt: skip
        """ready: called with shard id and shard count when a READY has come."""
        self._subscribe = subscribe
        self._turns = turns
        self._counts = counts
        self._ready = ready
        self._stream: Stream | None = None
        self._settled = False
        """All that was known when the Subscriber was entered has been read."""
        self._resting = False
        """Reading pauses, with more at hand."""
        self._last: Event | None = None
        self._handle: asyncio.Handle | None = None
        self._unserved = 0
        self._marked_at = 0.0

    async def run(self, start: Positions) -> None:
        """Read from these positions on."""
        window = self._turns.begin(start)
        while True:
            try:
                async with self._subscribe(window.now.plain()) as stream:
                    self._stream, self._settled, self._last = stream, False, None
                    await self._read(stream)
            except ClusterError as error:
                log.warning("%s; subscribing again", error)
            finally:
                self._stream = None
                if self._handle is not None:
                    self._handle.cancel()
                    self._handle = None
            self._turns.serve()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self, stream: Stream) -> None:
        self._rest_soon()
        async for item in stream:
            self._take(item)
            self._unserved += 1
            if self._unserved >= MOST_AT_ONCE:
                self._resting = True
                self._serve()
                await asyncio.sleep(0)
                self._resting = False
            else:
                self._rest_soon()

    def _take(self, item: Item) -> None:
        if isinstance(item, Event):
            self._counts.events += 1
            self._last = item
            self._turns.add(Entry(item))
            if item.name == "READY":
                self._ready(item.shard_id, item.shard_count)
        elif isinstance(item, Gap):
            self._counts.gap(item, "the proxy")
            self._turns.add(gap_entry(item.shard_count, item.shard_id, item.epoch))
        else:
            self._counts.stalls += 1
            whose = "any worker" if item.slot is None else f"worker {item.slot}"
            log.warning("nothing comes from %s for %.1f s", whose, item.seconds)

    def _rest_soon(self) -> None:
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_soon(self._rest)

    def _rest(self) -> None:
        """The task that reads waits for more, or lets others go on."""
        self._handle = None
        if not self._resting:
            self._settled = True
        self._serve()

    def _serve(self) -> None:
        self._unserved = 0
        window, now = self._turns.window, asyncio.get_running_loop().time()
        assert window is not None
        if self._stream is not None and (
            window.is_mark_due or now - self._marked_at > MARK_SECONDS
        ):
            self._marked_at = now
            window.mark(self._positions(self._stream, window.now))
        self._turns.serve()

    def _positions(self, stream: Stream, known: Positions) -> Positions:
        """Return where the window's end is. known: the same, by the events alone."""
        found = Positions.read(stream.position)
        if self._last is not None:
            found.reach(self._last)  # it counts as handled there once the next is asked for
        if found.store != known.store:
            return known
        return found if self._settled else found.joined(known)
