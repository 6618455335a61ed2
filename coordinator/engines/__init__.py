"""Where a worker process runs: what the supervisor asks of an engine."""

from __future__ import annotations

from typing import Protocol


class WorkerProcess(Protocol):
    """One worker process that was started."""

    @property
    def pid(self) -> int: ...

    async def wait(self) -> int | None:
        """Wait for its end. Return its exit status; -N: by signal N; None: it can't be known."""

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM). Nothing happens if it ended already."""

    def kill(self) -> None:
        """End it (SIGKILL). Nothing happens if it ended already."""

    def last_words(self) -> str:
        """Return the last line that it logged, without a newline; empty if it logged nothing."""


class Engine(Protocol):
    """Starts worker processes."""

    async def start(self, slot: int, spec: bytes) -> WorkerProcess:
        """Start the worker of a slot and hand it its spec. OSError if it can't be started."""
