"""WebSockets through a proxy: TLS to a server that it alone can find, and what goes wrong."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from shard_worker.transport.route import Route
from shard_worker.transport.transport import Transport
from tests.connect_proxy import connect_proxy
from tests.shard_worker.transport.test_transport import Receiver
from tests.shard_worker.transport.test_transport_tls import NOW, authority

GATEWAY = "wss://gateway.test/?v=10"
PASSWORD = "se/cret"


@pytest.fixture(autouse=True)
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that this process looks up: numbers are let through, a name is not found."""
    names: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).replace(".", "").isdigit():
            return real(host, *arguments, **options)
        names.append(str(host))
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


async def outcome(env: dict[str, str], ca_file: str = "") -> tuple[str, Any]:
    """Return how a connection to the gateway ends in this environment."""
    transport = Transport(ca_file=ca_file, env=env)
    try:
        receiver = Receiver()
        transport.connect(GATEWAY, receiver)
        return await receiver.end()
    finally:
        await transport.close()


@pytest.mark.parametrize(
    ("variable", "scheme"),
    [("HTTPS_PROXY", "http://"), ("https_proxy", ""), ("ALL_PROXY", "socks5h://")],
)
def test_who_alone_the_proxy_can_find(
    tmp_path: Path, looked_up: list[str], variable: str, scheme: str
) -> None:
    """The certificate is verified for the gateway's name, which this host never looks up."""
    ca_file, context = authority(tmp_path / "a", NOW, "gateway.test")

    async def handler(connection: ServerConnection) -> None:
        await connection.close(4000)

    async def main() -> None:
        async with serve(handler, "127.0.0.1", 0, ssl=context) as made:
            port = made.sockets[0].getsockname()[1]
            async with connect_proxy({"gateway.test:443": port}) as proxy:
                env = {variable: scheme + proxy.address}
                assert await outcome(env, str(ca_file)) == ("closed", 4000)
                assert proxy.asked == ["gateway.test:443"]
                assert looked_up == []
                kind, cause = await outcome(env | {"NO_PROXY": "other,.test"}, str(ca_file))
                assert (kind, "gateway.test is not found" in cause) == ("failed", True)
                assert len(proxy.asked) == 1

    asyncio.run(main())


def test_what_libcurl_itself_finds_in_the_environment_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "gateway.test")

    async def main() -> None:
        async with connect_proxy() as proxy:
            kind, cause = await outcome({"HTTPS_PROXY": proxy.address})
            assert (kind, "with 502" in cause) == ("failed", True)
            assert proxy.asked == ["gateway.test:443"]

    asyncio.run(main())


def test_a_proxy_that_is_spoken_to_in_tls(tmp_path: Path) -> None:
    """Its certificate is verified, as the gateway's in the tunnel is."""
    ca_file, context = authority(tmp_path / "a", NOW, "gateway.test")
    other, _ = authority(tmp_path / "b", NOW)

    async def handler(connection: ServerConnection) -> None:
        await connection.close(4000)

    async def main() -> None:
        async with serve(handler, "127.0.0.1", 0, ssl=context) as made:
            ports = {"gateway.test:443": made.sockets[0].getsockname()[1]}
            async with connect_proxy(ports, tls=context) as proxy:
                env = {"HTTPS_PROXY": f"https://{proxy.address}"}
                assert await outcome(env, str(ca_file)) == ("closed", 4000)
                kind, cause = await outcome(env, str(other))
                assert (kind, "certificate" in cause) == ("denied", True)
                assert proxy.asked == ["gateway.test:443"]

    asyncio.run(main())


def test_user_and_password_reach_the_proxy_and_nobody_else(tmp_path: Path) -> None:
    _, context = authority(tmp_path / "a", NOW, "gateway.test")

    async def handler(connection: ServerConnection) -> None:
        raise AssertionError("the certificate is of an authority that is not known")

    async def main() -> None:
        async with serve(handler, "127.0.0.1", 0, ssl=context) as made:
            port = made.sockets[0].getsockname()[1]
            wanted = f"user:{PASSWORD}"
            async with connect_proxy({"gateway.test:443": port}, user=wanted) as proxy:
                env = {"HTTPS_PROXY": f"http://user:{PASSWORD.replace('/', '%2F')}@{proxy.address}"}
                kind, cause = await outcome(env)
                assert (kind, "certificate" in cause) == ("denied", True), "it was let through"
                assert f"through the proxy {proxy.address} (HTTPS_PROXY)" in cause
                assert "cret" not in cause

    uvloop.run(main())


@pytest.mark.parametrize(
    ("answer", "then", "said"),
    [
        (b"HTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\nno", "close", "http://USER:PASSWORD@"),
        (b"HTTP/1.1 403 No\r\n\r\n", "close", "NO_PROXY"),
        (b"HTTP/1.1 403 No\r\n\r\n" + b"x" * 1000, "repeat", "with 403"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "wait", "with 502: its log"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "close", "with 101"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na body", "wait", "WRONG_VERSION"),
        (b"HTTP/1.1 20", "close", "aborted"),
        (b"", "close", "aborted"),
        (b"welcome\r\n\r\n", "close", "header"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000, "repeat", "too large"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 345678\r\n" * 100, "repeat", "oo many response headers"),
        (b"", "wait", "timed out"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "wait", "timed out"),
    ],
)
def test_a_proxy_that_answers_oddly(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, then: Any, said: str
) -> None:
    """Each ends soon, and says which proxy it was."""
    if said == "timed out":
        monkeypatch.setattr("shard_worker.transport.curl_options.CONNECT_TIMEOUT_S", 0.3)

    async def main() -> None:
        async with connect_proxy(answer=answer, then=then) as proxy:
            kind, cause = await outcome(
                {"HTTPS_PROXY": f"http://me:{PASSWORD[:2]}@{proxy.address}"}
            )
            assert kind == ("denied" if answer[9:12] in (b"403", b"407") else "failed")
            assert f"the proxy {proxy.address} (HTTPS_PROXY)" in cause
            assert said in cause
            assert "me:" not in cause

    uvloop.run(main())


def test_a_proxy_that_is_not_there(looked_up: list[str]) -> None:
    async def main() -> None:
        kind, cause = await outcome({"https_proxy": "127.0.0.1:1"})
        assert (kind, "the proxy 127.0.0.1:1 (https_proxy)" in cause) == ("failed", True)
        kind, cause = await outcome({"HTTPS_PROXY": "http://proxy.test:3128"})
        assert kind == "failed"
        assert "proxy.test is not found" in cause
        assert looked_up == ["proxy.test"]
        kind, cause = await outcome({"HTTPS_PROXY": f"http://me:{PASSWORD}@proxy.test:3128"})
        assert (kind, "HTTPS_PROXY is no URL of a proxy" in cause) == ("denied", True)
        assert "cret" not in cause

    asyncio.run(main())


def test_what_is_looked_up_on_this_host() -> None:
    def names(value: str) -> list[tuple[str, int]]:
        return Route.to(GATEWAY, {"HTTPS_PROXY": value}).names

    assert names("") == [("gateway.test", 443)]
    assert names("proxy:3128") == [("proxy", 3128)]
    assert names("socks5://proxy:9") == [("proxy", 9), ("gateway.test", 443)]
    assert names("socks5h://proxy:9") == [("proxy", 9)]


def test_this_machine_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own environment, which libcurl sees too, names a proxy."""

    async def handler(connection: ServerConnection) -> None:
        await connection.close(4000)

    async def main() -> None:
        async with connect_proxy() as proxy, serve(handler, "127.0.0.1", 0) as made:
            for variable in ("ws_proxy", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(variable, proxy.address)
            transport = Transport()
            receiver = Receiver()
            port = made.sockets[0].getsockname()[1]
            transport.connect(f"ws://127.0.0.1:{port}/", receiver)
            assert await receiver.end() == ("closed", 4000)
            await transport.close()
            assert proxy.asked == []

    uvloop.run(main())
