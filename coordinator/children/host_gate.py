"""The host gate as a child of the coordinator: up before a start is done, started again when it
ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from coordinator.children.process import LocalProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.start import log_settings, start_child


class HostGateProcess(RestartingProcess):
    """Keeps the host gate running while `run` does. `start` waits until it listens."""

    def __init__(self, spec: CoordinatorSpec, clock: Callable[[], float], stop_s: float) -> None:
        """clock: monotonic seconds. stop_s: how long it may take to stop before SIGKILL."""
        start = partial(_start, host_gate_spec(spec), spec.paths.logs)
        super().__init__("host gate", start, clock=clock, stop_s=stop_s)


def host_gate_spec(spec: CoordinatorSpec) -> bytes:
    """Return the spec of a host gate, in which is no secret."""
    paths = spec.paths
    data = {
        "keys": str(paths.keys),
        "outside": spec.hosts.offered,
        "hosts": paths.hosts,
        "replay": paths.host_replay,
        "hubs": [paths.hub_of(number) for number in range(spec.hubs)],
        "control": paths.control,
        "parent": os.getpid(),
        **log_settings("host-gate", spec),
    }
    return msgspec.json.encode(data)


async def _start(spec: bytes, logs: Path) -> LocalProcess:
    """Start a host gate and wait until it listens. ClusterError if it does not."""
    log = logs / "host-gate.log"
    process, _ = await start_child("host gate", "coordinator.host_gate.gate", spec, log)
    return process
