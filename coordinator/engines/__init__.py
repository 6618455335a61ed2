"""Where worker processes run: what the supervisor asks of the place."""

from __future__ import annotations

from typing import Protocol

from cluster.config.worker_spec import WorkerSpec
from cluster.wire.link import Stop


class WorkerProcess(Protocol):
    """One worker process that was started."""

    @property
    def pid(self) -> int: ...

    @property
    def heard_since(self) -> float | None:
        """Since when, in monotonic seconds, what it says can be heard; None: it can't now, which
        says nothing of how it is."""

    @property
    def stopped_for(self) -> str:
        """Why the place that it runs in has ended it; empty: it has not."""

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


class Site(Protocol):
    """The place in which the workers of a cluster run: this host, or several others."""

    async def find(self, slot: int) -> WorkerProcess | None:
        """Return the process that lives in a slot from before and goes on; None: there is none."""

    async def start(self, slot: int, spec: WorkerSpec) -> WorkerProcess:
        """Start the worker of a slot. OSError if it can't be started."""

    async def end(self, stop: Stop, seconds: float) -> None:
        """End the workers that live from before and were not found yet, within so long."""
