"""Worker processes as children on this host.

The spec goes through the child's standard input; its standard error is appended to a log file of
its slot. A child has a session of its own, so that Ctrl-C in a terminal reaches the coordinator
only, which stops the workers in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coordinator.children.process import LocalProcess, module_command


class LocalEngine:
    """Runs `python -m shard_worker` on this host; logs to <logs>/worker-<slot>.log."""

    def __init__(self, logs: Path, command: Sequence[str] | None = None) -> None:
        """command: another program in the worker's place, for tests."""
        self._logs = logs
        self._command = command or module_command("shard_worker")

    async def start(self, slot: int, spec: bytes) -> LocalProcess:
        return await LocalProcess.start(self._command, spec, self._logs / f"worker-{slot}.log")
