"""This host as the place in which the workers run."""

from __future__ import annotations

from typing import NamedTuple

from cluster.config.worker_spec import WorkerSpec, encode_spec
from cluster.wire.link import Stop
from coordinator.engines import Engine, WorkerProcess
from coordinator.workers.adoption import Adoption


class LocalSite(NamedTuple):
    """Workers are children of this process, or were those of the coordinator before it."""

    engine: Engine
    adoption: Adoption

    async def find(self, slot: int) -> WorkerProcess | None:
        """Return the process that lives in a slot from before and goes on; None: there is none."""
        return await self.adoption.find(slot)

    async def start(self, slot: int, spec: WorkerSpec) -> WorkerProcess:
        """Start the worker of a slot. OSError if it can't be started."""
        return await self.engine.start(slot, encode_spec(spec))

    async def end(self, stop: Stop, seconds: float) -> None:
        """End the workers that live from before and were not found yet, within so long."""
        await self.adoption.end(stop, seconds)
