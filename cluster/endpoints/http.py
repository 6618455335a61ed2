"""Where HTTP is served: "ADDRESS:PORT", as in 127.0.0.1:7310, [::1]:7310 or 0.0.0.0:7310, or
"auto". Whoever gives a port means that one; with "auto" a second cluster of a host has the next."""

from __future__ import annotations

import errno
import socket
from typing import Final

from cluster.endpoints.tcp import PREFIX, Tcp
from cluster.errors import AlreadyRunningError, ConfigError

AUTO: Final = "auto"
AUTO_LISTEN: Final = "127.0.0.1:7310"
"""What AUTO tries first."""
FORMS: Final = (
    "give ADDRESS:PORT, such as 127.0.0.1:7310 or 0.0.0.0:7310, auto, or an empty text for no HTTP"
)
NEXT_PORTS: Final = 64
"""So many ports after the first are tried with AUTO."""


def http_address(listen: str) -> Tcp:
    """Return the parts of http.listen; of AUTO those that are tried first. Raises ConfigError."""
    address = Tcp.read(PREFIX + (AUTO_LISTEN if listen == AUTO else listen))
    if address is None:
        raise ConfigError(f"http.listen is {listen[:80]!r}", FORMS)
    if address.host == "*":
        raise ConfigError(f"http.listen is {listen!r}", "write 0.0.0.0 or [::] for all addresses")
    return address


def check_http(listen: str, *, has_token: bool) -> None:
    """Raise ConfigError unless HTTP can be served there: everybody can reach what is not loopback,
    so that needs a token."""
    if not listen:
        return
    if not http_address(listen).loopback and not has_token:
        raise ConfigError(
            f"http.listen is {listen}, which other hosts can reach, and there is no token",
            "set http.token_file to a file with a random token (`openssl rand -hex 32`)",
        )


def http_listener(host: str, port: int, *, or_next: bool) -> socket.socket:
    """Return a socket that is bound there. or_next: whether one of the next ports will do where
    this one is taken. AlreadyRunningError: the port is taken, or can't be used."""
    last = min(port + (NEXT_PORTS if or_next else 0), 65535)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for one in range(port, last + 1):
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, one))
            listener.listen()  # else two could bind it
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE and one < last:
                continue
            raise AlreadyRunningError(
                f"http.listen: {host}:{one} can't be used ({error.strerror})",
                'give [http] listen another port, or "" for none',
            ) from None
        listener.setblocking(False)
        return listener
    raise AssertionError("the loop returns or raises at its last port")
