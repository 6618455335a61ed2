"""An identify that is asked for: asked again, given back, given up; on a played clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import pytest

from cluster.errors import BudgetError, ClusterError, NotRunningError
from cluster.identify.request import LEAST_S, NOTICE_TRIES, SLACK_S, Identify
from cluster.wire.identifies import POLL_S, IdentifyAsk, IdentifyTurn, account_key

ASK = IdentifyAsk(ticket="t1", shard_id=3)


class FakeControl:
    """Answers in turn; None: not within the time-out."""

    def __init__(self, *answers: IdentifyTurn | ClusterError | Literal["never"] | None) -> None:
        self.answers = list(answers)
        self.said: list[str] = []
        self.now = 100.0
        self.takes: list[float] = []
        """Seconds of each answer; then none."""

    async def exchange(
        self, verb: str, kind: Callable[..., Any], args: dict[str, Any], seconds: float
    ) -> Any:
        self.said.append(verb)
        assert (args["ticket"], args["shard_id"]) == ("t1", 3)
        answer = self.answers.pop(0)
        if answer == "never":
            await asyncio.get_running_loop().create_future()
        if answer is None:
            self.now += seconds
            raise TimeoutError
        self.now += self.takes.pop(0) if self.takes else 0.0
        if isinstance(answer, ClusterError):
            raise answer
        return msgspec.convert(msgspec.to_builtins(answer), kind)

    def notify(self, verb: str, args: dict[str, Any]) -> None:
        self.said.append(f"({verb})")

    def no_answer(self, seconds: float) -> ClusterError:
        return NotRunningError(f"silent for {seconds:g} s")

    def identify(self, patience: float | None = 60.0) -> Identify:
        return Identify(self, ASK, patience=patience, clock=lambda: self.now)


NOT_YET = IdentifyTurn(granted=False)
GRANTED = IdentifyTurn(granted=True, good_s=30.0)
HEARD = IdentifyTurn(granted=False)
"""Any answer to a word."""


def test_it_asks_until_it_is_granted() -> None:
    control = FakeControl(NOT_YET, NOT_YET, GRANTED, HEARD)

    async def program() -> None:
        async with control.identify():
            assert control.said == ["identify"] * 3

    asyncio.run(program())
    assert control.said[3:] == ["identify_sent"]


def test_a_coordinator_that_is_restarted_is_asked_again() -> None:
    control = FakeControl(NOT_YET, None, None, NOT_YET, None, GRANTED)
    asyncio.run(control.identify(patience=60.0).granted())
    assert control.said == ["identify"] * 6


def test_patience_is_for_silence_not_for_the_wait() -> None:
    silent = int(60.0 / (POLL_S + SLACK_S))
    control = FakeControl(*[NOT_YET] * 100, *[None] * silent)
    with pytest.raises(NotRunningError, match="silent for 60 s"):
        asyncio.run(control.identify(patience=60.0).granted())
    assert control.answers == []
    assert control.said[-1] == "(identify_unused)", "its place is given up"


def test_who_is_refused_is_told_why() -> None:
    control = FakeControl(BudgetError("no", "wait"))
    with pytest.raises(BudgetError):
        asyncio.run(control.identify(patience=None).granted())


def test_a_grant_that_came_too_late_is_given_back() -> None:
    """This process was stopped while the answer lay in its socket."""
    control = FakeControl(GRANTED, GRANTED)
    control.takes = [30.0 - LEAST_S + 0.1, 0.0]
    asyncio.run(control.identify().granted())
    assert control.said == ["identify", "(identify_unused)", "identify"]


def test_an_error_in_the_block_gives_it_back_and_goes_on_up() -> None:
    control = FakeControl(GRANTED, HEARD)

    async def program() -> None:
        async with control.identify():
            raise OSError("no route")

    with pytest.raises(OSError, match="no route"):
        asyncio.run(program())
    assert control.said == ["identify", "identify_unused"]


def test_what_was_said_first_holds() -> None:
    control = FakeControl(GRANTED, HEARD, HEARD)

    async def program() -> None:
        async with control.identify() as grant:
            await grant.sent()
            await grant.unused()
        await grant.ready()

    asyncio.run(program())
    assert control.said == ["identify", "identify_sent", "identify_ready"]


def test_a_word_that_nobody_hears_is_said_again_and_then_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    control = FakeControl(GRANTED, None, HEARD, GRANTED, *[None] * NOTICE_TRIES)

    async def program() -> None:
        async with control.identify():
            pass
        async with control.identify():
            pass

    with caplog.at_level(logging.WARNING):
        asyncio.run(program())
    assert control.answers == []
    (record,) = caplog.records
    assert record.getMessage() == "shard 3: silent for 15 s"


def test_said_by_hand_it_is_an_error() -> None:
    control = FakeControl(GRANTED, *[None] * NOTICE_TRIES)

    async def program() -> None:
        grant = control.identify()
        await grant.granted()
        await grant.sent()

    with pytest.raises(NotRunningError):
        asyncio.run(program())


def test_cancelled_while_it_waits_it_gives_its_place_up() -> None:
    control = FakeControl("never")

    async def program() -> None:
        task = asyncio.create_task(control.identify().granted())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(program())
    assert control.said == ["identify", "(identify_unused)"]


def test_an_account_key_is_of_the_bot_and_tells_nothing_of_its_token() -> None:
    key = account_key("MTIz.first.secret", "0123456789abcdef")
    assert key == account_key("MTIz.after-a-reset.other", "0123456789abcdef")
    assert key != account_key("Nzg5.first.secret", "0123456789abcdef")
    assert key != account_key("MTIz.first.secret", "another place")
    assert len(key) == 16
    assert account_key("no dots", "s") != account_key("none here", "s")


def test_one_leave_is_for_one_identify() -> None:
    """A second one would be told to nobody, and come into a bucket that is taken for free."""
    control = FakeControl(GRANTED, HEARD)
    leave = control.identify()

    async def main() -> None:
        async with leave:
            pass
        with pytest.raises(ClusterError, match="was used: ask for one for each"):
            await leave.__aenter__()

    asyncio.run(main())
    assert control.said == ["identify", "identify_sent"]
