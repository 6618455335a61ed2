"""The queue between a session and its reader: order, bound, who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import ClusterError
from shard_worker import Skipped
from shard_worker.client.event_queue import (
    HOLE,
    MAX_BYTES,
    STRETCH,
    YIELD_S,
    EventQueue,
    Received,
    received,
)


def items(*seqs: int, size: int = 0) -> list[Received]:
    return [Received(0, "A", seq, b"." * size, 1) for seq in seqs]


class Filler:
    """Whoever fills the queue: keeps whether it is asked to stop, and how often to go on."""

    def __init__(self) -> None:
        self.held = False
        self.resumptions = 0

    def hold(self) -> None:
        self.held = True

    def go_on(self) -> None:
        self.resumptions += self.held
        self.held = False


def queue(most: int = 10) -> tuple[EventQueue, Filler]:
    filler = Filler()
    return EventQueue(most, filler.hold, filler.go_on), filler


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(main())


def over() -> ClusterError:
    return ClusterError("over")


@given(st.integers(0, 5), st.lists(st.integers(1, 4), min_size=1))
def test_a_drain_and_its_holes_span_all_there_is(last: int, steps: list[int]) -> None:
    seqs = [last + sum(steps[: n + 1]) for n in range(len(steps))]
    spans: list[int] = []
    for item in received([("A", seq, b"") for seq in seqs], 1, last):
        if item.op == HOLE:
            hole = msgspec.json.decode(item.data, type=Skipped)
            assert hole.first <= hole.last
            spans += range(hole.first, hole.last + 1)
        else:
            spans.append(item.seq)
            assert item.seq in seqs
    assert spans == list(range(last + 1, seqs[-1] + 1))


def test_a_session_begins_without_a_hole() -> None:
    assert [item.seq for item in received([("READY", 7, b"")], 1, None)] == [7]


def test_it_is_held_when_full_and_goes_on_at_half() -> None:
    async def scenario() -> None:
        made, filler = queue(10)
        made.put(items(*range(9)))
        assert not filler.held
        made.put(items(*range(9, 20)))  # a drain lies above the bound
        for left in range(20, 6, -1):
            assert (len(made), filler.held) == (left, True)
            await made.get()
        await made.get()
        assert (len(made), filler.held) == (5, False)

    run(scenario)


def test_it_is_bounded_in_bytes_too() -> None:
    async def scenario() -> None:
        made, filler = queue(10)
        made.put(items(1, 2, size=MAX_BYTES // 2))
        assert filler.held
        await made.get()
        assert not filler.held

    run(scenario)


def test_an_awaited_answer_makes_it_longer() -> None:
    async def scenario() -> None:
        made, filler = queue(10)
        made.put(items(*range(10)))
        assert (filler.held, filler.resumptions) == (True, 0)
        made.stretch(1)
        assert (filler.held, filler.resumptions) == (False, 1)
        made.put(items(*range(10, 10 * STRETCH - 1)))
        assert (filler.held, filler.resumptions) == (False, 1)
        made.stretch(-1)
        made.put(items(10 * STRETCH))
        assert (filler.held, filler.resumptions) == (True, 1)

    run(scenario)


def test_who_takes_from_a_full_one_holds_nobody() -> None:
    """Whoever fills the queue may be another by now, whose connection is on its way."""

    async def scenario() -> None:
        made, filler = queue(10)
        made.put(items(*range(30)))
        filler.held = False  # another connection
        for _ in range(19):
            await made.get()
        made.stretch(1)
        made.stretch(-1)
        assert not filler.held
        made.put(items(30))
        assert filler.held

    run(scenario)


@given(st.lists(st.one_of(st.integers(1, 4), st.just("get"), st.just("cancel"), st.just("sleep"))))
def test_each_item_goes_to_one_who_waits_whoever_gives_up(steps: list[int | str]) -> None:
    async def scenario() -> None:
        made, _ = queue(3)
        waiting: list[asyncio.Task[Received]] = []
        put = 0
        for step in steps:
            if step == "get":
                waiting.append(asyncio.create_task(made.get()))
            elif step == "cancel" and waiting:
                waiting[len(waiting) // 2].cancel()
            elif step == "sleep":
                await asyncio.sleep(0)
            elif isinstance(step, int):
                made.put(items(*range(put, put + step)))
                put += step
        for _ in range(3):
            await asyncio.sleep(0)
        got = [task.result().seq for task in waiting if task.done() and not task.cancelled()]
        living = [task for task in waiting if not task.done()]
        assert not (living and len(made)), "somebody waits beside an item"
        rest = [(await made.get()).seq for _ in range(len(made))]
        assert sorted(got) + rest == list(range(put))
        made.end(over)
        ends = await asyncio.gather(*living, return_exceptions=True)
        assert all(isinstance(end, ClusterError) for end in ends)

    run(scenario)


def test_who_was_woken_and_gives_up_wakes_the_next() -> None:
    async def scenario() -> None:
        made, _ = queue()
        first, second = (asyncio.create_task(made.get()) for _ in range(2))
        await asyncio.sleep(0)
        made.put(items(1))
        first.cancel()
        assert (await second).seq == 1

    run(scenario)


def test_the_end_comes_after_the_last_item_and_stays() -> None:
    async def scenario() -> None:
        made, _ = queue()
        made.put(items(1))
        made.end(over)
        assert (await made.get()).seq == 1
        for _ in range(2):
            with pytest.raises(ClusterError, match="over"):
                await made.get()
        made.reopen()
        made.put(items(2))
        assert (await made.get()).seq == 2

    run(scenario)


def test_who_takes_without_waiting_lets_other_tasks_run() -> None:
    """They run once in each stretch longer than YIELD_S of a played clock, not at every item."""

    async def scenario() -> None:
        now = 100.0
        filler = Filler()
        made = EventQueue(10_000, filler.hold, filler.go_on, lambda: now)
        made.put(items(*range(1000)))
        iterations = 0

        def iterate() -> None:
            nonlocal iterations
            iterations += 1
            loop.call_soon(iterate)

        loop = asyncio.get_running_loop()
        loop.call_soon(iterate)
        seen = []
        for _ in range(12):
            await made.get()
            seen.append(iterations)
            now += YIELD_S * 0.4
        assert seen == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]

    run(scenario)


def test_who_waited_need_not_let_other_tasks_run_again() -> None:
    async def scenario() -> None:
        now = 100.0
        filler = Filler()
        made = EventQueue(10, filler.hold, filler.go_on, lambda: now)
        waiting = asyncio.create_task(made.get())
        await asyncio.sleep(0)
        made.put(items(1, 2))
        now += 10 * YIELD_S
        await waiting
        with pytest.raises(StopIteration):  # it is there at once
            made.get().send(None)

    run(scenario)


def test_who_would_wait_on_another_event_loop_is_told() -> None:
    async def scenario() -> None:
        made, _ = queue()

        def elsewhere() -> None:
            with pytest.raises(ClusterError, match="began on another event loop"):
                asyncio.run(asyncio.wait_for(made.get(), 60))

        await asyncio.get_running_loop().run_in_executor(None, elsewhere)

    run(scenario)
