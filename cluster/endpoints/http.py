"""Where HTTP is served: "ADDRESS:PORT", as in 127.0.0.1:7310, [::1]:7310 or 0.0.0.0:7310."""

from __future__ import annotations

from typing import Final

from cluster.endpoints.tcp import PREFIX, Tcp
from cluster.errors import ConfigError

FORMS: Final = (
    "give ADDRESS:PORT, such as 127.0.0.1:7310 or 0.0.0.0:7310, or an empty text for no HTTP"
)


def http_address(listen: str) -> Tcp:
    """Return the parts of http.listen. Raises ConfigError."""
    address = Tcp.read(PREFIX + listen)
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
