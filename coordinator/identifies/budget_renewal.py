"""The numbers of the identify budget, fetched from Discord when the limiter needs them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

from cluster.discord.gateway_bot import SessionStartLimit
from cluster.errors import ClusterError, RateLimitedError
from cluster.identify.limiter import IdentifyLimiter
from coordinator.identifies.grant_queue import ASK_AGAIN_S
from coordinator.identifies.ledger import IdentifyLedger

log = logging.getLogger(__name__)


class BudgetRenewal:
    """Keeps a limiter's numbers fresh."""

    def __init__(
        self,
        limiter: IdentifyLimiter,
        ledger: IdentifyLedger,
        *,
        fetch: Callable[[], Awaitable[SessionStartLimit]],
        clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        """fetch: asks for the limit of this moment. clock: monotonic seconds. changed: called when
        a renewal has ended."""
        self.trouble = ""
        """Why there are no fresh numbers; empty: nothing is wrong."""
        self._limiter = limiter
        self._ledger = ledger
        self._fetch = fetch
        self._clock = clock
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._not_before = float("-inf")
        """Numbers that could not be had are not asked for again before."""

    def take(self, limit: SessionStartLimit, asked_at: float) -> None:
        """Take freshly fetched numbers, asked for at this time of the clock."""
        after = limit.reset_after / 1000
        if limit.remaining <= 0:
            after = max(after, ASK_AGAIN_S)
        self._ledger.reset_due(after)
        self._limiter.refresh(
            total=limit.total,
            remaining=limit.remaining,
            reset_at=self._clock() + after,
            spent=self._ledger.spent(),
            max_concurrency=limit.max_concurrency,
            asked_at=asked_at,
        )

    def look(self) -> None:
        """Begin to renew what is stale. Raises what ended the renewal before: what was not foreseen
        is no state to go on in."""
        if self._task is not None and self._task.done():
            done, self._task = self._task, None
            done.result()
        now = self._clock()
        if self._limiter.stale(now) and now >= self._not_before:
            self._start()

    async def renew(self) -> None:
        """Renew the numbers now; where that fails, wait until they may be asked for again."""
        await asyncio.shield(self._start())
        await asyncio.sleep(max(0.0, self._not_before - self._clock()))

    async def close(self) -> None:
        """Give up a renewal that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _start(self) -> asyncio.Task[None]:
        """Fetch the numbers, once at a time."""
        if self._task is None:
            self._task = asyncio.create_task(self._refetch(), name="identify budget")
            self._task.add_done_callback(lambda _: self._changed())
        return self._task

    async def _refetch(self) -> None:
        asked_at = self._clock()
        try:
            self.take(await self._fetch(), asked_at)
        except (ClusterError, sqlite3.Error) as error:
            log.error("the identify budget could not be renewed: %s", error)
            self.trouble = f"the identify budget could not be renewed ({error})"
            wait = error.retry_after_s if isinstance(error, RateLimitedError) else 0.0
            self._not_before = self._clock() + max(ASK_AGAIN_S, wait)
        else:
            self.trouble = ""
