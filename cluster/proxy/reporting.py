"""What this process tells the coordinator of itself, and hears of the cluster in the answers."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from typing import Final

import cluster
from cluster import process_stats
from cluster.control_connection import ControlConnection
from cluster.decode_errors import worth_saying
from cluster.errors import ClusterError
from cluster.proxy.server.identifying import ClusterFacts
from cluster.wire.control import as_args
from cluster.wire.proxies import ProxyFacts, ProxyReport

log = logging.getLogger(__name__)

EVERY_S: Final = 2.0
"""Between two reports."""
ANSWER_S: Final = 2.0
LAST_S: Final = 0.2
"""How long the last report may take to leave."""


class Reporting:
    """Reports while `run` does."""

    def __init__(
        self, connection: ControlConnection, facts: ClusterFacts, number: int, listens: str
    ) -> None:
        """facts: of the cluster, until the coordinator says others. number: of this process.
        listens: where clients find it."""
        self.facts = facts
        self.fill_in: Callable[[ProxyReport], ProxyReport] = lambda report: report
        """Puts what the parts of the process count into a report."""
        self.trouble = ""
        """Why no client can begin; empty: it can."""
        self.is_told = False
        """Whether the coordinator has said what the facts are."""
        self._connection = connection
        self._number = number
        self._listens = listens
        self._id = secrets.token_hex(8)
        self._unheard = 0

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            await self.report()
            await asyncio.sleep(EVERY_S)

    async def report(self, *, leaving: bool = False) -> None:
        """Report once, and take what the answer says. Where nobody answers nothing changes."""
        args = as_args(self._report(leaving))
        seconds = LAST_S if leaving else ANSWER_S
        try:
            told = await self._connection.exchange("proxy", ProxyFacts, args, seconds)
        except (ClusterError, TimeoutError) as error:
            self._unheard += 1
            if worth_saying(self._unheard) and not leaving:
                log.warning("the coordinator was not told of this proxy: %s", error or "no answer")
            return
        self._unheard, self.is_told = 0, True
        facts = ClusterFacts(told.shard_count, told.intents)
        if facts != self.facts:
            log.info("the cluster has %d shards now, intents %d", *facts)
            self.facts = facts

    def _report(self, leaving: bool) -> ProxyReport:
        return self.fill_in(
            ProxyReport(
                id=self._id,
                pid=os.getpid(),
                number=self._number,
                listens=self._listens,
                version=cluster.__version__,
                cpu_s=process_stats.cpu_seconds(),
                rss_bytes=process_stats.own_memory_bytes(),
                trouble=self.trouble[:400],
                leaving=leaving,
            )
        )
