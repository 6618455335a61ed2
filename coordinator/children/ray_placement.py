"""The process that has Ray place host agents, as a child of the coordinator: up before a start is
done, started again when it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.engines import join_endpoint
from cluster.endpoints.curve_keys import KeyFolder
from coordinator.children.process import LocalProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.start import log_settings, start_child

MODULE: Final = "coordinator.engines.ray_placement.placement"
"""It is not imported: Ray stays out of this process."""
REMOVE: Final = signal.SIGUSR1
"""Tells it to remove what it has placed when it ends."""


class RayPlacementProcess(RestartingProcess):
    """Keeps the process running while `run` does. `start` waits until it has joined Ray.

    Agents outlive it, and the coordinator too, unless `remove_agents` is called before the end.
    """

    def __init__(
        self, spec: CoordinatorSpec, store_id: str, clock: Callable[[], float], stop_s: float
    ) -> None:
        """clock: monotonic seconds. stop_s: how long it may take to stop, agents with it, before
        SIGKILL. ConfigError: the keys' folder can't be used."""
        KeyFolder(spec.paths.keys).server_or_new()  # the host gate needs it
        start = partial(_start, placement_spec(spec, store_id), spec.paths.logs)
        super().__init__("Ray placement", start, clock=clock, stop_s=stop_s)

    def remove_agents(self) -> None:
        """Let it remove all agents when it ends."""
        if self.process is not None:
            self.process.signal(REMOVE)


def namespace_of(name: str, store_id: str) -> str:
    """Return the namespace on Ray of the cluster of this name whose store has this id: another one
    of the name, elsewhere, may use the same Ray."""
    return f"dcgw-{name}-{store_id[:8]}"


def placement_spec(spec: CoordinatorSpec, store_id: str) -> bytes:
    """Return the spec of the process, in which is no secret."""
    data = {
        "namespace": namespace_of(spec.name, store_id),
        "ray": spec.ray,
        "keys": str(spec.paths.keys),
        "join": join_endpoint(spec),
        "parent": os.getpid(),
        **log_settings("ray", spec),
    }
    return msgspec.json.encode(data)


async def _start(spec: bytes, logs: Path) -> LocalProcess:
    """Start the process and wait until it has joined Ray. ClusterError if it does not."""
    process, _ = await start_child("Ray placement", MODULE, spec, logs / "ray.log")
    return process
