"""The verb cache: questions to the cache's process and its answers, with that process played."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import zmq
import zmq.asyncio

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from cluster.wire import control
from cluster.wire.cache import CacheAsk, CachePage
from cluster.wire.control import as_args
from cluster.wire.status import CacheReport
from coordinator.context import RunContext
from coordinator.control import cache
from coordinator.control.cache import CacheVerbs

WITHIN_S = 10.0
ASK = as_args(CacheAsk(what="guild_ids"))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def verbs(folder: Path, clock: Clock, *, there_is_one: bool = True) -> CacheVerbs:
    spec = CoordinatorSpec(name="t", state_dir=str(folder), runtime_dir=str(folder), token="?")
    context = cast(RunContext, SimpleNamespace(spec=spec, clock=clock))
    return CacheVerbs(context, there_is_one=there_is_one)


@asynccontextmanager
async def answering(
    folder: Path, answer: Callable[[control.Request], control.Response | None]
) -> AsyncIterator[None]:
    """Be the cache's process in this folder; None: it does not answer."""
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    socket.bind(f"ipc://{folder / 'cached'}")

    async def serve() -> None:
        while True:
            sender, data = await socket.recv_multipart()
            response = answer(control.decode_request(data))
            if response is not None:
                await socket.send_multipart([sender, control.encode(response)])

    serving = asyncio.create_task(serve())
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        context.destroy()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(WITHIN_S):
            await scenario()

    asyncio.run(bounded())


def test_questions_and_answers_pass_as_they_are(short_folder: Path) -> None:
    page = CachePage(ids=[1, 2], more=True)

    def answer(request: control.Request) -> control.Response:
        assert request.verb == "cache"
        if request.args != ASK:
            return control.Response(
                id=request.id, ok=False, error=control.failure_of(ClusterError("what?", "so"))
            )
        raw = msgspec.Raw(control.encode(page))
        return control.Response(id=request.id, ok=True, result=raw)

    async def scenario() -> None:
        asked = verbs(short_folder, Clock())
        async with answering(short_folder, answer):
            result = await asked.ask(ASK)
            assert msgspec.msgpack.decode(result, type=CachePage) == page
            with pytest.raises(ClusterError, match="what") as raised:
                await asked.ask({"what": "nonsense"})
            assert raised.value.action == "so"
        asked.close()

    run(scenario)


def test_one_that_does_not_answer_is_not_waited_for(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "ANSWER_S", 0.05)
    monkeypatch.setattr(cache, "MOST_UNDER_WAY", 2)

    async def scenario() -> None:
        asked = verbs(short_folder, Clock())
        with pytest.raises(ClusterError, match="did not answer within"):
            await asked.ask(ASK)  # there is none
        async with answering(short_folder, lambda request: None):
            questions = [asyncio.create_task(asked.ask(ASK)) for _ in range(3)]
            done = await asyncio.gather(*questions, return_exceptions=True)
        assert [str(one).partition(":")[0] for one in done] == [
            "the cache did not answer within 0.05 s",
            "the cache did not answer within 0.05 s",
            "2 wait for the cache already",
        ]
        asked.close()

    run(scenario)


def test_without_a_cache(tmp_path: Path) -> None:
    async def scenario() -> None:
        asked = verbs(tmp_path, Clock(), there_is_one=False)
        with pytest.raises(ClusterError, match="keeps no cache"):
            await asked.ask(ASK)
        assert asked.status() is None
        asked.close()

    run(scenario)


def test_what_it_says_of_itself_holds_for_a_while(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Clock()
        asked = verbs(tmp_path, clock)
        report = CacheReport(pid=4, guilds=2)
        told: dict[str, Any] = as_args(report)
        await asked.verbs()["_cache"](told)
        clock.now += cache.SILENT_S
        assert asked.status() == report
        clock.now += 0.1
        assert asked.status() is None
        with pytest.raises(ClusterError, match="not the arguments"):
            await asked.report(told | {"stale_shards": [0] * 65})
        asked.close()

    run(scenario)
