"""Where HTTP may be served, and the socket for it."""

from __future__ import annotations

import socket

import pytest

from cluster.endpoints.listening import HTTP, NEXT_PORTS, PROXY, check_http
from cluster.errors import AlreadyRunningError, ConfigError


@pytest.mark.parametrize(
    ("listen", "host", "port", "loopback"),
    [
        ("127.0.0.1:7310", "127.0.0.1", 7310, True),
        ("auto", "127.0.0.1", 7310, True),
        ("[::1]:1", "::1", 1, True),
        ("localhost:65535", "localhost", 65535, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("[::]:80", "::", 80, False),
        ("gateway.example:80", "gateway.example", 80, False),
    ],
)
def test_an_address_and_whether_others_reach_it(
    listen: str, host: str, port: int, loopback: bool
) -> None:
    address = HTTP.address(listen)
    assert (address.host, address.port, address.loopback) == (host, port, loopback)
    check_http(listen, has_token=True)
    if loopback:
        check_http(listen, has_token=False)
    else:
        with pytest.raises(ConfigError, match=r"openssl rand -hex 32"):
            check_http(listen, has_token=False)


@pytest.mark.parametrize(
    "listen",
    ["7310", ":7310", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "[::1:7310", "::1:7310", "*:1",
     "AUTO", "http://127.0.0.1:7310", "127.0.0.1:7310/", "127.0.0.1: 7310", "[zz]:1", "a b:1"],
)  # fmt: skip
def test_what_is_no_address(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"http.listen is .*0\.0\.0\.0"):
        check_http(listen, has_token=True)


def test_nothing_is_served_where_nothing_is_named() -> None:
    check_http("", has_token=False)


def test_the_next_port_where_one_is_taken_and_any_will_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        with pytest.raises(AlreadyRunningError, match=rf"127\.0\.0\.1:{port} can't be used"):
            HTTP.listener("127.0.0.1", port, or_next=False)
        with HTTP.listener("127.0.0.1", port, or_next=True) as next_one:
            assert port < next_one.getsockname()[1] <= port + NEXT_PORTS
            assert not next_one.getblocking()
    with HTTP.listener("127.0.0.1", port, or_next=False) as same:
        assert same.getsockname() == ("127.0.0.1", port)


def test_a_host_that_is_not_here() -> None:
    with pytest.raises(AlreadyRunningError, match=r"http\.listen"):
        HTTP.listener("192.0.2.1", 7310, or_next=True)


def test_several_share_one_port_and_nobody_else_gets_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port: int = once.getsockname()[1]
    listeners = PROXY.listeners("127.0.0.1", port, 3, or_next=False)
    try:
        assert {one.getsockname() for one in listeners} == {("127.0.0.1", port)}
        with pytest.raises(AlreadyRunningError, match=r"give \[proxy\] listen another port"):
            PROXY.listeners("127.0.0.1", port, 3, or_next=False)
        others = PROXY.listeners("127.0.0.1", port, 2, or_next=True)
        assert others[0].getsockname()[1] > port
        for one in others:
            one.close()
    finally:
        for one in listeners:
            one.close()


def test_the_proxy_has_a_port_of_its_own() -> None:
    assert PROXY.address("auto") == ("127.0.0.1", 7320)
    with pytest.raises(ConfigError, match=r"proxy\.listen is '7320'.*no proxy"):
        PROXY.address("7320")
