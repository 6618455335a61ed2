"""The verb cache, which is passed on to the cache's process, and the one by which that reports what
`status` shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from cluster.control_connection import ControlConnection
from cluster.errors import ClusterError
from cluster.wire.status import CacheReport
from coordinator.context import RunContext
from coordinator.verb import Verb, args_of

ANSWER_S: Final = 4.0
"""How long the cache may take for an answer: less than who asks waits for one."""
SILENT_S: Final = 10.0
"""A cache that says nothing for so long is not there."""
MOST_UNDER_WAY: Final = 1000
"""Questions that may wait for the cache at a time."""


class CacheVerbs:
    """Asks the cache for others, and keeps what it said last of itself. ``close`` it."""

    def __init__(self, context: RunContext, *, there_is_one: bool) -> None:
        """there_is_one: whether this cluster keeps a cache."""
        self._context = context
        self._connection: ControlConnection | None = None
        if there_is_one:
            self._connection = ControlConnection(context.spec.paths.cache_endpoint)
        self._under_way = 0
        self._report: CacheReport | None = None
        self._reported_at = 0.0

    def close(self) -> None:
        """Close the way to the cache; who waits for an answer is told."""
        if self._connection is not None:
            self._connection.close()

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {"cache": self.ask, "_cache": self.report}

    async def ask(self, args: dict[str, Any]) -> msgspec.Raw:
        """Ask the cache. args: CacheAsk, which it reads itself; returns its CachePage as it is."""
        if self._connection is None:
            raise ClusterError(
                "this cluster keeps no cache", 'set cache.keep, say to ["guilds"], and restart it'
            )
        if self._under_way >= MOST_UNDER_WAY:
            raise ClusterError(f"{self._under_way} wait for the cache already", "ask again later")
        self._under_way += 1
        try:
            return await self._connection.exchange("cache", msgspec.Raw, args, ANSWER_S)
        except TimeoutError:
            raise ClusterError(
                f"the cache did not answer within {ANSWER_S:g} s",
                "`dcgw-cluster status` shows whether it runs; see cache.log",
            ) from None
        finally:
            self._under_way -= 1

    async def report(self, args: dict[str, Any]) -> None:
        """Take the cache's report of itself; it lets no client say this. args: CacheReport."""
        self._report = args_of(args, CacheReport)
        self._reported_at = self._context.clock()

    def status(self) -> CacheReport | None:
        """Return what the cache said last; None: there is none, or it is not heard of."""
        silent_s = self._context.clock() - self._reported_at
        return self._report if silent_s <= SILENT_S else None
