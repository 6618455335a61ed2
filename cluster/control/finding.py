"""Finding: a ControlClient of a cluster that may not run yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cluster.errors import ClusterError

if TYPE_CHECKING:
    from cluster.control.client import ControlClient


class Finding:
    """What `ControlClient.find(wait=...)` returns: awaited it is a client, in `async with` one that
    is closed at the end."""

    def __init__(self, find: Callable[[], Awaitable[ControlClient]]) -> None:
        self._find = find
        self._client: ControlClient | None = None

    def __await__(self) -> Generator[Any, None, ControlClient]:
        return self._find().__await__()

    async def __aenter__(self) -> ControlClient:
        if self._client is not None:
            raise ClusterError("this find() was entered before", "call find() again")
        self._client = await self._find()
        return self._client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client is not None:
            self._client.close()
