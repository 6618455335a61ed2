"""The proxy's processes as the coordinator has them: one port, and a spec without the token."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from unittest import mock

import msgspec
import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import ProxyConfig
from cluster.errors import AlreadyRunningError
from cluster.proxy.spec import ProxySpec
from coordinator.children import proxy as module
from coordinator.children.proxy import TRIES, ProxyProcesses

TOKEN = "MTIz.made.up"


def processes(listen: str, count: int = 1, **more: str) -> ProxyProcesses:
    config = ProxyConfig(listen=listen, processes=count, **more)  # type: ignore[arg-type]
    spec = CoordinatorSpec(
        name="t", state_dir="/s", runtime_dir="/r", token=TOKEN, hubs=2, proxy=config
    )
    return ProxyProcesses(spec, TOKEN, lambda name, why: None, lambda: 0.0, 1.0)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port: int = once.getsockname()[1]
        return port


async def not_at_all(seconds: float) -> None:
    """Wait for no time."""


def specs(proxies: ProxyProcesses, monkeypatch: pytest.MonkeyPatch) -> list[ProxySpec]:
    """Return the spec that each process is started with."""
    start = mock.AsyncMock(return_value=(mock.Mock(), mock.Mock()))
    monkeypatch.setattr(module, "start_child", start)
    for child in proxies.children:
        asyncio.run(child._start_one())
    found = []
    for call in start.await_args_list:
        name, python_module, data, log, descriptors = call.args
        assert python_module == "cluster.proxy"
        spec = msgspec.json.decode(data, type=ProxySpec)
        assert descriptors == (spec.listener,)
        assert (name, log) == (f"proxy {spec.number}", Path(f"/s/logs/proxy-{spec.number}.log"))
        assert TOKEN.encode() not in data
        found.append(spec)
    return found


def play(scenario: Callable[[AsyncExitStack], object]) -> None:
    async def run() -> None:
        async with AsyncExitStack() as parts:
            result = scenario(parts)
            if asyncio.iscoroutine(result):
                await result

    asyncio.run(run())


def test_processes_share_a_port_and_know_a_digest_of_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()
    proxies = processes(f"127.0.0.1:{port}", 3, url="wss://gateway.example")
    parts = AsyncExitStack()
    asyncio.run(proxies.listen(parts))
    try:
        assert proxies.url == f"ws://127.0.0.1:{port}"
        found = specs(proxies, monkeypatch)
        assert [spec.number for spec in found] == [0, 1, 2]
        assert len({spec.listener for spec in found}) == 3
        assert {spec.url for spec in found} == {"wss://gateway.example"}
        assert found[0].events == ["ipc:///r/events", "ipc:///r/events-1"]
        credentials = found[0].credentials()
        assert credentials.client(TOKEN) == ""
        assert credentials.client("another") is None
        with socket.create_connection(("127.0.0.1", port), 5):
            pass  # before any process runs: it would wait for one
    finally:
        asyncio.run(parts.aclose())
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 5)


def test_digests_hang_on_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for _ in range(2):
        proxies = processes(f"127.0.0.1:{free_port()}")
        parts = AsyncExitStack()
        asyncio.run(proxies.listen(parts))
        digests |= {spec.token_digest for spec in specs(proxies, monkeypatch)}
        asyncio.run(parts.aclose())
    assert len(digests) == 2


def test_a_port_that_is_taken_ends_the_start_with_a_way_out() -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async def scenario(parts: AsyncExitStack) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            proxies = processes(f"127.0.0.1:{port}")
            said = rf"127\.0\.0\.1:{port} can't be used \(Address already in use\).*another port"
            with pytest.raises(AlreadyRunningError, match=said):
                await proxies.listen(parts, note)
            assert proxies.children == []
            assert len(waits) == TRIES - 1

    play(scenario)


def test_those_of_a_coordinator_that_was_killed_are_waited_for() -> None:
    async def scenario(parts: AsyncExitStack) -> None:
        before = socket.create_server(("127.0.0.1", 0))
        port = before.getsockname()[1]

        async def they_end(seconds: float) -> None:
            before.close()

        await processes(f"127.0.0.1:{port}", 2).listen(parts, they_end)

    play(scenario)


def test_where_clients_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(parts: AsyncExitStack) -> None:
        port = free_port()
        for listen, url in (
            (f"0.0.0.0:{port}", f"wss://127.0.0.1:{port}"),
            (f"[::1]:{port}", f"wss://[::1]:{port}"),
        ):
            async with AsyncExitStack() as once:
                proxies = processes(listen, certificate="a", private_key="b")
                await proxies.listen(once, not_at_all)
                assert proxies.url == url

    play(scenario)
