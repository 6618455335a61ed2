"""The server's half of a WebSocket (RFC 6455): the protocol of the library `websockets`, without
its I/O.

It reads handshakes and clients' frames, answers pings and closes. What goes to clients is framed by
gateway_server/frames.py, many payloads at once. Sending that way took 0.2 to 0.3 us for a message
of 600 bytes with `websockets`, `picows` and `aiohttp` alike (their own send: 7 to 10, 5, 7 us); a
message received and answered takes 40 us (picows 21 to 35, aiohttp 39), of which a client may cause
two a second; an idle connection takes 5 KiB (9 to 28, 14), a handshake 0.17 ms (0.14 to 0.22,
0.20). It is the one whose timing and bounds are all the caller's, and it needs no other package.
"""

from __future__ import annotations

import logging
from typing import Final

from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from cluster.discord.limits import MAX_SENT_BYTES
from cluster.proxy.server.http_answers import HttpAnswer

_quiet: Final = logging.getLogger(f"{__name__}.protocol")
_quiet.setLevel(logging.ERROR)
"""On its debug level the protocol would write what it reads, with the token."""
_HEAD_END: Final = b"\r\n\r\n"
_AS_DISCORD: Final[dict[int, int]] = {
    CloseCode.MESSAGE_TOO_BIG: 4002,
    CloseCode.INVALID_DATA: 4002,
}


class ServerWebSocket(ServerProtocol):
    """One connection. Nothing is offered in a handshake: no extension, no subprotocol."""

    def __init__(self) -> None:
        super().__init__(max_size=MAX_SENT_BYTES, logger=_quiet)

    def fail(self, code: int, reason: str = "") -> None:
        """End the connection because of what the client sent, with Discord's code where it has one:
        a message that is too long ("Gateway", "Sending Events") or no UTF-8."""
        code = _AS_DISCORD.get(code, code)
        super().fail(code, "Error while decoding payload." if code == 4002 else reason[:60])

    def answered(self, found: HttpAnswer) -> Response:
        """Return the response to a request that is no WebSocket's handshake."""
        response = self.reject(found.status, "")
        del response.headers["Content-Length"], response.headers["Content-Type"]
        response.headers["Content-Length"] = str(len(found.body))
        response.headers["Content-Type"] = "application/json"
        return Response(response.status_code, response.reason_phrase, response.headers, found.body)


def is_handshake(request: Request) -> bool:
    """Return whether a request asks for a WebSocket, be it in the right form or not."""
    return any("websocket" in value.lower() for value in request.headers.get_all("Upgrade"))


def header(request: Request, name: str) -> str:
    """Return a header's value; empty: it is not there, or there are several."""
    values = request.headers.get_all(name)
    return values[0] if len(values) == 1 else ""


class RequestEnd:
    """Finds where a request's head ends in what comes piece by piece."""

    def __init__(self) -> None:
        self._last: bytes | None = b""
        """The last bytes so far; None: the head has come whole."""

    def within(self, piece: bytes) -> int:
        """Return how much of the piece is to be read before the request is answered: up to its end,
        or all."""
        if self._last is None:
            return len(piece)
        seen = self._last + piece
        place = seen.find(_HEAD_END)
        if place < 0:
            self._last = seen[1 - len(_HEAD_END) :]
            return len(piece)
        end = place + len(_HEAD_END) - len(self._last)
        self._last = None
        return end
