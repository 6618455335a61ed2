"""Workers that outlived their coordinator: taken over, or told to stop, before a slot starts anew.

A worker holds a lock on its slot's folder, so a slot whose lock is held has an owner. It greets
whoever binds the link's endpoint next. Its sessions go on if it runs the shards of today's plan for
today's account; otherwise it closes them resumably, and the slot's next process resumes them.
One that does neither hangs, and is killed: the lock's file says who it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from cluster.endpoints.paths import ClusterPaths, is_held
from cluster.processes import Owner, process_start
from cluster.wire import link
from coordinator.engines import WorkerProcess
from coordinator.workers.link import Send

log = logging.getLogger(__name__)

GREET_S: Final = 10.0
"""How long a worker may take to greet: it does after 3 s in which it hears nothing, and reconnects
within 1 s."""
LEAVE_S: Final = 15.0
POLL_S: Final = 0.25


class AdoptedProcess:
    """A worker that is no child of ours. It lives as long as its slot's lock is held."""

    def __init__(
        self, pid: int, lock: Path, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._pid = pid
        self._lock = lock
        self._sleep = sleep
        self._started = process_start(pid)

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def heard_since(self) -> float | None:
        """Since when it can be heard: always."""
        return float("-inf")

    @property
    def stopped_for(self) -> str:
        """Nobody but the coordinator ends it."""
        return ""

    async def wait(self) -> int | None:
        """Wait for its end. Returns None: only a parent learns the status."""
        while is_held(self._lock):
            await self._sleep(POLL_S)
        return None

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def last_words(self) -> str:
        return "it was taken over, so its exit code is not known"

    def _signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless its pid was given to another process since."""
        is_same_process = self._started and process_start(self._pid) == self._started
        if not is_held(self._lock) or not is_same_process:
            log.warning("pid %d is not the worker any more: no %s", self._pid, number.name)
            return
        os.kill(self._pid, number)


class SlotHolders(Protocol):
    """Who lives in the slots of a host."""

    def slots(self) -> list[int]:
        """Return the slots that were in use at some time."""

    def is_held(self, slot: int) -> bool:
        """Whether a process lives in a slot."""

    def owner(self, slot: int) -> int | None:
        """Return the pid of the process in a slot; None: there is none, or it is not known."""

    def signal(self, slot: int, pid: int, number: signal.Signals) -> None:
        """Signal the process of a slot."""

    def process(self, slot: int, pid: int) -> WorkerProcess:
        """Return the process in a slot, to be followed."""


class LocalSlots:
    """Who lives in the slots of this host, by their locks."""

    def __init__(
        self, paths: ClusterPaths, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._paths = paths
        self._sleep = sleep

    def slots(self) -> list[int]:
        return self._paths.journal_slots()

    def is_held(self, slot: int) -> bool:
        return is_held(self._lock(slot))

    def owner(self, slot: int) -> int | None:
        owner = Owner.read(self._lock(slot))
        return None if owner is None else owner.pid

    def signal(self, slot: int, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself: as was wanted
            os.kill(pid, number)

    def process(self, slot: int, pid: int) -> WorkerProcess:
        return AdoptedProcess(pid, self._lock(slot), self._sleep)

    def _lock(self, slot: int) -> Path:
        return self._paths.journal(slot) / "owner.lock"


class Adoption:
    """Finds the workers that live in slots from before."""

    def __init__(
        self,
        holders: SlotHolders,
        *,
        fits: Callable[[int, link.Hello], bool],
        farewell: Callable[[link.Hello], link.Stop] = lambda hello: link.Stop(),
        planned: Callable[[int], bool] = lambda slot: True,
        send: Send,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """holders: who lives in the slots. fits: whether the worker that greets may go on in this
        slot. farewell: returns how one that may not is told to stop. planned: whether a slot is in
        use, so that `find` will be called for it."""
        self._holders = holders
        self._fits = fits
        self._farewell = farewell
        self._planned = planned
        self._send = send
        self._sleep = sleep
        self._hellos: dict[int, link.Hello] = {}
        self._found: dict[int, WorkerProcess] = {}
        self._survey: asyncio.Task[None] | None = None
        self._unwanted: set[int] = set()
        """Slots in which somebody lived who may not go on, or did not greet."""

    def hello(self, slot: int, hello: link.Hello) -> None:
        """Take the greeting of a worker that the supervisor did not start."""
        if slot in self._holders.slots():  # no others: nobody would ever ask for them
            self._hellos[slot] = hello

    async def find(self, slot: int) -> WorkerProcess | None:
        """Return the worker that goes on in this slot; None: nobody is in the slot, or whoever
        is can't be removed.

        The first call waits until every slot of this host was looked at, those that the plan has no
        more among them: no shard is started while another slot's worker still has it.
        """
        await self.survey()
        if slot not in self._found:
            await self._settle(slot)
        if slot not in self._found:
            await self._end_silent(slot)
        return self._found.pop(slot, None)

    async def survey(self) -> None:
        """See that every slot of this host was looked at once."""
        if self._survey is None:
            self._survey = asyncio.create_task(self._look_everywhere(), name="adoption")
        await asyncio.shield(self._survey)

    def lingering(self) -> set[int]:
        """Return the slots in which somebody still lives who may not go on, or does not greet: who
        may have shards that the plan gives to other slots."""
        self._unwanted = {slot for slot in self._unwanted if self._holders.is_held(slot)}
        return self._unwanted

    async def end(self, stop: link.Stop, seconds: float) -> None:
        """End the workers that were not taken over yet: none outlives a stop. They are told over
        the link, and signalled when they do not hear, within so long. The supervisor's own must be
        gone by now."""
        if self._survey is not None:
            self._survey.cancel()
            await asyncio.gather(self._survey, return_exceptions=True)
        slots = self._holders.slots()
        await asyncio.gather(*(self._end(slot, stop, seconds) for slot in slots))

    async def _end(self, slot: int, stop: link.Stop, seconds: float) -> None:
        holders = self._holders
        if stop.logout:  # a signal can't say that
            await self._until(
                lambda: slot in self._hellos or not holders.is_held(slot), seconds / 2
            )
        pid = holders.owner(slot) if holders.is_held(slot) else None
        if pid is None:
            return
        log.info("worker %d, pid %d, was not taken over yet: told to stop", slot, pid)
        if slot not in self._hellos or not self._send(slot, stop):
            holders.signal(slot, pid, signal.SIGTERM)
        await self._until_free(slot, seconds / 2)
        if holders.is_held(slot):
            log.error("worker %d, pid %d, has not stopped and is killed", slot, pid)
            holders.signal(slot, pid, signal.SIGKILL)
            await self._until_free(slot, LEAVE_S)

    async def _look_everywhere(self) -> None:
        await asyncio.gather(*(self._look(slot) for slot in self._holders.slots()))

    async def _look(self, slot: int) -> None:
        try:
            await self._settle(slot)
            if not self._planned(slot):  # nobody looks at it again
                await self._end_silent(slot)
        except OSError as error:  # that slot's own start will meet it too; the others go on
            log.error("worker slot %d can't be looked at: %s", slot, error)

    async def _settle(self, slot: int) -> None:
        """Find the worker of a slot, or see it go."""
        hello = await self._greeting(slot)
        if hello is None:
            return
        if self._fits(slot, hello):
            log.debug("worker %d, pid %d, can be taken over", slot, hello.pid)
            self._unwanted.discard(slot)
            self._found[slot] = self._holders.process(slot, hello.pid)
            return
        log.info("worker %d, pid %d, is of another plan: told to stop", slot, hello.pid)
        self._unwanted.add(slot)
        self._send(slot, self._farewell(hello))
        await self._until_free(slot, LEAVE_S)

    async def _end_silent(self, slot: int) -> None:
        """Kill a worker that neither greets nor goes, though it was waited for: it hangs, and keeps
        this slot's shards from everybody. Its journal has all that it received."""
        if slot in self._hellos or not self._holders.is_held(slot):
            return
        pid = self._holders.owner(slot)
        if pid is None:
            log.error("worker slot %d is held by a process that does not say who it is", slot)
            return
        log.error("worker %d, pid %d, does not greet and is killed", slot, pid)
        self._holders.signal(slot, pid, signal.SIGKILL)
        await self._until_free(slot, LEAVE_S)

    async def _greeting(self, slot: int) -> link.Hello | None:
        held = self._holders.is_held
        await self._until(lambda: slot in self._hellos or not held(slot), GREET_S)
        hello = self._hellos.pop(slot, None)
        if hello is None and held(slot):
            self._unwanted.add(slot)
            log.error("worker slot %d is held by a process that does not greet", slot)
        return hello if held(slot) else None

    async def _until_free(self, slot: int, seconds: float) -> None:
        await self._until(lambda: not self._holders.is_held(slot), seconds)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        for _ in range(int(seconds / POLL_S)):
            if condition():
                return
            await self._sleep(POLL_S)
