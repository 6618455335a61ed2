"""The HTTP server as a child of the coordinator: up before a start is done, started again when it
ends."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HTTP_LISTEN
from cluster.endpoints.http import http_address
from coordinator.children.process import LocalProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.start import start_child


class HttpProcess(RestartingProcess):
    """Keeps the HTTP server running while `run` does. `start` waits until it listens."""

    def __init__(self, spec: CoordinatorSpec, clock: Callable[[], float], stop_s: float) -> None:
        """clock: monotonic seconds. stop_s: how long it may take to stop before SIGKILL."""
        super().__init__("HTTP server", self._start_one, clock=clock, stop_s=stop_s)
        self._spec = http_spec(spec)
        self._logs = spec.paths.logs
        self.url = ""
        """Where the one that was started last listens."""

    async def _start_one(self) -> LocalProcess:
        log = self._logs / "http.log"
        process, outcome = await start_child(self.name, "coordinator.http.server", self._spec, log)
        self.url = outcome.listens
        return process


def http_spec(spec: CoordinatorSpec) -> bytes:
    """Return the spec of an HTTP server."""
    address = http_address(spec.http.listen)
    return msgspec.json.encode(
        {
            "control": spec.paths.control,
            "host": address.host,
            "port": address.port,
            # Nobody asked for the default's port by its number, so its neighbours are as good.
            "or_next": spec.http.listen == HTTP_LISTEN,
            "loopback": address.loopback,
            "token": spec.http_token,
            "ready_shards": spec.http.ready_shards,
            "shard_metrics": spec.http.shard_metrics,
            "parent": os.getpid(),
        }
    )
