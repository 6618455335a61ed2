"""The TCP gate as a child of the coordinator: up before a start is done, started again when it
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


class TcpGateProcess(RestartingProcess):
    """Keeps the TCP gate running while `run` does. `start` waits until it listens."""

    def __init__(self, spec: CoordinatorSpec, clock: Callable[[], float], stop_s: float) -> None:
        """clock: monotonic seconds. stop_s: how long it may take to stop before SIGKILL."""
        start = partial(_start, gate_spec(spec), spec.paths.logs)
        super().__init__("TCP gate", start, clock=clock, stop_s=stop_s)


def gate_spec(spec: CoordinatorSpec) -> bytes:
    """Return the spec of a TCP gate, in which is no secret."""
    paths = spec.paths
    inside = {
        "events": [paths.events_of(number) for number in range(spec.hubs)],
        "replay": [paths.replay],
        "control": [paths.control],
    }
    data = {
        "keys": str(paths.keys),
        "inside": inside,
        "outside": spec.tcp.offered,
        "parent": os.getpid(),
        **log_settings("gate", spec),
    }
    return msgspec.json.encode(data)


async def _start(spec: bytes, logs: Path) -> LocalProcess:
    """Start a TCP gate and wait until it listens. ClusterError if it does not."""
    log = logs / "gate.log"
    process, _ = await start_child("TCP gate", "coordinator.tcp_gate.gate", spec, log)
    return process
