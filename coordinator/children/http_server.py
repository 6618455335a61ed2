"""The HTTP server as a child of the coordinator: up before a start is done, started again when it
ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.endpoints.listening import AUTO, HTTP
from coordinator.children.process import LocalProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.start import log_settings, start_child


class HttpProcess(RestartingProcess):
    """Keeps the HTTP server running while `run` does. `start` waits until it listens."""

    def __init__(self, spec: CoordinatorSpec, clock: Callable[[], float], stop_s: float) -> None:
        """clock: monotonic seconds. stop_s: how long it may take to stop before SIGKILL."""
        super().__init__("HTTP server", self._start_one, clock=clock, stop_s=stop_s)
        self._spec = spec
        self.url = ""
        """Where the one that was started last listens."""

    def renew(self, spec: CoordinatorSpec, number: signal.Signals) -> None:
        """Let it have another token: the one that runs is told by a signal that the file has
        changed, the next one has it from this spec."""
        self._spec = spec
        if self.process is not None:
            self.process.signal(number)

    async def _start_one(self) -> LocalProcess:
        """Start one where the one before it listened, since browsers and monitors have that
        address."""
        before = urlsplit(self.url).port
        log = self._spec.paths.logs / "http.log"
        data = http_spec(self._spec, before)
        process, outcome = await start_child(self.name, "coordinator.http.server", data, log)
        self.url = outcome.listens
        return process


def http_spec(spec: CoordinatorSpec, port: int | None = None) -> bytes:
    """Return the spec of an HTTP server. port: the one to try first; None: that of http.listen."""
    address = HTTP.address(spec.http.listen)
    return msgspec.json.encode(
        {
            "control": spec.paths.control,
            "lock": str(spec.paths.lock),
            "host": address.host,
            "port": port or address.port,
            "or_next": spec.http.listen == AUTO,
            "loopback": address.loopback,
            "token": spec.http_token,
            "token_file": spec.http.token_file,
            "ready_shards": spec.http.ready_shards,
            "shard_metrics": spec.http.shard_metrics,
            "parent": os.getpid(),
            **log_settings("http", spec),
        }
    )
