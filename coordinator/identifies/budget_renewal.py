"""The numbers of the identify budget, fetched from Discord when the limiter needs them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from cluster.backoff import Backoff
from cluster.discord.gateway_bot import SessionStartLimit
from cluster.errors import ApiUnavailableError, ClusterError
from cluster.identify.limiter import IdentifyLimiter
from coordinator.identifies.grant_queue import ASK_AGAIN_S
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.state.database import StoreError

log = logging.getLogger(__name__)

SOON_S: Final = 1.0
"""The wait after a start that asked once and got no answer, which may have been a moment's trouble.
A renewal asks five times before it gives up."""
LONGEST_S: Final = 600.0
"""The longest wait between two renewals that fail, unless the API asks for a longer one."""


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
        self.known = False
        """Whether there ever were numbers."""
        self.trouble = ""
        """Why there are no fresh numbers; empty: nothing is wrong."""
        self._limiter = limiter
        self._ledger = ledger
        self._fetch = fetch
        self._clock = clock
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        """How often they could not be had, in a row."""
        self._unsaid = Backoff(ASK_AGAIN_S, LONGEST_S)
        self._soon = Backoff(SOON_S, LONGEST_S)
        """The least wait where the API says how long it wants to be left alone, and the one after a
        moment's trouble."""
        self._not_before = float("-inf")
        """The numbers are not asked for again before."""

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
        self.known = True
        # A reset that Discord says is now, as it does before the first identify of a day, makes
        # numbers old that are new.
        self._not_before = asked_at + ASK_AGAIN_S

    def hold(self, error: ClusterError) -> None:
        """Begin without numbers: a start could not have them, for this cause. Nothing is granted
        until they are had, and they are asked for though nobody waits."""
        self._failed(error, may_pass=isinstance(error, ApiUnavailableError))

    def look(self, now: float) -> None:
        """Begin to renew what is wanted, once it may be asked for. Raises what ended the renewal
        before: what was not foreseen is no state to go on in."""
        if self._task is not None and self._task.done():
            done, self._task = self._task, None
            done.result()
        if self._task is None and self._wanted(now) and now >= self._not_before:
            self._task = asyncio.create_task(self._refetch(), name="identify budget")
            self._task.add_done_callback(lambda _: self._changed())

    def next_at(self, now: float) -> float | None:
        """Return when `look` may next begin a renewal; None: one is under way, or none will be
        wanted."""
        if self._task is not None:
            return None
        if self._wanted(now):
            return self._not_before
        stale_at = self._limiter.stale_at()
        return None if stale_at is None else max(stale_at, self._not_before)

    def asked_again_s(self, now: float) -> float | None:
        """Return the seconds until numbers are asked for that could not be had; None: they were."""
        return max(0.0, self._not_before - now) if self.trouble else None

    async def close(self) -> None:
        """Give up a renewal that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _wanted(self, now: float) -> bool:
        if not self.known or self.trouble:  # what is told as a trouble ends once it is none
            return True
        return self._limiter.stale(now)  # as they are where the limiter needs a refresh

    async def _refetch(self) -> None:
        asked_at = self._clock()
        try:
            self.take(await self._fetch(), asked_at)
        except (ClusterError, StoreError) as error:
            self._failed(error)
            return
        if self.trouble:
            log.info("Discord's API answers again: identifies go on")
        self.trouble, self._failures = "", 0

    def _failed(self, error: ClusterError | StoreError, *, may_pass: bool = False) -> None:
        """Note why there are no numbers, and until when they are not asked for. may_pass: it may be
        a moment's trouble, since they were asked for once."""
        self._failures += 1
        said = error.retry_after_s if isinstance(error, ApiUnavailableError) else 0.0
        backoff = self._soon if said or may_pass else self._unsaid
        wait = max(said, backoff.after(self._failures))
        self._not_before = self._clock() + wait
        what = (
            "the identify budget could not be renewed"
            if self.known
            else "sessions go on, but no shard can identify before Discord's API answers"
        )
        self.trouble = f"{what} ({error})"
        log.error("%s; it is asked again in %.0f s", self.trouble, wait)
