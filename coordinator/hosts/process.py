"""A worker process on another host, as its agent's reports show it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cluster.wire.hosts import SignalWorker, ToHost


class HostProcess:
    """One worker process of one host. It ends when the agent says so, or when its host is given
    up."""

    def __init__(
        self,
        slot: int,
        pid: int,
        tell: Callable[[ToHost], object],
        here_since: Callable[[], float | None],
    ) -> None:
        """tell: sends a message to the agent. here_since: returns since when the host is heard of;
        None: it is not."""
        self._slot = slot
        self._pid = pid
        self._tell = tell
        self._here_since = here_since
        self._words = self._stopped_for = ""
        self._ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def heard_since(self) -> float | None:
        """Since when it could be heard; None: its host is away."""
        return self._here_since()

    @property
    def stopped_for(self) -> str:
        return self._stopped_for

    async def wait(self) -> int | None:
        """Wait for its end. Return its exit status; None: it can't be known."""
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        self._tell(SignalWorker(slot=self._slot, pid=self._pid))

    def kill(self) -> None:
        self._tell(SignalWorker(slot=self._slot, pid=self._pid, kill=True))

    def last_words(self) -> str:
        return self._words

    def end(self, code: int | None, words: str, *, stopped_for: str = "") -> None:
        """Take note that it has ended. words: what it logged last, or why it counts as ended.
        stopped_for: why its agent has ended it; empty: it has not."""
        if not self._ended.done():
            self._words, self._stopped_for = words, stopped_for
            self._ended.set_result(code)
