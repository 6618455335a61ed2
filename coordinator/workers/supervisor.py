"""Keeps worker processes running: one a slot, started again when it ends, stopped in order.

When the next process follows, and when one that says nothing is killed, is decided in
coordinator.workers.slots.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from cluster.backoff import Backoff
from cluster.config.worker_spec import WorkerSpec
from cluster.errors import ClusterError
from cluster.wire.happenings import HappeningKind
from cluster.wire.states import WorkerState
from coordinator.engines import Site, WorkerProcess
from coordinator.happenings.record import HappeningRecord
from coordinator.workers.slots import Slot, WorkerSlots

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
TOLD_SHARE, TERMINATED_SHARE, KILLED_SHARE = 0.6, 0.2, 0.2
"""Shares of the time that an end may take: after a Stop message, SIGTERM, and SIGKILL."""


class Supervisor:
    """Runs a worker in every slot that it is given, from `start` to `stop`."""

    def __init__(
        self,
        site: Site,
        slots: WorkerSlots,
        *,
        make_spec: Callable[[int], WorkerSpec],
        on_start: Callable[[WorkerSpec], None],
        on_adopt: Callable[[int], None] = lambda slot: None,
        on_gone: Callable[[int], None],
        record: HappeningRecord,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        """site: where workers run. slots: filled from `start` on. make_spec: makes the spec of a
        slot's next process. on_start: called with the spec of each process that is about to be
        started. on_adopt: called with the slot of each process from before that goes on. on_gone:
        called with the slot of each process that ended, or could not be started. record: takes
        note of what happens to processes. clock: monotonic seconds."""
        self._site = site
        self._slots = slots
        self._make_spec = make_spec
        self._on_start = on_start
        self._on_adopt = on_adopt
        self._on_gone = on_gone
        self._record = record
        self._clock = clock
        self._sleep = sleep
        self._backoff = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S, random, least=0.5)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    def start(self, slots: Iterable[int]) -> None:
        """Run a worker in each of these slots from now on."""
        for number in slots:
            self._slots[number] = slot = Slot(number)
            self._tasks[number] = asyncio.create_task(self._run(slot), name=f"worker {number}")

    async def restart(
        self, number: int, tell: Callable[[int], bool], seconds: float, *, retire: bool = False
    ) -> None:
        """End the process of a slot and see it gone: it is asked with `tell`, as in `stop`, then
        signalled if it takes too long. Another one follows at once, or none: retire. Where none
        runs now, the next one is started without a further wait.

        ClusterError: it is still there after SIGKILL.
        """
        slot = self._slots[number]
        slot.retired = slot.retired or retire
        process = slot.process
        if process is None:
            if retire:
                await self._forget(slot)
                return
            self._wake(slot)
            return
        slot.stopped_for = "told to end" if retire else "restarted on request"
        if not tell(number):
            process.terminate()
        await self._see_gone(slot, process, seconds)
        if retire:
            await self._forget(slot)

    async def _see_gone(self, slot: Slot, process: WorkerProcess, seconds: float) -> None:
        """Wait for the end of a process that was told to end, and signal it when that takes too
        long. ClusterError: it is still there after SIGKILL."""
        for signal, seconds_before in (
            (process.terminate, seconds * TOLD_SHARE),
            (process.kill, seconds * TERMINATED_SHARE),
        ):
            if await _is_set_within(slot.gone, seconds_before):
                return
            log.warning("worker %d has not ended: signalled", slot.number)
            signal()
        if not await _is_set_within(slot.gone, seconds * KILLED_SHARE):
            raise ClusterError(
                f"worker {slot.number}, pid {process.pid}, is still there after SIGKILL",
                "look at the machine: its disk may hang",
            )

    def _wake(self, slot: Slot) -> None:
        """Start the next process of a slot now."""
        slot.again.set()
        if self._tasks[slot.number].done():  # it had given up
            self.start([slot.number])

    async def _forget(self, slot: Slot) -> None:
        """Take a slot whose process has ended out of use."""
        task = self._tasks.pop(slot.number)
        if slot.process is None and not slot.launching:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del self._slots[slot.number]

    async def leave(self) -> None:
        """Keep no worker running any more, and let those that run go on."""
        self._stopping.set()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def stop(self, tell: Callable[[int], bool], seconds: float) -> None:
        """Stop all: told over the link, then SIGTERM, then SIGKILL, within so long. tell: sends a
        Stop to a slot; False: it can't be reached, and gets the signal at once."""
        self._stopping.set()
        for number, task in self._tasks.items():
            slot = self._slots[number]
            if slot.process is None:
                if not slot.launching:  # a process that comes into being is ended by its own task
                    task.cancel()
            elif not tell(number):
                slot.process.terminate()
        if not await self._ended(seconds * TOLD_SHARE):
            self._signal("SIGTERM", lambda process: process.terminate())
            if not await self._ended(seconds * TERMINATED_SHARE):
                self._signal("SIGKILL", lambda process: process.kill())
                if not await self._ended(seconds * KILLED_SHARE):
                    log.error("workers are still there after SIGKILL")
        for slot in self._slots.values():
            slot.state = WorkerState.STOPPED

    async def _ended(self, seconds: float) -> bool:
        """Whether all workers have ended within so long."""
        tasks = [task for task in self._tasks.values() if not task.done()]
        if not tasks:
            return True
        _, left = await asyncio.wait(tasks, timeout=seconds)
        return not left

    def _signal(self, name: str, send: Callable[[WorkerProcess], None]) -> None:
        for slot in self._slots.values():
            if slot.process is not None:
                log.warning("worker %d has not stopped: %s", slot.number, name)
                send(slot.process)

    async def _run(self, slot: Slot) -> None:
        """Keep a worker running in a slot."""
        while not self._stopping.is_set() and not slot.retired:
            slot.state = WorkerState.STARTING
            cause, code = await self._run_once(slot)
            wait = slot.ended(cause, code, self._clock(), self._backoff)
            self._on_gone(slot.number)
            if self._stopping.is_set() or slot.retired:
                return
            self._tell_end(slot, wait)
            if wait is None:
                return
            await self._pause(slot, wait)

    def _tell_end(self, slot: Slot, wait: float | None) -> None:
        """Tell that the process of a slot has ended, or could not be started. wait: seconds until
        the next one; None: there will be none."""
        if slot.stopped_for:
            kind, what = HappeningKind.WORKER_ENDED, ""
        elif slot.state is WorkerState.FAILED:
            kind = HappeningKind.WORKER_FAILED
            what = "and is not started again" if wait is None else f"again in {wait:.0f} s"
        else:
            kind, what = HappeningKind.WORKER_DIED, f"again in {wait:.1f} s"
        self._record.tell(kind, what, worker=slot.number, cause=slot.detail)

    async def _pause(self, slot: Slot, seconds: float) -> None:
        """Wait so long, or until somebody wants the next process now."""
        slot.again.clear()
        waits = [
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(slot.again.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _run_once(self, slot: Slot) -> tuple[str, int | None]:
        """Run one process from start to end. Return why it ended, and its exit code if there was
        one."""
        try:
            process = await self._site.find(slot.number)
            slot.launching = process is None
            begun = HappeningKind.WORKER_STARTED if slot.launching else HappeningKind.WORKER_ADOPTED
            if process is None:
                spec = self._make_spec(slot.number)
                self._on_start(spec)
                process = await self._site.start(slot.number, spec)
            else:
                self._on_adopt(slot.number)
        except Exception as error:
            # Whatever it was (the store, the system): a slot that gave up would stay empty unseen
            log.exception("worker %d", slot.number)
            return f"can't be started: {error}", None
        finally:
            slot.launching = False
        slot.began(process, self._clock())
        self._record.tell(begun, f"pid {process.pid}", worker=slot.number)
        if self._stopping.is_set() or slot.retired:  # stopped while it was launching
            process.terminate()
        code = await process.wait()
        slot.stopped_for = slot.stopped_for or process.stopped_for
        log.debug("worker %d ended with %s", slot.number, code)
        if slot.killed_for:
            return slot.killed_for, code
        if code is not None and code < 0:  # what it said last has nothing to do with it
            return f"killed by signal {-code}", code
        how = "ended" if code is None else f"exit code {code}"
        return f"{how}: {process.last_words()}".rstrip(": "), code


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within so long."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
