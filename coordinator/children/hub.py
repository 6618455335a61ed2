"""A hub beside the coordinator's own, as a child: up before a start is done, started again when it
ends."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from coordinator.children.process import LocalProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.start import log_settings, start_child


class HubProcess(RestartingProcess):
    """Keeps one hub running while `run` does. `start` waits until it listens."""

    def __init__(
        self,
        spec: CoordinatorSpec,
        number: int,
        most_workers: int,
        clock: Callable[[], float],
        stop_s: float,
    ) -> None:
        """number: from 1 on; the hub of number 0 is the coordinator's own. most_workers: how many
        workers it may have. clock: monotonic seconds. stop_s: how long it may take to stop before
        SIGKILL."""
        super().__init__(f"hub {number}", self._start_one, clock=clock, stop_s=stop_s)
        self.log = spec.paths.log(f"hub-{number}")
        self._data = hub_spec(spec, number, most_workers)

    async def _start_one(self) -> LocalProcess:
        process, _ = await start_child(self.name, "coordinator.hub.process", self._data, self.log)
        return process


def hub_spec(spec: CoordinatorSpec, number: int, most_workers: int) -> bytes:
    """Return the spec of a hub's process, in which is no secret."""
    paths = spec.paths
    data = {
        "number": number,
        "workers": paths.hub_of(number),
        "subscribers": paths.events_of(number),
        "control": paths.control,
        "most_workers": most_workers,
        "parent": os.getpid(),
        **log_settings(f"hub-{number}", spec),
    }
    return msgspec.json.encode(data)
