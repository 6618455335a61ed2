"""Endpoints on TCP: "tcp://HOST:PORT", where HOST is a name, an IPv4 address, an IPv6 address in
brackets, or (where one listens) "*"."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

import zmq

from cluster.errors import ConfigError

PREFIX: Final = "tcp://"
CONNECT_MS: Final = 2_000
HOST_LOST_MS: Final = 5_000
"""After so long a way between a host and its coordinator is over."""
_ENDPOINT: Final = re.compile(r"tcp://(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253}|\*):(\d{1,5})")
_LOOPBACK_NAMES: Final = ("localhost",)


class Tcp(NamedTuple):
    """An endpoint in its parts."""

    host: str
    """The host, without brackets."""
    port: int

    @classmethod
    def read(cls, endpoint: str) -> Self | None:
        """Return the endpoint that a text is; None: it is none."""
        if not (match := _ENDPOINT.fullmatch(endpoint)):
            return None
        host, port = match[1].strip("[]"), int(match[2])
        if not 1 <= port <= 65535 or (":" in host and _address(host) is None):
            return None
        return cls(host, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{PREFIX}{host}:{self.port}"

    @property
    def ipv6(self) -> bool:
        """Whether a socket must be let speak IPv6. A name may stand for either kind of address;
        where the system has no IPv6, ZeroMQ falls back."""
        return not isinstance(_address(self.host), ipaddress.IPv4Address)

    @property
    def everywhere(self) -> bool:
        """Whether it listens on all addresses, and so names none to connect to."""
        address = _address(self.host)
        return self.host == "*" or (address is not None and address.is_unspecified)

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name alone (nothing is resolved)."""
    address = _address(host)
    return address.is_loopback if address is not None else host.lower() in _LOOPBACK_NAMES


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def keep_alive(socket: zmq.Socket[Any]) -> None:
    """Let TCP notice that the other end is gone, within half a minute.

    Not by ZeroMQ's heartbeats: libzmq 4.3.5 aborts the whole process when a heartbeat is due on a
    connection that broke while its socket was too full to read (`Assertion failed: !_io_error`).
    """
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, 15)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, 5)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, 3)


def port_after(endpoint: str, number: int) -> str:
    """Return the endpoint whose port is so much higher, which may be higher than there are. What is
    no endpoint stays as it is. Pure."""
    tcp = Tcp.read(endpoint)
    return endpoint if tcp is None else str(tcp._replace(port=tcp.port + number))


def lose_soon(socket: zmq.Socket[Any], lost_after_ms: int) -> None:
    """Let a connection be over when what was sent was not acknowledged for so long, and a try to
    connect too. After a partition TCP itself waits for its next retransmission, for as long again
    as the partition lasted; a new connection is there within a second or two.

    Source: tcp(7), TCP_USER_TIMEOUT; zmq_setsockopt(3), ZMQ_TCP_MAXRT.
    """
    socket.setsockopt(zmq.TCP_MAXRT, lost_after_ms)
    socket.setsockopt(zmq.CONNECT_TIMEOUT, CONNECT_MS)


def check_tcp(endpoints: Mapping[str, str]) -> None:
    """Raise ConfigError unless these are endpoints to listen on, each another one. endpoints: by
    key of the configuration."""
    seen: dict[str, str] = {}
    for key, endpoint in endpoints.items():
        if Tcp.read(endpoint) is None:
            raise ConfigError(
                f"{key} is {endpoint!r}",
                "give tcp://ADDRESS:PORT, such as tcp://*:7311 or tcp://10.0.0.5:7311",
            )
        if endpoint in seen:
            action = "give each its own port"
            if "of hub" in f"{key} {seen[endpoint]}":
                action += "; further hubs listen on the ports that follow the first one's"
            raise ConfigError(f"{key} and {seen[endpoint]} are both {endpoint}", action)
        seen[endpoint] = key
