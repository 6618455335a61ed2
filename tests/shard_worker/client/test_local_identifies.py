"""Turns among the clients of one process: Discord's numbers, who waits, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cluster.discord.gateway_bot import GatewayInfo, SessionStartLimit
from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.errors import BudgetError, ClusterError
from cluster.identify.limiter import FRESH_S
from shard_worker.client.local_identifies import LocalIdentifies
from tests.played_loop import play


def info(remaining: int = 10, concurrency: int = 1, reset_after_s: float = 60.0) -> GatewayInfo:
    limit = SessionStartLimit(
        total=1000,
        remaining=remaining,
        reset_after=int(reset_after_s * 1000),
        max_concurrency=concurrency,
    )
    return GatewayInfo(url="wss://localhost", shards=1, session_start_limit=limit)


class Client:
    """A client that waits for a grant."""

    def __init__(self, pool: LocalIdentifies, shard_id: int, *, uses: bool = True) -> None:
        self.pool = pool
        self.shard_id = shard_id
        self.owner = pool.owner()
        self.uses = uses
        self.outcome: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def ask(self, fetch: Callable[[], Awaitable[GatewayInfo]]) -> None:
        self.pool.request(self.shard_id, self.owner, self, fetch)

    def granted(self, grant_id: int) -> None:
        if self.uses:
            self.pool.sent(self.shard_id, grant_id)
        else:
            self.pool.unused(self.shard_id, grant_id)
        self.outcome.set_result(asyncio.get_running_loop().time())

    def refused(self, error: ClusterError) -> None:
        self.outcome.set_exception(error)


class Discord:
    """Answers with these, the last of them again and again."""

    def __init__(self, *answers: GatewayInfo | ClusterError) -> None:
        self.answers = list(answers)
        self.requests = 0

    async def __call__(self) -> GatewayInfo:
        self.requests += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ClusterError):
            raise answer
        return answer


def test_a_bucket_s_shards_take_turns_and_buckets_do_not_wait_for_each_other() -> None:
    async def scenario() -> None:
        discord = Discord(info(concurrency=2))
        pool = LocalIdentifies.of_account("a")
        assert LocalIdentifies.of_account("a") is pool
        assert LocalIdentifies.of_account("b") is not pool
        clients = [Client(pool, shard) for shard in range(4)]
        for client in clients:
            client.ask(discord)
        moments = [await client.outcome for client in clients]
        assert moments[1] - moments[0] < IDENTIFY_WINDOW_S
        assert moments[2] - moments[0] >= IDENTIFY_WINDOW_S
        assert moments[3] - moments[1] >= IDENTIFY_WINDOW_S
        assert discord.requests == 1

    play(scenario)


def test_an_unused_turn_costs_nothing() -> None:
    async def scenario() -> None:
        discord = Discord(info(remaining=1))
        pool = LocalIdentifies()
        first, second = Client(pool, 0, uses=False), Client(pool, 1)
        first.ask(discord)
        second.ask(discord)
        assert await second.outcome - await first.outcome < IDENTIFY_WINDOW_S

    play(scenario)


def test_who_is_gone_waits_no_more() -> None:
    async def scenario() -> None:
        discord = Discord(info())
        pool = LocalIdentifies()
        first, gone, third = (Client(pool, shard) for shard in range(3))
        for client in (first, gone, third):
            client.ask(discord)
        await first.outcome
        pool.gone(gone.owner)
        assert await third.outcome - await first.outcome < 2 * IDENTIFY_WINDOW_S
        assert not gone.outcome.done()

    play(scenario)


def test_an_error_of_whatever_kind_refuses_all_who_wait_and_they_may_ask_again() -> None:
    async def scenario() -> None:
        async def broken() -> GatewayInfo:
            raise RuntimeError("what nobody foresaw")

        pool = LocalIdentifies()
        clients = [Client(pool, shard) for shard in range(2)]
        for client in clients:
            client.ask(broken)
        for client in clients:
            with pytest.raises(ClusterError, match="what nobody foresaw"):
                await client.outcome
        again = Client(pool, 0)
        again.ask(Discord(info()))
        await again.outcome

    play(scenario)


def test_the_day_s_last_identify_is_not_overspent() -> None:
    async def scenario() -> None:
        discord = Discord(info(remaining=1, reset_after_s=7200))
        pool = LocalIdentifies()
        first, second = Client(pool, 0), Client(pool, 1)
        first.ask(discord)
        second.ask(discord)
        await first.outcome
        with pytest.raises(BudgetError, match=r"0 of 1000 are left.*2 h 00 min"):
            await second.outcome

    play(scenario)


def test_numbers_that_are_old_are_asked_for_anew() -> None:
    async def scenario() -> None:
        discord = Discord(info(remaining=5), info(remaining=0))
        pool = LocalIdentifies()
        now = asyncio.get_running_loop().time()
        pool.take(await discord(), now - FRESH_S)
        client = Client(pool, 0)
        client.ask(discord)
        with pytest.raises(BudgetError):
            await client.outcome

    play(scenario)


def test_old_numbers_hold_where_there_are_no_others() -> None:
    async def scenario() -> None:
        nobody = Discord(ClusterError("no answer", "wait"))
        pool = LocalIdentifies()
        client = Client(pool, 0)
        client.ask(nobody)
        with pytest.raises(ClusterError, match="no answer"):
            await client.outcome
        pool.take(info(), asyncio.get_running_loop().time() - FRESH_S)
        client = Client(pool, 0)
        client.ask(nobody)
        await client.outcome

    play(scenario)
