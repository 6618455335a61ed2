"""Long requests: one at a time, followed by whoever asked, also when they fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.errors import BudgetError, ClusterError
from cluster.wire.status import Operation
from coordinator.happenings.record import HappeningRecord
from coordinator.operations import runner
from coordinator.operations.runner import OperationProgress, OperationRunner


class Clock:
    now = 5.0

    def __call__(self) -> float:
        return self.now


def runner_with(clock: Clock) -> OperationRunner:
    runner = OperationRunner(clock, HappeningRecord(clock, clock))
    runner.waits_for = ""
    return runner


async def ended(runner: OperationRunner, begun: Operation) -> tuple[Operation, list[str]]:
    """Follow an operation as a client does. Return its end, and all that was said on the way."""
    now, said = begun, []
    while now.state == "running":
        args: dict[str, Any] = {"id": now.id, "known": now.text, "done": now.done}
        now = await runner.follow(args)
        said.append(now.text)
    return now, said


def test_steps_are_told_and_the_end() -> None:
    async def main() -> None:
        clock, go = Clock(), asyncio.Event()
        runner = runner_with(clock)

        async def work(progress: OperationProgress) -> str:
            progress.steps(2)
            for name in ("one", "two"):
                progress.did(name)
                await go.wait()
                go.clear()
            return "both"

        begun = runner.begin("work", work)
        first = await runner.follow({"id": begun.id})
        assert (first.text, first.done, first.total) == ("one", 1, 2)
        with pytest.raises(ClusterError, match=r"a work is under way \(one\)"):
            runner.begin("more work", work)
        clock.now = 8.0
        status = runner.status()
        assert status is not None
        assert status.seconds == 3.0
        following = asyncio.create_task(ended(runner, first))
        for _ in range(2):
            go.set()
            await asyncio.sleep(0.01)
        last, said = await following
        assert (last.state, last.text, said) == ("done", "both", ["two", "both"])
        assert runner.begin("more work", work).id != begun.id
        await runner.close()

    asyncio.run(main())


def test_what_is_left_runs_down() -> None:
    async def main() -> None:
        clock, go = Clock(), asyncio.Event()
        runner = runner_with(clock)

        async def work(progress: OperationProgress) -> str:
            progress.left(30.0)
            progress.step("one")
            await go.wait()
            progress.left(None)
            progress.step("two")
            await go.wait()
            return "both"

        begun = runner.begin("work", work)
        first = await runner.follow({"id": begun.id})
        assert (first.text, first.left_s) == ("one", 30.0)
        for passed, left in ((10.0, 20.0), (31.0, 0.0)):
            clock.now = 5.0 + passed
            status = runner.status()
            assert status is not None
            assert status.left_s == left
        go.set()
        second = await runner.follow({"id": begun.id, "known": "one"})
        assert second.left_s is None
        await runner.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (BudgetError("too few", "wait"), "BudgetError", "too few"),
        (KeyError("?"), "ClusterError", "it failed (KeyError)"),
    ],
)
def test_why_it_failed(error: Exception, kind: str, cause: str) -> None:
    async def main() -> None:
        runner = runner_with(Clock())

        async def work(progress: OperationProgress) -> str:
            raise error

        last, _ = await ended(runner, runner.begin("work", work))
        assert last.state == "failed"
        assert last.failure is not None
        assert (last.failure.kind, last.failure.cause) == (kind, cause)
        assert runner.status() == last, "shown until another one begins"

    asyncio.run(main())


def test_of_another_coordinator_nothing_is_known() -> None:
    async def main() -> None:
        with pytest.raises(ClusterError, match="not known"):
            await runner_with(Clock()).follow({"id": "of before"})

    asyncio.run(main())


def test_nothing_new_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FOLLOW_S", 0.01)

    async def main() -> None:
        runner = runner_with(Clock())

        async def work(progress: OperationProgress) -> str:
            await asyncio.Event().wait()
            raise AssertionError

        begun = runner.begin("work", work)
        assert (await runner.follow({"id": begun.id})).state == "running"
        await runner.close()

    asyncio.run(main())


def test_nothing_is_begun_before_workers_are_started() -> None:
    runner = OperationRunner(lambda: 0.0, HappeningRecord(lambda: 0.0, lambda: 0.0))
    runner.waits_for = "it waits for its hosts"

    async def work(progress: OperationProgress) -> str:
        raise AssertionError("it was begun")

    with pytest.raises(ClusterError, match="no worker runs yet: it waits for its hosts"):
        runner.begin("a scaling", work)
    assert runner.current is None
