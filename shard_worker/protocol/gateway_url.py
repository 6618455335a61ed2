"""The URL of a gateway connection ("Gateway", "Connecting")."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from cluster.errors import ConfigError

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def gateway_url(base: str, api_version: int, compress: str) -> str:
    """Return the URL to connect to. base: wss://host[:port]. compress: "zlib-stream", "zstd-stream"
    or "" for none.

    Raises ConfigError for another scheme; plain ws goes to this host only.
    """
    try:
        parts = urlsplit(base)
        known = parts.scheme in ("wss", "ws") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, half a bracket
        known = False
    if not known:
        raise ConfigError(f"gateway_url {base!r} is no wss:// URL", "write wss://host[:port]")
    if parts.scheme == "ws" and parts.hostname not in _LOOPBACK:
        raise ConfigError(f"gateway_url {base!r} is not encrypted", "plain ws is for loopback only")
    query = f"v={api_version}&encoding=json" + (f"&compress={compress}" if compress else "")
    return f"{parts.scheme}://{parts.netloc}{parts.path or '/'}?{query}"
