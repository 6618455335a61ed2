"""The WebSocket handshake: the headers that we send, and what the answer must be.

The headers and their order are those of a WebSocket that a page opens in Chrome, since libcurl's
TLS handshake is Chrome's too. ``impersonate`` alone would send those of a page navigation.
Sources: RFC 6455, sections 4.1 and 4.2.2.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from cluster.discord.browser import ACCEPT_ENCODING, ACCEPT_LANGUAGE, Browser
from shard_worker.transport.message_deflate import Deflate, parse_extensions
from shard_worker.transport.websocket_error import WebSocketError

ORDER: Final = (
    "Host,Connection,Pragma,Cache-Control,User-Agent,Upgrade,Origin,Sec-WebSocket-Version,"
    "Accept-Encoding,Accept-Language,Sec-WebSocket-Key,Sec-WebSocket-Extensions"
)
MAX_HEADER_BYTES: Final = 64 * 1024
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class HandshakeError(Exception):
    """The server's answer is no agreement to a WebSocket."""


def new_key(random: bytes) -> bytes:
    """Return a Sec-WebSocket-Key. random: 16 bytes."""
    return base64.b64encode(random)


def accept(key: bytes) -> str:
    """Return the Sec-WebSocket-Accept that answers a key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()


def headers(key: bytes, browser: Browser) -> list[bytes]:
    """Return the headers that Chrome sends beside Host, Connection, Upgrade and
    Sec-WebSocket-Version."""
    return [
        b"Pragma: no-cache",
        b"Cache-Control: no-cache",
        f"User-Agent: {browser.user_agent}".encode(),
        b"Origin: https://discord.com",
        f"Accept-Encoding: {ACCEPT_ENCODING}".encode(),
        f"Accept-Language: {ACCEPT_LANGUAGE}".encode(),
        b"Sec-WebSocket-Key: " + key,
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    ]


class HandshakeAnswer:
    """The server's answer, line by line as libcurl hands it over."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._size = 0
        self._fields: dict[str, list[str]] = {}
        self.status: int | None = None
        """Status code of the newest answer (an interim one may come first); None: none came yet."""
        self.complete = False
        """Whether the empty line after the headers came."""

    def take(self, line: bytes) -> None:
        """Take one line of the headers. Raises HandshakeError past MAX_HEADER_BYTES."""
        self._size += len(line)
        if self._size > MAX_HEADER_BYTES:
            raise HandshakeError(f"more than {MAX_HEADER_BYTES} bytes of headers")
        text = line.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            status = text.split(" ", 2)[1:2]
            self.status = int(status[0]) if status and status[0].isdigit() else 0
            self._fields, self.complete = {}, False
        elif not text:
            self.complete = True
        else:
            name, _, value = text.partition(":")
            self._fields.setdefault(name.strip().lower(), []).append(value.strip())

    def agreed(self) -> Deflate | None:
        """Return the compression that a complete answer agrees to; None: none. Raises
        HandshakeError."""
        if self.status != 101:
            raise HandshakeError(f"the server answered {self.status} instead of 101")
        if self._header("sec-websocket-accept") != accept(self._key):
            raise HandshakeError("Sec-WebSocket-Accept does not fit our key")
        if self._header("sec-websocket-protocol"):
            raise HandshakeError("the server chose a subprotocol that was not offered")
        try:
            return parse_extensions(self._header("sec-websocket-extensions"))
        except WebSocketError as error:
            raise HandshakeError(error.cause) from error

    def _header(self, name: str) -> str:
        return ", ".join(self._fields.get(name, ()))
