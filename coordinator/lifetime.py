"""What begins in an order and ends in the opposite one, until somebody wants an end or a part fails
(asyncio and contextlib documentation, AsyncExitStack)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from cluster.errors import ClusterError

log = logging.getLogger(__name__)

One = TypeVar("One")
Other = TypeVar("Other")


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup that raises what the first task to fail raised, when the others, which are
    cancelled then, have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        error = failed.exceptions[0]
    else:
        return
    raise error


async def both(
    one: Coroutine[Any, Any, One], other: Coroutine[Any, Any, Other]
) -> tuple[One, Other]:
    """Run two beside each other, and return what they return. Raises what `together` does."""
    async with together() as group:
        first, second = group.create_task(one), group.create_task(other)
    return first.result(), second.result()


class Lifetime:
    """The lifetime of a coordinator's parts. ``parts`` takes what is to be closed; ``begin`` comes
    first."""

    def __init__(self) -> None:
        self.parts = AsyncExitStack()
        self.failure: BaseException | None = None
        """The exception of a background part that ended early; None: none did."""
        self._end = asyncio.Event()

    @property
    def ending(self) -> bool:
        """Whether somebody wants an end."""
        return self._end.is_set()

    def end(self) -> None:
        """Want an end: `until_ending` returns, and a start that is under way is given up."""
        self._end.set()

    async def until_ending(self) -> None:
        await self._end.wait()

    async def begin(self, start: Coroutine[Any, Any, None]) -> None:
        """Let the parts start. Where that fails nothing is left running. ClusterError: the end was
        wanted before it was done."""
        starting = asyncio.create_task(start)
        ending = asyncio.create_task(self._end.wait())
        try:
            await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                raise ClusterError("stopped before it was up")
            await starting
        except BaseException:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await self.parts.aclose()
            raise
        finally:
            ending.cancel()

    async def close(self) -> None:
        """Close the parts, the last one first."""
        self._end.set()
        await self.parts.aclose()

    def background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run work beside the rest until it is closed, as other parts are; if it fails, that is the
        end of all."""
        task = asyncio.create_task(work, name=name)

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s failed", name, exc_info=error)
                self.failure = error
                self._end.set()

        async def cancel() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        task.add_done_callback(ended)
        self.parts.push_async_callback(cancel)
