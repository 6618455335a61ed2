"""Keeps worker processes running: one a slot, started again when it ends, stopped in order.

A worker that ends is started again after a growing wait. One that ends again and again without
having run STABLE_S is in a crash loop: it is shown as failed with what it said last, and tried
once in CRASH_LOOP_S. A worker that reports no more is missing, and killed after KILL_AFTER_S: its
journal has all that it received, and the next process resumes from there.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from cluster.config.worker_spec import WorkerSpec, encode_spec
from cluster.errors import ClusterError
from cluster.wire.states import WorkerState
from coordinator.engines import Engine, WorkerProcess

log = logging.getLogger(__name__)

MISSING_AFTER_S: Final = 5.0
KILL_AFTER_S: Final = 15.0
FIRST_REPORT_S: Final = 30.0
"""A process that has just started may take this long: the journal is allocated whole first."""
TICK_S: Final = 1.0
STABLE_S: Final = 60.0
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
CRASH_LOOP: Final = 5
CRASH_LOOP_S: Final = 60.0
BAD_SPEC: Final = 2
"""Exit code of a worker that can't use its spec: another try would end the same way."""


class Slot:
    """One worker slot and its process, if it has one now."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = WorkerState.STARTING
        self.process: WorkerProcess | None = None
        self.started_at: float | None = None
        self.heard_at: float | None = None
        """Of this process; None: nothing yet."""
        self.restarts = 0
        self.detail = ""
        self.launching = False
        """A process is coming into being."""
        self.killed_for = ""
        """Why this process was killed by us; empty: it was not."""
        self.failures = 0
        """Ends in a row without a stable run between them."""
        self.version = ""
        """Of the package that its process runs; empty: it has not said."""
        self.told = ""
        """Why this process was told to end; empty: it was not. Its end is no failure then."""
        self.retired = False
        """No process follows the one that is there."""
        self.again = asyncio.Event()
        """Set: the next process is wanted now."""
        self.gone = asyncio.Event()
        """Set while there is no process."""
        self.gone.set()

    def began(self, process: WorkerProcess, now: float) -> None:
        self.process = process
        self.started_at = now
        self.heard_at = None
        self.killed_for = self.told = ""
        self.gone.clear()

    def ended(self, cause: str, code: int | None, now: float) -> float | None:
        """The process is gone. Returns seconds until the next try, before jitter; None: no more."""
        stable = self.started_at is not None and now - self.started_at >= STABLE_S
        self.process = self.started_at = self.heard_at = None
        self.version = ""
        self.gone.set()
        if self.told:
            self.state, self.detail = WorkerState.RESTARTING, self.told
            return 0.0
        self.failures = 1 if stable else self.failures + 1
        self.detail = cause
        if code == BAD_SPEC:
            self.state = WorkerState.FAILED
            return None
        self.restarts += 1
        if self.failures >= CRASH_LOOP:
            self.state = WorkerState.FAILED
            self.detail = (
                f"ended {self.failures} times in a row, tried every {CRASH_LOOP_S:g} s: {cause}"
            )
            return CRASH_LOOP_S
        self.state = WorkerState.RESTARTING
        return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (self.failures - 1)))


class Supervisor:
    """Runs a worker in every slot that it is given, from `start` to `stop`."""

    def __init__(
        self,
        engine: Engine,
        *,
        make_spec: Callable[[int], WorkerSpec],
        on_gone: Callable[[int], None],
        find: Callable[[int], Awaitable[WorkerProcess | None]],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """make_spec: the spec of a slot's next process. on_gone: told of each that ended.
        find: the process that lives in a slot from before, if there is one."""
        self.slots: dict[int, Slot] = {}
        self._engine = engine
        self._make_spec = make_spec
        self._on_gone = on_gone
        self._find = find
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._ticked_at = clock()

    def start(self, slots: Iterable[int]) -> None:
        for number in slots:
            self.slots[number] = slot = Slot(number)
            self._tasks[number] = asyncio.create_task(self._run(slot), name=f"worker {number}")

    async def restart(
        self, number: int, tell: Callable[[int], bool], seconds: float, *, retire: bool = False
    ) -> None:
        """End the process of a slot and see it gone: told by `tell`, as in `stop`, and by signals
        when that takes too long. Another one follows at once, or none: retire. Where none runs
        now, the next one is not waited for any longer.

        ClusterError: it is still there after SIGKILL.
        """
        slot = self.slots[number]
        slot.retired = slot.retired or retire
        process = slot.process
        if process is None:
            if retire:
                await self._forget(slot)
                return
            self._wake(slot)
            return
        slot.told = "told to end" if retire else "restarted on request"
        if not tell(number):
            process.terminate()
        for send, share in ((process.terminate, 0.6), (process.kill, 0.2), (None, 0.2)):
            try:
                async with asyncio.timeout(seconds * share):
                    await slot.gone.wait()
                break
            except TimeoutError:
                if send is None:
                    raise ClusterError(
                        f"worker {number}, pid {process.pid}, is still there after SIGKILL",
                        "look at the machine: its disk may hang",
                    ) from None
                log.warning("worker %d has not ended: signalled", number)
                send()
        if retire:
            await self._forget(slot)

    def _wake(self, slot: Slot) -> None:
        slot.again.set()
        if self._tasks[slot.number].done():  # it had given up
            self.start([slot.number])

    async def _forget(self, slot: Slot) -> None:
        task = self._tasks.pop(slot.number)
        if slot.process is None and not slot.launching:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del self.slots[slot.number]

    def greeted(self, number: int, pid: int, version: str = "") -> bool:
        """A worker says who it is. False: it is not the process of this slot. version: of its
        package."""
        slot = self.slots.get(number)
        if slot is None or slot.process is None or slot.process.pid != pid:
            return False
        slot.heard_at = self._clock()
        slot.version = version
        return self.heard(number)

    def is_running(self, number: int) -> bool:
        """Whether the process of a slot has greeted, and is heard of."""
        slot = self.slots.get(number)
        return slot is not None and slot.state is WorkerState.RUNNING

    def heard(self, number: int) -> bool:
        """A sign of life. False: the process of this slot has not greeted yet, so this is not
        known to be of it."""
        slot = self.slots.get(number)
        if slot is None or slot.heard_at is None:
            return False
        slot.heard_at = self._clock()
        if slot.state in (WorkerState.STARTING, WorkerState.MISSING):
            slot.state = WorkerState.RUNNING
            slot.detail = ""
        return True

    def knows(self, number: int) -> bool:
        """Whether the process of this slot has greeted."""
        slot = self.slots.get(number)
        return slot is not None and slot.heard_at is not None

    def tick(self) -> None:
        """Once in TICK_S: look for workers that say nothing."""
        now = self._clock()
        late, self._ticked_at = now - self._ticked_at > 3 * TICK_S, now
        if late:  # we were the ones who did not look; what they said is still to be read
            return
        for slot in self.slots.values():
            if slot.process is None or slot.started_at is None:
                continue
            silent = now - (slot.heard_at or slot.started_at)
            if silent > (KILL_AFTER_S if slot.heard_at else FIRST_REPORT_S):
                slot.killed_for = f"said nothing for {silent:.0f} s and was killed"
                slot.process.kill()
            elif slot.heard_at and silent > MISSING_AFTER_S:
                slot.state = WorkerState.MISSING
                slot.detail = f"no report for {silent:.0f} s"

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
            slot = self.slots[number]
            if slot.process is None:
                if not slot.launching:  # a process that comes into being is ended by its own task
                    task.cancel()
            elif not tell(number):
                slot.process.terminate()
        if not await self._ended(seconds * 0.6):
            self._signal("SIGTERM", lambda process: process.terminate())
            if not await self._ended(seconds * 0.2):
                self._signal("SIGKILL", lambda process: process.kill())
                if not await self._ended(seconds * 0.2):
                    log.error("workers are still there after SIGKILL")
        for slot in self.slots.values():
            slot.state = WorkerState.STOPPED

    async def _ended(self, seconds: float) -> bool:
        tasks = [task for task in self._tasks.values() if not task.done()]
        if not tasks:
            return True
        _, left = await asyncio.wait(tasks, timeout=seconds)
        return not left

    def _signal(self, name: str, send: Callable[[WorkerProcess], None]) -> None:
        for slot in self.slots.values():
            if slot.process is not None:
                log.warning("worker %d has not stopped: %s", slot.number, name)
                send(slot.process)

    async def _run(self, slot: Slot) -> None:
        while not self._stopping.is_set() and not slot.retired:
            slot.state = WorkerState.STARTING
            cause, code = await self._run_once(slot)
            wait = slot.ended(cause, code, self._clock())
            self._on_gone(slot.number)
            if self._stopping.is_set() or slot.retired:
                return
            (log.info if slot.told else log.error)("worker %d: %s", slot.number, slot.detail)
            if wait is None:
                return
            await self._pause(slot, wait * self._uniform(0.5, 1.0))

    async def _pause(self, slot: Slot, seconds: float) -> None:
        """Until then, or until somebody wants it to start now."""
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
        """One process from start to end: why it ended, and its exit code if there was one."""
        try:
            process = await self._find(slot.number)
            slot.launching = process is None
            if process is None:
                spec = encode_spec(self._make_spec(slot.number))
                process = await self._engine.start(slot.number, spec)
        except Exception as error:
            # Whatever it was (the store, the system): a slot that gave up would stay empty unseen
            log.exception("worker %d", slot.number)
            return f"can't be started: {error}", None
        finally:
            slot.launching = False
        slot.began(process, self._clock())
        log.info("worker %d started, pid %d", slot.number, process.pid)
        if self._stopping.is_set() or slot.retired:  # since it was begun
            process.terminate()
        code = await process.wait()
        log.info("worker %d ended with %s", slot.number, code)
        if slot.killed_for:
            return slot.killed_for, code
        if code is not None and code < 0:  # what it said last has nothing to do with it
            return f"killed by signal {-code}", code
        how = "ended" if code is None else f"exit code {code}"
        return f"{how}: {process.last_words()}".rstrip(": "), code
