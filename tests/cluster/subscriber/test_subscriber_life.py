"""A Subscriber that is read before it was entered, after it was left, or twice, tells so: whoever
reads it waits for nothing that will never come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from cluster.errors import ClientClosedError, ClusterError
from cluster.subscriber import Event, Item, Subscriber
from tests.cluster.subscriber.delivery_rig import DeliveryRig, delivery_rig

GUARD_S = 60.0


async def by_anext(subscriber: Subscriber) -> list[Item]:
    items = []
    while True:
        try:
            items.append(await anext(subscriber))
        except StopAsyncIteration:
            return items


async def by_async_for(subscriber: Subscriber) -> list[Item]:
    return [item async for item in subscriber]


def joined(cluster: DeliveryRig) -> Subscriber:
    """Return a subscriber that joins at once, since there is a watermark."""
    cluster.emit(0, "A")
    return cluster.subscriber()


Read = Callable[[Subscriber], Coroutine[None, None, list[Item]]]
WAYS: list[Read] = [by_anext, by_async_for]


@pytest.mark.parametrize("read", WAYS)
def test_who_waits_when_another_task_leaves_comes_to_an_end(read: Read) -> None:
    async def run() -> None:
        async with delivery_rig() as cluster, asyncio.timeout(GUARD_S):
            async with joined(cluster) as subscriber:
                reading = asyncio.ensure_future(read(subscriber))
                cluster.emit(0, "A", "B")
                while subscriber.progress().events < 2 or not subscriber._stream._awaited:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            assert len(await reading) == 2
            # It asked for more, so both were handled.
            assert subscriber.position["shards"] == [[2, 0, 1, 2]]
            assert subscriber.progress().lag == 0

    asyncio.run(run())


def test_who_handles_an_event_when_another_task_leaves_is_given_no_other() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster, asyncio.timeout(GUARD_S):
            async with joined(cluster) as subscriber:
                cluster.emit(0, *"ABCD")
                items = aiter(subscriber)
                for _ in range(2):
                    assert isinstance(await anext(items), Event)
            assert subscriber.position["shards"] == [[2, 0, 1, 1]]  # the second is at hand
            assert [item async for item in items] == []
            assert subscriber.position["shards"] == [[2, 0, 1, 2]]

    asyncio.run(run())


def test_what_was_not_entered_and_what_was_left_says_so() -> None:
    async def run() -> None:
        async with delivery_rig() as cluster, asyncio.timeout(GUARD_S):
            subscriber = joined(cluster)
            for read in WAYS:
                with pytest.raises(ClusterError, match=r"not entered: read it within `async with"):
                    await read(subscriber)
            await subscriber.__aexit__(None, None, None)  # as nothing was entered
            async with subscriber:
                with pytest.raises(ClusterError, match="entered before: make another"):
                    await subscriber.__aenter__()
                cluster.emit(0, "A")
                assert isinstance(await anext(subscriber), Event)
            for read in WAYS:
                with pytest.raises(ClientClosedError, match="was left: make another"):
                    await read(subscriber)
            await subscriber.__aexit__(None, None, None)
            with pytest.raises(ClusterError, match="entered before"):
                await subscriber.__aenter__()

    asyncio.run(run())


def test_two_tasks_at_once_are_one_too_many() -> None:
    async def run() -> None:
        async with (
            asyncio.timeout(GUARD_S),
            delivery_rig() as cluster,
            joined(cluster) as subscriber,
        ):
            for first, second in (WAYS, reversed(WAYS)):
                reading = asyncio.ensure_future(first(subscriber))
                await asyncio.sleep(0)
                with pytest.raises(ClusterError, match="two tasks read one Subscriber"):
                    await second(subscriber)
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            cluster.emit(0, "A")  # one after the other is well
            assert isinstance(await anext(subscriber), Event)

    asyncio.run(run())


def test_another_event_loop_is_refused() -> None:
    async def run() -> None:
        async with (
            asyncio.timeout(GUARD_S),
            delivery_rig() as cluster,
            joined(cluster) as subscriber,
        ):

            def elsewhere() -> None:
                uses = [read(subscriber) for read in WAYS]
                for use in (*uses, subscriber.__aexit__(None, None, None)):
                    with pytest.raises(ClusterError, match="began on another event loop"):
                        asyncio.run(asyncio.wait_for(use, GUARD_S))

            await asyncio.get_running_loop().run_in_executor(None, elsewhere)
            cluster.emit(0, "A")
            assert isinstance(await anext(subscriber), Event)

    asyncio.run(run())


def test_one_that_found_no_cluster_may_be_entered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*given: object, **named: object) -> None:
        raise ClusterError("no cluster is running")

    monkeypatch.setattr("cluster.subscriber.subscriber.subscriber_endpoints", nowhere)

    async def run() -> None:
        subscriber = Subscriber()
        for _ in range(2):
            with pytest.raises(ClusterError, match="no cluster is running"):
                await subscriber.__aenter__()

    asyncio.run(run())
