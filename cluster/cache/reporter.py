"""Tells the coordinator how the cache fares, and asks it how many guilds there are to be known."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from typing import Final

from cluster import process_stats
from cluster.cache.census import Census, KnownShards, some, take_census, unseen
from cluster.cache.intake import Intake
from cluster.cache.store import Store
from cluster.control_connection import ControlConnection
from cluster.errors import ClusterError
from cluster.wire.control import as_args
from cluster.wire.position import ShardKey
from cluster.wire.status import MOST_CACHE_SHARDS, CacheReport

log = logging.getLogger(__name__)

REPORT_S: Final = 1.0
LOOK_S: Final = 2.0
"""Seconds between two questions for what the shards have, while some of it is not known."""
ALL_WHOLE_S: Final = 60.0
"""Seconds to the next question once all is known."""
CENSUS_REST: Final = 50.0
"""A census is followed by so many times as long without one."""
ANSWER_S: Final = 5.0


class Reporter:
    """Reports on a cache while ``run`` does."""

    def __init__(
        self, store: Store, max_bytes: int, intake: Intake, coordinator: ControlConnection
    ) -> None:
        """max_bytes: the most bytes on disk that the cache may take."""
        self._store = store
        self._max_bytes = max_bytes
        self._intake = intake
        self._coordinator = coordinator
        self._lacks: Counter[int] = Counter()
        """By shard id, guilds that were unknown at the last look and the one before it."""
        self._unknown: Counter[int] = Counter()
        """By shard id, guilds that were unknown at the last look."""

    async def run(self) -> None:
        """Report until cancelled."""
        known: KnownShards | None = None
        ask_at = time.monotonic() + LOOK_S
        while True:
            began = time.monotonic()
            with self._store.snapshot() as view:
                census = take_census(view)
            took_s = time.monotonic() - began
            if began >= ask_at:
                known = await self._ask()
                ask_at = began + self._look(census, known)
            self._store.check_readers()
            self._coordinator.notify("_cache", as_args(self._report(census)))
            await asyncio.sleep(max(REPORT_S, CENSUS_REST * took_s))

    async def _ask(self) -> KnownShards | None:
        """Return how many guilds each shard's READY has named; None: the coordinator is away, or
        busy."""
        try:
            return await self._coordinator.exchange("status", KnownShards, {}, ANSWER_S)
        except (ClusterError, TimeoutError) as error:
            log.debug("the coordinator does not say what its shards have: %s", error)
            return None

    def _look(self, census: Census, known: KnownShards | None) -> float:
        """Note what the cache lacks. Return the seconds to the next look."""
        if known is None:
            return LOOK_S
        now = unseen(census, known)
        # A shard that has just become ready is ahead of what has come through the hub.
        self._lacks, self._unknown = now & self._unknown, now
        wholes = {ShardKey(known.shard_count, shard.shard_id) for shard in known.shards}
        return ALL_WHOLE_S if census.whole >= wholes else LOOK_S

    def _report(self, census: Census) -> CacheReport:
        intake = self._intake
        return CacheReport(
            pid=os.getpid(),
            guilds=census.guilds.total(),
            unavailable=census.unavailable,
            stale=census.stale.total(),
            stale_shards=some(census.stale, MOST_CACHE_SHARDS),
            unseen=self._lacks.total(),
            unseen_shards=some(self._lacks, MOST_CACHE_SHARDS),
            events=intake.events,
            transactions=intake.transactions,
            gaps=intake.gaps,
            malformed=self._store.unfit.total(),
            disk_bytes=self._store.bytes,
            max_bytes=self._max_bytes,
            full=intake.full is not None,
            cpu_s=process_stats.cpu_seconds(),
            rss_bytes=process_stats.own_memory_bytes(),
        )
