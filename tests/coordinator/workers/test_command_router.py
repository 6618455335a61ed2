"""The verb `send`: which worker gets a command, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from cluster.commands import BusyError, CommandError, NotSentError
from cluster.errors import ClusterError
from cluster.wire import link
from cluster.wire.commands import SentBy, Shards
from cluster.wire.control import failure_of
from coordinator.changes import Changes
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.workers import command_router
from coordinator.workers.command_router import CommandRouter

PRESENCE = b'{"op":3,"d":{"status":"dnd"}}'
GUILD_OF_2 = 2 << 22
"""A guild of shard 2 of 4."""


class Workers:
    """Two workers, shards 1 to 3 of 4: what they were sent, and whether they are there."""

    def __init__(self) -> None:
        self.running = {0, 5}
        self.assignments = Assignments(Plan(4, {0: (1, 2), 5: (3,)}))
        self.changes = Changes()
        self.router = CommandRouter(
            self.assignments, self.changes, self.running.__contains__, self.send, 1_000
        )
        self.connected = True
        self.sent: list[tuple[int, link.Send]] = []
        self.answer: Callable[[link.Send], link.Sent] | None = lambda m: link.Sent(number=m.number)

    def send(self, slot: int, message: link.ToWorker) -> bool:
        assert isinstance(message, link.Send)
        self.sent.append((slot, message))
        if self.answer is not None:
            answer = self.answer(message)
            asyncio.get_running_loop().call_soon(self.router.answered, slot, answer)
        return self.connected

    async def ask(self, **args: Any) -> SentBy:
        return await self.router.send({"payload": PRESENCE} | args)


def scenario(test: Callable[[Workers], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        async def main() -> None:
            await test(Workers())

        asyncio.run(main())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


@scenario
async def test_by_shard_and_by_guild(workers: Workers) -> None:
    assert await workers.ask(shard=3) == SentBy(shard_id=3, shard_count=4)
    assert await workers.ask(guild=GUILD_OF_2) == SentBy(shard_id=2, shard_count=4)
    assert [(slot, m.shard_id, m.op, m.payload) for slot, m in workers.sent] == [
        (5, 3, 3, PRESENCE),
        (0, 2, 3, PRESENCE),
    ]


@scenario
async def test_which_shards_there_are(workers: Workers) -> None:
    assert await workers.router.shards({}) == Shards(shards=[1, 2, 3], shard_count=4)


@scenario
async def test_what_is_not_asked_well_gets_no_further(workers: Workers) -> None:
    for args, kind, match in (
        ({"shard": 0}, NotSentError, "shard 0 is not one of this cluster's: there are 1 to 3"),
        ({"guild": 4 << 22}, NotSentError, "is of shard 0 of 4, which is not"),
        ({}, ClusterError, "neither a shard nor a guild"),
        ({"shard": 1, "guild": GUILD_OF_2}, ClusterError, "neither a shard nor a guild"),
        ({"shard": -1}, ClusterError, "not the arguments"),
        ({"guild": 0}, ClusterError, "not the arguments"),
        ({"shard": 1, "payload": b"x" * 4097}, ClusterError, "not the arguments"),
        ({"shard": 1, "payload": b"[]"}, CommandError, "payload is no JSON of a command"),
        ({"shard": 1, "payload": b'{"op":2,"d":{}}'}, CommandError, "op 2 is the session's own"),
    ):
        with pytest.raises(kind, match=match):
            await workers.ask(**args)
    assert workers.sent == []


@scenario
async def test_a_refusal_comes_back_as_it_was(workers: Workers) -> None:
    busy = BusyError.after(12.5, "64 commands wait")
    workers.answer = lambda m: link.Sent(number=m.number, failure=failure_of(busy))
    with pytest.raises(BusyError) as refused:
        await workers.ask(shard=1)
    assert refused.value.retry_after_s == 12.5
    assert str(refused.value) == str(busy)
    (counted,) = workers.router.counts.rows()
    assert (counted.waiting, counted.sent, counted.failed) == (0, 0, 1)


@scenario
async def test_the_word_on_a_command_of_the_coordinator_before_is_nobody_s(
    workers: Workers,
) -> None:
    workers.answer = None
    asked = asyncio.ensure_future(workers.ask(shard=1))
    await asyncio.sleep(0)
    assert workers.sent[0][1].number == 1_000
    (counted,) = workers.router.counts.rows()
    assert (counted.op, counted.waiting, counted.sent) == ("presence_update", 1, 0)
    workers.router.answered(0, link.Sent(number=1))
    await asyncio.sleep(0)
    assert not asked.done()
    workers.router.answered(0, link.Sent(number=1_000))
    assert await asked


def test_no_worker_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_router, "BACK_S", 0.01)

    @scenario
    async def nobody(workers: Workers) -> None:
        workers.connected, workers.answer = False, None
        with pytest.raises(NotSentError, match="worker 5, which has shard 3, is not there now"):
            await workers.ask(shard=3)

    nobody()


@scenario
async def test_a_worker_that_is_being_restarted_is_waited_for(workers: Workers) -> None:
    workers.running.clear()
    asked = asyncio.ensure_future(workers.ask(shard=3))
    await asyncio.sleep(0)
    workers.changes.tell()
    await asyncio.sleep(0)
    assert workers.sent == [], "it has not greeted: its word would not be heard"
    workers.running.add(5)
    workers.changes.tell()
    assert (await asked).shard_id == 3
    assert [slot for slot, _ in workers.sent] == [5]


@scenario
async def test_a_shard_that_moves_meanwhile_is_found_where_it_is_then(workers: Workers) -> None:
    workers.running.remove(5)
    by_shard = asyncio.ensure_future(workers.ask(shard=3))
    by_guild = asyncio.ensure_future(workers.ask(guild=7 << 22))
    await asyncio.sleep(0)
    workers.assignments.plan = Plan(8, {0: (0, 1, 2, 3), 6: (4, 5, 6, 7)})
    workers.running.add(6)
    workers.changes.tell()
    assert await by_shard == SentBy(shard_id=3, shard_count=8)
    assert await by_guild == SentBy(shard_id=7, shard_count=8)
    assert [(slot, m.shard_id) for slot, m in workers.sent] == [(0, 3), (6, 7)]


@scenario
async def test_a_worker_that_ends_before_it_says_so(workers: Workers) -> None:
    workers.answer = None
    one, other = (asyncio.ensure_future(workers.ask(shard=n)) for n in (1, 3))
    await asyncio.sleep(0)
    workers.router.gone(0)
    with pytest.raises(ClusterError, match="worker 0 ended before it said"):
        await one
    assert not other.done()
    workers.router.answered(0, link.Sent(number=workers.sent[1][1].number))  # not its own
    await asyncio.sleep(0)
    assert not other.done()
    workers.router.answered(5, link.Sent(number=workers.sent[1][1].number))
    assert (await other).shard_id == 3


def test_a_worker_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_router, "ANSWER_S", 0.01)

    @scenario
    async def silent(workers: Workers) -> None:
        workers.answer = None
        with pytest.raises(ClusterError, match="worker 0 does not say whether shard 1 sent it"):
            await workers.ask(shard=1)
        workers.router.answered(0, link.Sent(number=workers.sent[0][1].number))  # too late

    silent()


def test_not_more_than_so_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_router, "MOST_UNDER_WAY", 2)

    @scenario
    async def full(workers: Workers) -> None:
        workers.answer = None
        waiting = [asyncio.ensure_future(workers.ask(shard=1)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="2 commands are under way already"):
            await workers.ask(shard=1)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        workers.answer = lambda m: link.Sent(number=m.number)
        assert await workers.ask(shard=1)

    full()


def test_what_a_command_says_is_in_no_log() -> None:
    message = link.Send(number=1, shard_id=2, op=29, payload=b"a-session-id")
    assert "a-session-id" not in repr(message)
