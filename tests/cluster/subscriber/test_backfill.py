"""What chains lack is asked for, and the answers go to who asked."""

from __future__ import annotations

import asyncio
from typing import cast

from cluster.subscriber.backfill import Backfill
from cluster.subscriber.chain import Mark, RangeAsk, RangeReply, ShardChain
from cluster.subscriber.replay_client import ReplayClient
from cluster.wire.position import ShardKey

KEY = ShardKey(1, 0)


class Replay:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[RangeAsk] = []
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def range(self, count: int, shard: int, ask: RangeAsk, names: object) -> RangeReply:
        self.asked.append(ask)
        await self.answer
        return RangeReply(ask, [], 9, [(0, 9)], False, None, None)

    def close(self) -> None: ...


def wanting() -> ShardChain:
    """A chain that lacks all up to seq 9."""
    chain = ShardChain(None, 1 << 20)
    chain.begin(1, -1, lagging=True)
    chain.mark(Mark(1, None, -1, 9, [("A", 9)]))
    return chain


def test_an_answer_is_not_for_the_chain_that_another_took_the_place_of() -> None:
    """The shard is of another store by now: what the one before lacked is nobody's."""

    async def run() -> None:
        collected: list[ShardChain] = []
        backfill = Backfill(None, lambda key, chain: collected.append(chain), lambda: True)
        replay = Replay()
        backfill.replay = cast(ReplayClient, replay)
        before, after = wanting(), wanting()
        backfill.check(KEY, before)
        backfill.tick(now=float("inf"))
        await asyncio.sleep(0)
        assert replay.asked == [before.wanted()]
        backfill.clear()
        backfill.check(KEY, after)
        replay.answer.set_result(None)
        (asking,) = backfill._tasks.values()
        await asking
        assert (collected, backfill.answers) == ([], 0)
        assert before.wanted() == after.wanted() == replay.asked[0]
        await backfill.close()

    asyncio.run(run())


def test_what_the_hub_did_not_bring_is_a_miss_and_where_a_chain_begins_is_none() -> None:
    async def run() -> None:
        backfill = Backfill(None, lambda *_: None, lambda: True)
        replay = Replay()
        replay.answer.set_result(None)
        backfill.replay = cast(ReplayClient, replay)

        async def ask(chain: ShardChain) -> None:
            backfill.check(KEY, chain)
            backfill.tick(now=float("inf"))
            await asyncio.gather(*backfill._tasks.values())

        chain = wanting()
        await ask(chain)
        assert (backfill.answers, backfill.misses) == (1, 0)
        chain.mark(Mark(1, None, 9, 12, [("A", 12)]))
        chain.answer = lambda answer: None  # type: ignore[method-assign]  # it is asked for again
        for _ in range(3):
            await ask(chain)
        assert (backfill.answers, backfill.misses) == (4, 1)
        await backfill.close()

    asyncio.run(run())
