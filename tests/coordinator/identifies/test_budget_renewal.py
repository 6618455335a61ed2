"""When Discord's numbers are asked for, beside what the queue's tests tell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.discord.gateway_bot import SessionStartLimit
from cluster.errors import ApiUnavailableError
from cluster.identify.limiter import FRESH_S, IdentifyLimiter
from coordinator.identifies.budget_renewal import BudgetRenewal
from coordinator.identifies.grant_queue import ASK_AGAIN_S
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.state.store import Store

LIMIT = SessionStartLimit(total=1000, remaining=990, reset_after=80_000_000, max_concurrency=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[IdentifyLedger]:
    store = Store.open(tmp_path / "store.sqlite")
    yield IdentifyLedger(store, account="account")
    store.close()


def test_a_trouble_that_is_told_ends_though_nobody_waits_any_more(ledger: IdentifyLedger) -> None:
    async def scenario() -> None:
        now, away = 0.0, True
        ended = asyncio.Event()

        async def fetch() -> SessionStartLimit:
            if away:
                raise ApiUnavailableError("HTTP 503")
            return LIMIT

        async def look() -> None:
            ended.clear()
            renewal.look(now)
            async with asyncio.timeout(60):
                await ended.wait()
            renewal.look(now)

        limiter = IdentifyLimiter()
        renewal = BudgetRenewal(limiter, ledger, fetch=fetch, clock=lambda: now, changed=ended.set)
        renewal.take(LIMIT, now)
        limiter.request(0, 0)
        now += FRESH_S
        await look()
        assert "HTTP 503" in renewal.trouble
        limiter.withdraw(0, 0)
        away = False
        assert renewal.next_at(now) == now + ASK_AGAIN_S
        now += ASK_AGAIN_S
        await look()
        assert renewal.trouble == ""
        assert renewal.next_at(now) is None, "nobody waits, and nothing is wrong"

    asyncio.run(scenario())
