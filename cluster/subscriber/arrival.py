"""Arrival: whether something has come, and the one task that waits for it.

A task that waits for a Future goes on a turn of the event loop after it was done, for which the
loop asks all its descriptors once more. What comes alone pays that for each event. An Arrival is to
a task what a Future is (asyncio.isfuture), and has it go on in the turn that read what has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context


class Arrival:
    """Awaited by one task at a time, all of one loop; one may go on though nothing has come, and
    looks again."""

    def __init__(self) -> None:
        self.is_set = False
        """Whether something has come. Whoever looks for it clears this first."""
        self._asyncio_future_blocking = False  # by which a task knows what it may wait for
        self._loop: asyncio.AbstractEventLoop | None = None
        self._go_on: Callable[[Arrival], object] | None = None
        """How the task that waits goes on; None: none waits."""
        self._context: Context | None = None
        self._cancelled: asyncio.CancelledError | None = None
        self._is_held = False

    def set(self) -> None:
        """Something has come: the task goes on in the loop's next turn, or at `release`."""
        if not self.is_set:
            self.is_set = True
            if self._go_on is not None and not self._is_held:
                self._step_soon()

    def hold(self) -> None:
        """More may come in this turn: the task goes on at `release`, which has to follow."""
        self._is_held = True

    def release(self) -> None:
        """Have the task go on now, if something has come; in the next turn, where this is called
        in a task: one can't go on within another."""
        self._is_held = False
        if self.is_set and self._go_on is not None:
            if asyncio.current_task(self._loop) is None:
                self._step()
            else:
                self._step_soon()

    def __await__(self) -> Generator[Arrival, None, None]:
        if not self.is_set:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._asyncio_future_blocking = True
            yield self

    def _step_soon(self) -> None:
        assert self._loop is not None  # a task waits
        self._loop.call_soon(self._step)

    def _step(self) -> None:
        go_on, self._go_on = self._go_on, None
        if go_on is not None:
            assert self._context is not None  # it came with it
            self._context.run(go_on, self)

    # -- what a task asks of what it waits for ---------------------------------------------------

    def get_loop(self) -> asyncio.AbstractEventLoop | None:
        return self._loop

    def add_done_callback(
        self, go_on: Callable[[Arrival], object], *, context: Context | None = None
    ) -> None:
        self._go_on, self._context, self._cancelled = go_on, context, None

    def cancel(self, msg: object = None) -> bool:
        """The task is cancelled: it goes on with that, in the next turn."""
        if self._go_on is None:
            return False
        self._cancelled = asyncio.CancelledError(*([] if msg is None else [msg]))
        self._step_soon()
        return True

    def result(self) -> None:
        if self._cancelled is not None:
            raise self._cancelled
