"""The slots of workers: what is known of the process in each, and whether it is heard of.

A worker that ends is started again after a growing wait. One that ends again and again without
having run STABLE_S is in a crash loop: it is shown as failed with what it said last, and tried
once in CRASH_LOOP_S. A worker that reports no more is missing, and killed after KILL_AFTER_S: its
journal has all that it received, and the next process resumes from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from cluster.backoff import Backoff
from cluster.wire.states import WorkerState
from coordinator.engines import WorkerProcess

MISSING_AFTER_S: Final = 5.0
KILL_AFTER_S: Final = 15.0
FIRST_REPORT_S: Final = 30.0
"""How long a process that has just started may say nothing: the journal is allocated whole
first."""
TICK_S: Final = 1.0
"""How often `WorkerSlots.tick` is called."""
STABLE_S: Final = 60.0
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
        """When this process was heard of last; None: never yet."""
        self.restarts = 0
        self.detail = ""
        self.launching = False
        """A process is coming into being."""
        self.killed_for = ""
        """Why this process was killed by us; empty: it was not."""
        self.failures = 0
        """Ends in a row without a stable run between them."""
        self.version = ""
        """Version of the package that its process runs; empty: it has not said."""
        self.stopped_for = ""
        """Why this process was told to end; empty: it was not. Its end is no failure then."""
        self.retired = False
        """No process follows the one that is there."""
        self.again = asyncio.Event()
        """Set: the next process is wanted now."""
        self.gone = asyncio.Event()
        """Set while there is no process."""
        self.gone.set()

    def began(self, process: WorkerProcess, now: float) -> None:
        """Take note of a process that has come into being."""
        self.process = process
        self.started_at = now
        self.heard_at = None
        self.killed_for = self.stopped_for = ""
        self.gone.clear()

    def ended(self, cause: str, code: int | None, now: float, backoff: Backoff) -> float | None:
        """Take note that the process is gone, or could not be started. Return the seconds until
        the next try; None: there will be none."""
        stable = self.started_at is not None and now - self.started_at >= STABLE_S
        self.process = self.started_at = self.heard_at = None
        self.version = ""
        self.gone.set()
        if self.stopped_for:
            self.state, self.detail = WorkerState.RESTARTING, self.stopped_for
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
            return backoff.spread(CRASH_LOOP_S)
        self.state = WorkerState.RESTARTING
        return backoff.after(self.failures)


class WorkerSlots(dict[int, Slot]):
    """The slots in use by number, and whether their processes are heard of."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """clock: monotonic seconds."""
        super().__init__()
        self._clock = clock
        self._ticked_at = clock()

    def greeted(self, number: int, pid: int, version: str = "") -> bool:
        """Take note that a worker said who it is. False: it is not the process of this slot.
        version: of its package."""
        slot = self.get(number)
        if slot is None or slot.process is None or slot.process.pid != pid:
            return False
        slot.heard_at = self._clock()
        slot.version = version
        return self.heard(number)

    def heard(self, number: int) -> bool:
        """Take note of a sign of life. False: the process of this slot has not greeted yet, so
        this is not known to be from it."""
        slot = self.get(number)
        if slot is None or slot.heard_at is None:
            return False
        slot.heard_at = self._clock()
        if slot.state in (WorkerState.STARTING, WorkerState.MISSING):
            slot.state = WorkerState.RUNNING
            slot.detail = ""
        return True

    def is_running(self, number: int) -> bool:
        """Whether the process of a slot has greeted, and is heard of."""
        slot = self.get(number)
        return slot is not None and slot.state is WorkerState.RUNNING

    def has_greeted(self, number: int) -> bool:
        """Whether the process of this slot has greeted."""
        slot = self.get(number)
        return slot is not None and slot.heard_at is not None

    def all_greeted(self) -> bool:
        """Whether there are workers, and the processes of all of them have greeted."""
        return bool(self) and all(slot.heard_at is not None for slot in self.values())

    def tick(self) -> None:
        """Look for workers that say nothing: once in TICK_S."""
        now = self._clock()
        late, self._ticked_at = now - self._ticked_at > 3 * TICK_S, now
        if late:  # we were the ones who did not look; what they said is still to be read
            return
        for slot in self.values():
            if slot.process is None or slot.started_at is None:
                continue
            heard_since = slot.process.heard_since
            if heard_since is None:
                if slot.heard_at:
                    slot.state, slot.detail = WorkerState.MISSING, "its host is away"
                continue
            silent = now - max(slot.heard_at or slot.started_at, heard_since)
            if silent > (KILL_AFTER_S if slot.heard_at else FIRST_REPORT_S):
                slot.killed_for = f"said nothing for {silent:.0f} s and was killed"
                slot.process.kill()
            elif slot.heard_at and silent > MISSING_AFTER_S:
                slot.state = WorkerState.MISSING
                slot.detail = f"no report for {silent:.0f} s"
