"""Where a process listens for what is no ZeroMQ, by a key of the configuration: "ADDRESS:PORT", as
in 127.0.0.1:7310, [::1]:7310 or 0.0.0.0:7310, or "auto". Whoever gives a port means that one; with
"auto" a second cluster of a host has the next."""

from __future__ import annotations

import errno
import socket
from typing import Final, NamedTuple

from cluster.endpoints.tcp import PREFIX, Tcp
from cluster.errors import AlreadyRunningError, ConfigError

AUTO: Final = "auto"
NEXT_PORTS: Final = 64
"""So many ports after the first are tried with AUTO."""


class ListenKey(NamedTuple):
    """A key that says where something listens."""

    name: str
    """The key's name."""
    auto: str
    """The address that AUTO tries first."""
    what: str
    """What is to be had there, for people."""

    def address(self, listen: str) -> Tcp:
        """Return the parts of the key's value; of AUTO those that are tried first. Raises
        ConfigError."""
        address = Tcp.read(PREFIX + (self.auto if listen == AUTO else listen))
        if address is None:
            port = self.auto.rpartition(":")[2]
            raise ConfigError(
                f"{self.name} is {listen[:80]!r}",
                f"give ADDRESS:PORT, such as {self.auto} or 0.0.0.0:{port}, auto, or an empty text "
                f"for no {self.what}",
            )
        if address.host == "*":
            raise ConfigError(
                f"{self.name} is {listen!r}", "write 0.0.0.0 or [::] for all addresses"
            )
        return address

    def listener(self, host: str, port: int, *, or_next: bool) -> socket.socket:
        """Return a socket that is bound there. or_next: whether one of the next ports will do where
        this one is taken. AlreadyRunningError: the port is taken, or can't be used."""
        last = min(port + (NEXT_PORTS if or_next else 0), 65535)
        for one in range(port, last + 1):
            try:
                return _listener(host, one)
            except OSError as error:
                if error.errno == errno.EADDRINUSE and one < last:
                    continue
                table, _, key = self.name.rpartition(".")
                raise AlreadyRunningError(
                    f"{self.name}: {host}:{one} can't be used ({error.strerror})",
                    f'give [{table}] {key} another port, or "" for none',
                ) from None
        raise AssertionError("the loop returns or raises at its last port")

    def listeners(self, host: str, port: int, count: int, *, or_next: bool) -> list[socket.socket]:
        """Return so many sockets that listen at one port, among which the system shares out the
        connections (SO_REUSEPORT); otherwise as `listener`."""
        alone = self.listener(host, port, or_next=or_next)
        if count == 1:
            return [alone]
        with alone:  # nobody else has the port: else this user's could share it unasked
            port = alone.getsockname()[1]
        return [_listener(host, port, shared=True) for _ in range(count)]


HTTP: Final = ListenKey("http.listen", "127.0.0.1:7310", "HTTP")
PROXY: Final = ListenKey("proxy.listen", "127.0.0.1:7320", "proxy")


def check_http(listen: str, *, has_token: bool) -> None:
    """Raise ConfigError unless HTTP can be served there: everybody can reach what is not loopback,
    so that needs a token."""
    if not listen:
        return
    if not HTTP.address(listen).loopback and not has_token:
        raise ConfigError(
            f"http.listen is {listen}, which other hosts can reach, and there is no token",
            "set http.token_file to a file with a random token (`openssl rand -hex 32`)",
        )


def _listener(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens. shared: others of this process may listen there, too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen()  # else two could bind it
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
