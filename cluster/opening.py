"""Opening: what a call returns that a program may await, or enter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Generic, TypeVar

from cluster.errors import ClusterError

Opened = TypeVar("Opened")


class Opening(Generic[Opened]):
    """Awaited it gives what was opened, which is then the caller's to close. In `async with` it
    gives the same and closes it at the end, once: ClusterError where it is entered again."""

    def __init__(
        self,
        call: str,
        open_: Callable[[], Awaitable[Opened]],
        close: Callable[[Opened], Awaitable[object]],
    ) -> None:
        """call: whose result this is, as programs write it."""
        self._call = call
        self._open = open_
        self._close = close
        self._opened: Opened | None = None

    def __await__(self) -> Generator[Any, None, Opened]:
        return self._open().__await__()

    async def __aenter__(self) -> Opened:
        if self._opened is not None:
            raise ClusterError(f"this {self._call} was entered before", f"call {self._call} again")
        self._opened = await self._open()
        return self._opened

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._opened is not None:
            await self._close(self._opened)
