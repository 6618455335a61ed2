"""What becomes of a client's question for an identify when its coordinator stands still, refuses,
fails or is gone; the coordinator is played, and nobody sleeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from cluster.control import ControlClient
from cluster.errors import BudgetError, ClusterError, NotRunningError
from cluster.identify.request import NOTICE_TRIES, Identify
from cluster.wire.identifies import IdentifyAsk, IdentifyTurn
from shard_worker.client.brokered_identifies import BrokeredIdentifies, IdentifyBroker

GRANTED = IdentifyTurn(granted=True, good_s=30.0)
NOT_YET = IdentifyTurn(granted=False)
SHARD = 3


class Coordinator:
    """A coordinator that answers a request when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.requests: list[tuple[str, str, asyncio.Future[object]]] = []
        """Verb, ticket and answer of each request, in the order in which they came."""
        self.notices: list[str] = []
        self._tickets = 0

    def request_identify(self, shard_id: int, shard_count: int = 0) -> Identify:
        self._tickets += 1
        ask = IdentifyAsk(ticket=f"t{self._tickets}", shard_id=shard_id, shard_count=shard_count)
        return Identify(self, ask, patience=60.0, clock=lambda: self.now)

    async def exchange(
        self, verb: str, kind: Callable[..., Any], args: dict[str, Any], seconds: float
    ) -> Any:
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.requests.append((verb, args["ticket"], answer))
        return msgspec.convert(msgspec.to_builtins(await answer), kind)

    def notify(self, verb: str, args: dict[str, Any]) -> None:
        self.notices.append(f"{verb} {args['ticket']}")

    def no_answer(self, seconds: float) -> ClusterError:
        return NotRunningError(f"silent for {seconds:g} s")

    @property
    def open(self) -> list[str]:
        """The requests that are not answered, in words."""
        return [f"{verb} {ticket}" for verb, ticket, answer in self.requests if not answer.done()]

    async def answer(self, result: object | BaseException) -> None:
        """Answer the oldest request that is open. An exception: that is what comes of it."""
        await settle()
        answer = next(answer for _, _, answer in self.requests if not answer.done())
        if isinstance(result, BaseException):
            answer.set_exception(result)
        else:
            answer.set_result(result)
        await settle()


class Client:
    """A session that identifies, or not, when it may."""

    def __init__(self, broker: IdentifyBroker) -> None:
        self.identifies = BrokeredIdentifies(broker, 8)
        self.grants: list[int] = []
        self.refusals: list[ClusterError] = []
        self.wants = True
        self.fails = False

    def ask(self) -> None:
        self.identifies.request(SHARD, 0, self, _fetch)

    def granted(self, grant_id: int) -> None:
        if self.fails:
            raise RuntimeError("what nobody foresaw")
        self.grants.append(grant_id)
        say = self.identifies.sent if self.wants else self.identifies.unused
        say(SHARD, grant_id)

    def refused(self, error: ClusterError) -> None:
        self.refusals.append(error)


async def _fetch() -> Any:
    raise AssertionError("the broker knows the numbers")


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def play(scenario: Callable[[Coordinator, Client], Awaitable[None]]) -> None:
    async def whole() -> None:
        coordinator = Coordinator()
        await scenario(coordinator, Client(coordinator))

    asyncio.run(whole())


def test_op_9_while_the_coordinator_stands_still_is_followed_by_another_question() -> None:
    """It granted and stopped: nobody has answered `sent` when the client wants the next."""

    async def scenario(coordinator: Coordinator, client: Client) -> None:
        client.ask()
        await coordinator.answer(GRANTED)
        assert coordinator.open == ["identify_sent t1"]
        client.ask()
        await settle()
        assert coordinator.open == ["identify_sent t1", "identify t2"]
        await coordinator.answer(NOT_YET)
        await coordinator.answer(GRANTED)
        assert (len(client.grants), client.refusals) == (2, [])

    play(scenario)


def test_a_session_that_is_ready_outlives_a_coordinator_that_does_not_hear_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(coordinator: Coordinator, client: Client) -> None:
        client.ask()
        await coordinator.answer(GRANTED)
        (grant_id,) = client.grants
        client.identifies.accepted(SHARD, grant_id)
        for _ in range(2 * NOTICE_TRIES):
            await coordinator.answer(TimeoutError())
        assert coordinator.open == []
        assert client.refusals == []
        client.ask()
        await coordinator.answer(GRANTED)
        assert len(client.grants) == 2

    with caplog.at_level(logging.INFO):
        play(scenario)
    assert caplog.text.count("did not hear of") == 2


@pytest.mark.parametrize("wants", [True, False])
def test_what_became_of_each_grant_is_told_once(wants: bool) -> None:
    async def scenario(coordinator: Coordinator, client: Client) -> None:
        client.wants = wants
        for ticket in ("t1", "t2"):
            client.ask()
            await coordinator.answer(GRANTED)
            assert coordinator.open == [f"identify_{'sent' if wants else 'unused'} {ticket}"]
            await coordinator.answer(None)
            client.identifies.accepted(SHARD, client.grants[-1])
            await settle()
            assert coordinator.open == ([f"identify_ready {ticket}"] if wants else [])
            if wants:
                await coordinator.answer(None)
            client.identifies.accepted(SHARD, client.grants[-1])  # a RESUMED: no identify's
            await settle()
            assert coordinator.open == []

    play(scenario)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (BudgetError("none are left", "wait"), "none are left"),
        (zmq.ZMQError(zmq.ENOTSUP), "no identify can be had"),
        (RuntimeError("what nobody foresaw"), "no identify can be had"),
    ],
)
def test_a_question_that_fails_is_a_refusal_and_may_be_asked_again(
    failure: Exception, words: str
) -> None:
    async def scenario(coordinator: Coordinator, client: Client) -> None:
        client.ask()
        await coordinator.answer(failure)
        (refusal,) = client.refusals
        assert words in str(refusal)
        client.ask()
        await coordinator.answer(GRANTED)
        assert len(client.grants) == 1

    play(scenario)


def test_a_coordinator_that_stands_still_is_asked_for_as_long_as_patience_says() -> None:
    async def scenario(coordinator: Coordinator, client: Client) -> None:
        client.ask()
        await settle()
        for _ in range(3):
            coordinator.now += 19.0
            await coordinator.answer(TimeoutError())
            assert client.refusals == []
        coordinator.now += 19.0
        await coordinator.answer(TimeoutError())
        (refusal,) = client.refusals
        assert isinstance(refusal, NotRunningError)

    play(scenario)


def test_a_session_that_fails_at_its_grant_is_refused() -> None:
    async def scenario(coordinator: Coordinator, client: Client) -> None:
        client.fails = True
        client.ask()
        await coordinator.answer(GRANTED)
        (refusal,) = client.refusals
        assert "what nobody foresaw" in str(refusal)

    play(scenario)


def test_who_is_gone_is_answered_no_more_and_what_it_did_is_told() -> None:
    async def scenario(coordinator: Coordinator, client: Client) -> None:
        client.ask()
        await coordinator.answer(GRANTED)
        client.ask()
        await settle()
        client.identifies.gone(0)
        await settle()
        assert coordinator.notices == ["identify_unused t2"]
        assert coordinator.open[0] == "identify_sent t1"
        assert client.refusals == []

    play(scenario)


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_a_control_client_that_is_closed_refuses(tmp_path: Path, moment: str) -> None:
    async def whole() -> None:
        control = ControlClient(f"ipc://{tmp_path / 'nobody'}")
        client = Client(control)
        if moment == "before":
            control.close()
        client.ask()
        await settle()
        control.close()
        await settle()
        (refusal,) = client.refusals
        assert "was closed" in str(refusal)
        assert type(refusal) is ClusterError

    asyncio.run(whole())
