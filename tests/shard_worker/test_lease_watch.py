"""The lease of a worker: asked when something depends on it, and watched meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from shard_worker.lease_watch import LeaseWatch
from tests.played_loop import play

LEASE_S = 30.0


class Watched:
    """A lease on the running loop, whose clock may jump as after a stop of the machine."""

    def __init__(self, seconds: float = LEASE_S) -> None:
        self.loop = asyncio.get_running_loop()
        self.ahead_s = 0.0
        self.begun: list[float] = []
        self.over: list[float] = []
        self.watch = LeaseWatch(
            seconds,
            on_begin=lambda: self.begun.append(self.loop.time()),
            on_over=lambda: self.over.append(self.loop.time()),
            clock=lambda: self.loop.time() + self.ahead_s,
        )


def watched(scenario: Callable[[Watched], Awaitable[None]], seconds: float = LEASE_S) -> None:
    async def main() -> None:
        await scenario(Watched(seconds))

    play(main)


def test_it_begins_with_the_first_answer_and_is_over_at_its_very_end() -> None:
    async def scenario(on: Watched) -> None:
        assert not on.watch.holds()
        first = on.watch.report()
        await asyncio.sleep(2)
        on.watch.answered(first)
        assert (on.begun, on.watch.holds()) == ([2.0], True)
        second = on.watch.report()
        await asyncio.sleep(10)
        on.watch.answered(second)
        assert on.begun == [2.0], "once"
        await asyncio.sleep(100)
        assert on.over[0] == 32.0, "by a timer: nobody has asked"
        assert not on.watch.holds()

    watched(scenario)


def test_one_that_never_begins_is_over_too() -> None:
    async def scenario(on: Watched) -> None:
        await asyncio.sleep(LEASE_S - 0.1)
        on.watch.look()
        assert on.over == []
        await asyncio.sleep(0.1)
        on.watch.look()
        assert on.over
        assert on.begun == []

    watched(scenario)


def test_who_asks_after_the_machine_was_stopped_learns_it_though_no_timer_has_come() -> None:
    async def scenario(on: Watched) -> None:
        on.watch.answered(on.watch.report())
        on.ahead_s = LEASE_S
        assert not on.watch.holds()
        assert on.over == [0.0]

    watched(scenario)


def test_no_answer_brings_back_a_lease_that_was_over() -> None:
    """The report was sent when the process went on, before anybody had asked."""

    async def scenario(on: Watched) -> None:
        on.watch.answered(on.watch.report())
        on.ahead_s = LEASE_S
        on.watch.answered(on.watch.report())
        assert on.over
        assert not on.watch.holds()

    watched(scenario)


def test_an_answer_that_comes_too_late_begins_nothing() -> None:
    async def scenario(on: Watched) -> None:
        number = on.watch.report()
        on.ahead_s = LEASE_S
        on.watch.answered(number)
        assert on.begun == []
        assert on.over

    watched(scenario)


def test_without_one_it_always_holds_and_no_report_has_a_number() -> None:
    async def scenario(on: Watched) -> None:
        assert on.watch.holds()
        assert on.watch.report() == 0
        await asyncio.sleep(10_000)
        on.watch.look()
        assert on.watch.holds()
        assert on.over == []

    watched(scenario, 0)


def test_each_process_numbers_its_reports_from_elsewhere() -> None:
    async def scenario(on: Watched) -> None:
        assert on.watch.report() != Watched().watch.report()

    watched(scenario)
