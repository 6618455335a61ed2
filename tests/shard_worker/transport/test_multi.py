"""What libcurl brings is done when it has returned, in the same callback of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from curl_cffi import CurlError, lib
from curl_cffi.aio import AsyncCurl

from shard_worker.transport import multi as module
from shard_worker.transport.multi import Multi


def run(scenario: Callable[[Multi], Awaitable[None]]) -> None:
    async def main() -> None:
        multi = Multi()
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # its first look at its timers
            await scenario(multi)
        finally:
            await multi.close()

    asyncio.run(main())


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Play libcurl: what it does when it is asked about a socket, and what it returns."""

    def played(action: Callable[[], None], code: int = 0, running: int = 0) -> None:
        def socket_action(multi: Any, fd: int, bits: int, count: Any) -> int:
            action()
            count[0] = running
            return code

        fake = SimpleNamespace(
            curl_multi_socket_action=socket_action, curl_multi_strerror=lib.curl_multi_strerror
        )
        monkeypatch.setattr(module, "lib", fake)

    return played


def test_what_is_noted_within_libcurl_is_done_when_it_returns(play: Callable[..., None]) -> None:
    async def scenario(multi: Multi) -> None:
        seen: list[str] = []

        def action() -> None:
            multi.soon(lambda: seen.append("first"))
            multi.soon(lambda: seen.append("second"))
            seen.append("libcurl")

        play(action)
        multi.process_data(7, 1)
        assert seen == ["libcurl", "first", "second"]

    run(scenario)


def test_what_is_noted_elsewhere_waits_for_the_loop(play: Callable[..., None]) -> None:
    """So a connection that has more than a slice does not keep the others waiting."""

    async def scenario(multi: Multi) -> None:
        seen: list[str] = []

        def pump() -> None:
            seen.append("slice")
            if len(seen) < 3:
                multi.soon(pump)

        play(lambda: multi.soon(pump))
        multi.process_data(7, 1)
        assert seen == ["slice"]
        await asyncio.sleep(0)
        assert seen == ["slice"] * 2
        await asyncio.sleep(0)
        assert seen == ["slice"] * 3

    run(scenario)


def test_one_that_fails_is_told_and_the_others_are_done(play: Callable[..., None]) -> None:
    async def scenario(multi: Multi) -> None:
        seen: list[str] = []

        def fails() -> None:
            raise RuntimeError("on purpose")

        def action() -> None:
            for callback in (lambda: seen.append("a"), fails, lambda: seen.append("b")):
                multi.soon(callback)

        play(action)
        with pytest.raises(RuntimeError, match="on purpose"):
            multi.process_data(7, 1)
        assert seen == ["a"]
        await asyncio.sleep(0)
        assert seen == ["a", "b"]

    run(scenario)


def test_a_failure_of_libcurl_is_told_and_what_came_is_done(play: Callable[..., None]) -> None:
    async def scenario(multi: Multi) -> None:
        seen: list[str] = []
        play(lambda: multi.soon(lambda: seen.append("a")), code=1)
        with pytest.raises(CurlError, match="multi handle fails: Invalid multi handle"):
            multi.process_data(7, 1)
        assert seen == ["a"]
        multi.soon(lambda: seen.append("b"))
        assert seen == ["a"], "libcurl is at work no more"

    run(scenario)


@pytest.mark.parametrize(("running", "asks"), [(2, 0), (1, 1)])
def test_who_has_finished_is_asked_where_fewer_run(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, running: int, asks: int
) -> None:
    async def scenario(multi: Multi) -> None:
        asked = 0

        def ask(*_: object) -> None:
            nonlocal asked
            asked += 1

        with monkeypatch.context() as patch:
            patch.setattr(AsyncCurl, "process_data", ask)
            patch.setattr(multi, "_curl2future", {"a": None, "b": None})
            play(lambda: None, running=running)
            multi.process_data(7, 1)
        assert asked == asks

    run(scenario)


def test_nothing_is_asked_once_it_is_closed(play: Callable[..., None]) -> None:
    async def main() -> None:
        multi = Multi()
        await multi.close()
        play(lambda: pytest.fail("libcurl was asked"))
        multi.process_data(7, 1)

    asyncio.run(main())
