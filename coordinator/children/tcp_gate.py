"""The TCP gate as a child of the coordinator: up before a start is done, started again when it
ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.endpoints.paths import ClusterPaths
from cluster.errors import ClusterError
from cluster.wire.control import error_of
from cluster.wire.start_outcome import decode_outcome
from coordinator.children.process import LocalProcess, module_command
from coordinator.children.restarting_process import RestartingProcess

START_S: Final = 20.0
STOP_S: Final = 2.0


class TcpGateProcess(RestartingProcess):
    """Keeps the TCP gate running while `run` does. `start` waits until it listens."""

    def __init__(self, spec: CoordinatorSpec, clock: Callable[[], float], stop_s: float) -> None:
        """clock: monotonic seconds. stop_s: how long it may take to stop before SIGKILL."""
        start = partial(_start, gate_spec(spec.paths, spec.tcp.offered), spec.paths.logs)
        super().__init__("TCP gate", start, clock=clock, stop_s=stop_s)


def gate_spec(paths: ClusterPaths, outside: dict[str, str]) -> bytes:
    """Return the spec of a TCP gate, in which is no secret. outside: TCP endpoints by "events",
    "replay" and "control"."""
    inside = {"events": paths.events, "replay": paths.replay, "control": paths.control}
    spec = {
        "keys": str(paths.keys),
        "inside": inside,
        "outside": outside,
        "parent": os.getpid(),
    }
    return msgspec.json.encode(spec)


async def _start(spec: bytes, logs: Path) -> LocalProcess:
    """Start a TCP gate and wait until it listens. ClusterError if it does not."""
    command = module_command("coordinator.tcp_gate.gate")
    process = await LocalProcess.start(
        command, spec, logs / "gate.log", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            outcome = decode_outcome(await process.stdout.readline())
    except (TimeoutError, ValueError, msgspec.DecodeError) as error:
        await process.stop(STOP_S)
        words = process.last_words() or type(error).__name__
        raise ClusterError(
            f"the TCP gate did not start: {words}", f"see {logs / 'gate.log'}"
        ) from error
    except BaseException:
        await process.stop(STOP_S)
        raise
    if outcome.error is not None:
        await process.wait()
        raise error_of(outcome.error)
    return process
