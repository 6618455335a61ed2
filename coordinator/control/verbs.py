"""The verbs ping and stop."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from cluster.wire.states import OperationState
from coordinator.operations.runner import OperationRunner
from coordinator.verb import Verb


class ControlVerbs:
    """What ends a running coordinator, or shows that it answers."""

    def __init__(
        self,
        spec: CoordinatorSpec,
        operations: OperationRunner,
        stop: Callable[[bool, bool], None],
    ) -> None:
        """stop: begins to stop, with whether to log out, and whether to let the workers go on."""
        self._spec = spec
        self._operations = operations
        self._stop = stop

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {"ping": self.ping, "stop": self.stop}

    async def ping(self, args: dict[str, Any]) -> dict[str, int]:
        """Show that the coordinator answers. No args; returns {pid}."""
        return {"pid": os.getpid()}

    async def stop(self, args: dict[str, Any]) -> dict[str, float]:
        """Begin to stop. args: {logout: bool, keep_workers: bool}. Answered when it has begun:
        {pid, seconds}; it is done within so many seconds."""
        keep = args.get("keep_workers") is True
        if keep and self._spec.on_sandbox:
            raise ClusterError("the sandbox of this cluster ends with its coordinator")
        operation = self._operations.status()
        if keep and operation is not None and operation.state is OperationState.RUNNING:
            raise ClusterError(f"a {operation.kind} is under way", "wait until it is done")
        self._stop(args.get("logout") is True, keep)
        return {"pid": os.getpid(), "seconds": self._spec.stop_seconds}
