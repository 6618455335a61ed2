"""A task that waits for an Arrival: when it goes on, and that it can be cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest
import uvloop

from cluster.subscriber.arrival import Arrival

said: ContextVar[str] = ContextVar("said", default="nothing")
RUNS: list[Callable[[Awaitable[None]], None]] = [asyncio.run, uvloop.run]  # type: ignore[list-item]


class Waiter:
    """A task that takes what came, again and again."""

    def __init__(self) -> None:
        self.arrival = Arrival()
        self.came = 0
        self.looked = 0
        self.contexts: list[str] = []
        self.task = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        said.set("the task's")
        while True:
            self.arrival.is_set = False
            self.looked += 1
            self.contexts.append(said.get())
            await self.arrival

    def read(self) -> None:
        """As a reader does in a turn of the loop."""
        self.arrival.hold()
        for _ in range(3):
            self.arrival.set()
        before = self.looked
        self.arrival.release()
        self.came += self.looked - before


@pytest.mark.parametrize("run", RUNS)
def test_what_was_read_is_taken_in_the_same_turn_and_once(
    run: Callable[[Awaitable[None]], None],
) -> None:
    async def scenario() -> None:
        waiter = Waiter()
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        for count in (1, 2, 3):
            said.set("the reader's")
            loop.call_soon(waiter.read)
            await asyncio.sleep(0)
            assert (waiter.came, waiter.looked) == (count, count + 1)
            await asyncio.sleep(0)
        assert (waiter.came, waiter.looked) == (3, 4), "and it does not go on a second time"
        assert set(waiter.contexts) == {"the task's"}
        assert said.get() == "the reader's"
        waiter.task.cancel()

    run(scenario())


@pytest.mark.parametrize("run", RUNS)
def test_what_another_task_sets_is_taken_in_the_next_turn(
    run: Callable[[Awaitable[None]], None],
) -> None:
    async def scenario() -> None:
        waiter = Waiter()
        await asyncio.sleep(0)
        waiter.arrival.set()
        assert waiter.looked == 1
        await asyncio.sleep(0)
        assert waiter.looked == 2
        waiter.arrival.hold()
        waiter.arrival.release()
        assert waiter.looked == 2, "nothing has come"
        waiter.read()
        assert waiter.looked == 2, "within a task no other goes on"
        await asyncio.sleep(0)
        assert waiter.looked == 3
        for _ in range(3):
            waiter.arrival.set()
        for _ in range(3):
            await asyncio.sleep(0)
        assert waiter.looked == 4, "once for all of them"
        waiter.task.cancel()

    run(scenario())


def test_what_has_come_before_is_not_waited_for() -> None:
    async def scenario() -> None:
        arrival = Arrival()
        arrival.set()
        await arrival
        arrival.hold()
        arrival.release()  # nobody waits
        await asyncio.wait_for(arrival, 60)

    asyncio.run(scenario())


@pytest.mark.parametrize("also_set", [False, True])
@pytest.mark.parametrize("run", RUNS)
def test_a_task_that_is_cancelled_hears_of_it(
    run: Callable[[Awaitable[None]], None], also_set: bool
) -> None:
    async def scenario() -> None:
        arrival, heard = Arrival(), []

        async def wait() -> None:
            try:
                await arrival
            except asyncio.CancelledError as error:
                heard.append(error.args)
                raise

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel("enough")
        if also_set:
            arrival.hold()
            arrival.set()
            asyncio.get_running_loop().call_soon(arrival.release)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heard == [("enough",)]
        assert not arrival.cancel()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Arrival(), 0.001)
        again = asyncio.create_task(wait())
        await asyncio.sleep(0)
        arrival.set()
        await again

    run(scenario())
