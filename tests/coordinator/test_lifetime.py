"""Parts that begin in an order and end in the opposite one."""

from __future__ import annotations

import asyncio

import pytest

from cluster.errors import ClusterError
from coordinator.lifetime import Lifetime, both


def test_the_end_of_a_part_is_the_end_of_all() -> None:
    async def run() -> None:
        life, ended, fault = Lifetime(), [], asyncio.Event()

        async def fails() -> None:
            await fault.wait()
            raise RuntimeError("a fault")

        async def goes_on() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("goes on")

        async def start() -> None:
            life.parts.callback(ended.append, "first")
            life.background(goes_on(), "goes on")
            life.background(fails(), "fails")

        await life.begin(start())
        assert not life.ending
        fault.set()
        await asyncio.wait_for(life.until_ending(), 10)
        assert str(life.failure) == "a fault"
        await life.close()
        assert ended == ["goes on", "first"]

    asyncio.run(run())


@pytest.mark.parametrize("fails", [False, True])
def test_a_start_that_is_given_up_leaves_nothing(fails: bool) -> None:
    async def run() -> None:
        life, closed, begun = Lifetime(), asyncio.Event(), asyncio.Event()

        async def start() -> None:
            life.parts.callback(closed.set)
            begun.set()
            if fails:
                raise OSError("no room")
            await asyncio.Event().wait()

        beginning = asyncio.create_task(life.begin(start()))
        await begun.wait()
        if not fails:
            life.end()
        with pytest.raises(OSError if fails else ClusterError):
            await asyncio.wait_for(beginning, 10)
        assert closed.is_set()

    asyncio.run(run())


def test_two_run_beside_each_other() -> None:
    async def run() -> None:
        met = asyncio.Barrier(2)

        async def meet(value: int) -> int:
            await met.wait()
            return value

        async with asyncio.timeout(10):
            assert await both(meet(1), meet(2)) == (1, 2)

    asyncio.run(run())


@pytest.mark.parametrize("first", [False, True])
def test_one_that_fails_ends_the_other(first: bool) -> None:
    """What it raised is raised as it was, when the other has closed what it had."""

    async def run() -> None:
        running, ended = asyncio.Event(), []
        cause = OSError("a disk")

        async def goes_on() -> None:
            try:
                running.set()
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                ended.append("the other")

        async def fails() -> None:
            await running.wait()
            raise ClusterError("no port") from cause

        pair = (fails(), goes_on()) if first else (goes_on(), fails())
        with pytest.raises(ClusterError, match="no port") as raised:
            await asyncio.wait_for(both(*pair), 10)
        assert raised.value.__cause__ is cause
        assert ended == ["the other"]

    asyncio.run(run())
