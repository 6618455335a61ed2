"""The worker processes of a host: started as the coordinator says, found again by their locks,
watched, signalled, ended."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster import durable
from cluster.config.worker_spec import WorkerSpec, decode_spec, encode_spec
from cluster.endpoints.folders import write_private
from cluster.endpoints.paths import ClusterPaths, is_held
from cluster.processes import Owner
from cluster.wire.hosts import ClearJournal, SignalWorker, StartWorker
from coordinator.engines import WorkerProcess
from coordinator.engines.local import LocalEngine
from coordinator.workers.adoption import AdoptedProcess
from host_agent.slots import HostSlots

log = logging.getLogger(__name__)

TERMINATED_SHARE: Final = 0.8
"""Share of the time that an end may take, after which SIGKILL follows SIGTERM."""


class HostWorkers:
    """The worker processes of one host."""

    def __init__(
        self,
        paths: ClusterPaths,
        boot_id: str,
        *,
        clock: Callable[[], float],
        on_change: Callable[[], None],
        say: Callable[[str], None],
        command: Sequence[str] | None = None,
    ) -> None:
        """clock: monotonic seconds. on_change: a report would tell something else now. say: takes a
        line for people. command: another program in the worker's place, for tests."""
        self.slots = HostSlots()
        self._paths = paths
        self._boot_id = boot_id
        self._clock = clock
        self._on_change = on_change
        self._say = say
        self._engine = LocalEngine(paths.logs, command)
        self._processes: dict[int, WorkerProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def adopt(self) -> None:
        """Find the workers that live here from before. Whether they may stay is the coordinator's
        to say."""
        for slot in self._paths.journal_slots():
            self.look(slot)

    def look(self, slot: int) -> None:
        """See whether a worker from before lives in a slot: called too where one speaks that was
        not found, since it came into being while the agent that has started it ended."""
        lock = self._lock(slot)
        if not self.slots.is_free(slot) or not is_held(lock):
            return
        owner = Owner.read(lock)
        if owner is None:
            log.error("%s is held by a process that does not say who it is", lock)
            return
        self._say(f"Worker {slot} lives from before (pid {owner.pid}).")
        self.slots.found(slot, owner.pid)
        self._watch(slot, AdoptedProcess(owner.pid, lock))

    def start(self, message: StartWorker) -> None:
        """Start a worker, unless that was done already. The report tells what has come of it."""
        if self.slots.begin(message.slot, message.number, self._clock()):
            self._do(self._start(message), f"start of worker {message.slot}")
        else:
            self._on_change()

    def signal(self, message: SignalWorker) -> None:
        """Signal the process of a slot, if it is the one that is meant."""
        process = self._processes.get(message.slot)
        if process is None or process.pid != message.pid:
            log.info("worker %d, pid %d, is not there to be signalled", message.slot, message.pid)
            return
        if message.kill:
            process.kill()
        else:
            process.terminate()

    def clear(self, message: ClearJournal) -> None:
        """Remove the journal of a slot in which nobody lives."""
        folder = self._paths.journal(message.slot)
        if not folder.exists():
            return
        if not self.slots.is_free(message.slot) or is_held(self._lock(message.slot)):
            log.warning("%s is in use and not removed", folder)
            return
        log.info("the journal of slot %d is removed, as the coordinator says", message.slot)
        shutil.rmtree(folder, onerror=_not_removed)
        self._on_change()

    async def end(self, seconds: float) -> None:
        """End all, within so long: SIGTERM, on which they close their sessions so that others
        resume them, then SIGKILL."""
        self.slots.leaving = True
        self._on_change()
        self._signal_all("SIGTERM")
        if not await self._ended(seconds * TERMINATED_SHARE):
            self._signal_all("SIGKILL")
            if not await self._ended(seconds * (1 - TERMINATED_SHARE)):
                log.error("workers are still there after SIGKILL")

    async def leave(self) -> None:
        """Watch none any more, and let those that run go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _signal_all(self, name: str) -> None:
        for slot, process in self._processes.items():
            log.info("worker %d, pid %d: %s", slot, process.pid, name)
            if name == "SIGTERM":
                process.terminate()
            else:
                process.kill()

    async def _ended(self, seconds: float) -> bool:
        """Whether all have ended within so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        return self.slots.is_empty

    async def _start(self, message: StartWorker) -> None:
        """Start a worker and see its end."""
        slot = message.slot
        try:
            spec = self._own(decode_spec(message.spec), message)
            process = await self._engine.start(slot, encode_spec(spec))
        except Exception as error:  # whatever it was: the slot is free again, and told so
            log.exception("worker %d can't be started", slot)
            self._say(f"Worker {slot} can't be started: {error}")
            self.slots.not_started(slot, message.number, str(error), self._clock())
            self._on_change()
            return
        self.slots.started(slot, process.pid)
        self._say(f"Worker {slot} starts (pid {process.pid}).")
        if self.slots.leaving:  # it was coming into being when all were signalled
            process.terminate()
        await self._see_end(slot, process)

    def _watch(self, slot: int, process: WorkerProcess) -> None:
        self._do(self._see_end(slot, process), f"worker {slot}")

    async def _see_end(self, slot: int, process: WorkerProcess) -> None:
        self._processes[slot] = process
        self._on_change()
        code = await process.wait()
        del self._processes[slot]
        words = process.last_words()
        self._say(f"Worker {slot} has ended{_how(code, words)}.")
        self.slots.ended(slot, code, words, self._clock())
        if self.slots.is_empty and not self.slots.leaving:
            self._say("No worker runs here now.")
        self._on_change()

    def _own(self, spec: WorkerSpec, message: StartWorker) -> WorkerSpec:
        """Return a worker's spec with what is this host's own in it. OSError: the certificate
        authority's file can't be written."""
        return msgspec.structs.replace(
            spec,
            boot_id=self._boot_id,
            journal_dir=str(self._paths.journal(message.slot)),
            log_file=str(self._paths.log(f"worker-{message.slot}")),
            link_endpoint=self._paths.link,
            hub_endpoint=self._paths.hub_of(spec.hub),
            ca_file=self._authority(message.ca_pem),
        )

    def _authority(self, pem: str) -> str:
        """Return the file of a certificate authority, as WorkerSpec.ca_file has it."""
        if not pem:
            return ""
        file, data = self._paths.state_dir / "ca.pem", pem.encode()
        if not file.exists() or file.read_bytes() != data:
            draft = file.with_suffix(".new")
            draft.unlink(missing_ok=True)
            write_private(draft, data)
            durable.replace(draft, file)
        return str(file)

    def _lock(self, slot: int) -> Path:
        return self._paths.journal(slot) / "owner.lock"

    def _do(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s", task.get_name(), exc_info=error)


def _how(code: int | None, words: str) -> str:
    """Return how a process has ended, for people; empty: as it should, or nobody knows."""
    if not code:
        return ""
    if code < 0:  # what it said last has nothing to do with it
        return f" by signal {-code}"
    return f", exit code {code}: {words}".removesuffix(": ")


def _not_removed(_: object, path: str, info: object) -> None:
    log.warning("%s was not removed", path)
