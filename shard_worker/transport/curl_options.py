"""Options of libcurl's easy handle for a WebSocket in raw mode, with Chrome's handshake.

Names are looked up by us and given to libcurl (CURLOPT_RESOLVE; route.py says which), and ECH is
Chrome's without a key from the DNS ("grease"; the ClientHello has the same extensions). Otherwise
libcurl asks for HTTPS records as well, and where that answer comes after the connection it leaves
the query's socket readable for ever, and the event loop would never sleep. (Seen on curl_cffi
0.17.0.)
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from curl_cffi import Curl, CurlError, CurlOpt

from cluster.discord.browser import Browser
from shard_worker.transport import handshake

CONNECT_TIMEOUT_S: Final = 15.0
"""Seconds for the TCP and the TLS handshake."""
UPLOAD_BYTES: Final = 16 * 1024
"""libcurl's buffer for what is sent, in place of its 64 KiB: the least that it takes. Each session
has one for as long as it lives, and what Discord takes is 4 KiB at most. With 1,000 idle sessions
one takes 37 kB less of resident memory."""
_RAW_MODE: Final = 1  # CURLWS_RAW_MODE
_HTTP_1_1: Final = 2  # CURL_HTTP_VERSION_1_1: over plain ws there is no h2c offer then


def setopt(curl: Curl, option: CurlOpt, value: object) -> None:
    """Set an option. Raises CurlError if libcurl does not take it: a refusal that is not looked at
    would be a connection with another handshake than Chrome's."""
    if (code := curl.setopt(option, value)) != 0:
        raise CurlError(f"libcurl refuses {option.name}", code)


def set_up(curl: Curl, url: str, key: bytes, *, ca_file: str, browser: Browser) -> None:
    """Set all options but the callbacks. ca_file: empty for the system's authorities. Raises
    CurlError."""
    if (code := curl.impersonate(browser.target, default_headers=False)) != 0:
        raise CurlError(f"libcurl does not know the browser {browser.target!r}", code)
    options: list[tuple[CurlOpt, object]] = [
        (CurlOpt.URL, url.encode()),
        (CurlOpt.ECH, b"grease"),
        (CurlOpt.HTTP_VERSION, _HTTP_1_1),
        (CurlOpt.NOSIGNAL, 1),
        (CurlOpt.CONNECTTIMEOUT_MS, int(CONNECT_TIMEOUT_S * 1000)),
        (CurlOpt.TCP_NODELAY, 1),
        (CurlOpt.TCP_KEEPALIVE, 1),
        (CurlOpt.WS_OPTIONS, _RAW_MODE),
        (CurlOpt.WS_HTTPHEADER_ORDER, handshake.ORDER.encode()),
        (CurlOpt.HTTPHEADER, handshake.headers(key, browser)),
        (CurlOpt.UPLOAD, 1),
        (CurlOpt.UPLOAD_BUFFERSIZE, UPLOAD_BYTES),
    ]
    if ca_file:
        options.append((CurlOpt.CAINFO, ca_file.encode()))
        options.append((CurlOpt.PROXY_CAINFO, ca_file.encode()))
    for option, value in options:
        setopt(curl, option, value)


def address_of(url: str) -> tuple[str, int]:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)


def resolve_entry(host: str, port: int, addresses: list[str]) -> str:
    """Return what a lookup found in the form of CURLOPT_RESOLVE; "+": it grows old as any other."""
    written = [f"[{one}]" if ":" in one else one for one in dict.fromkeys(addresses)]
    return f"+{host}:{port}:{','.join(written)}"
