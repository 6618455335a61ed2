"""A client's connection: its socket, what comes on it and what goes out, and how it ends.

It knows nothing of sessions; what a message means is its peer's business (peer.py).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State as Stage

from cluster.discord.opcodes import Op
from cluster.gateway_server.compression import Encoder
from cluster.gateway_server.frames import BINARY, TEXT, frame, joined_frames
from cluster.gateway_server.send_limit import SendLimit
from cluster.proxy.server.aftermath import Aftermath
from cluster.proxy.server.http_answers import HINT, HttpAnswer, refusal
from cluster.proxy.server.websocket import RequestEnd, ServerWebSocket

log = logging.getLogger(__name__)

LINGER_S: Final = 2.0
"""Seconds in which a client may read how the connection ended, and answer."""
SLICE_BYTES: Final = 1024
"""So much of what came is read before it is asked whether the connection has ended: a flood of
empty frames holds nobody up."""
MOST_FRAMES: Final = 240
FRAMES_WINDOW_S: Final = 60.0
"""So many frames may come in so many seconds that end no message: pings, fragments. Over it: close
4008."""
MOST_UNREAD: Final = 64 << 10
"""Bytes of answers (acknowledgements of heartbeats, pongs) that may wait for a client that does not
read; over it the connection is cut."""
NO_CODE: Final = 1006
"""The connection ended without a close frame."""
_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: a close does not wait for what was not sent."""
_encode = msgspec.json.Encoder().encode
_NOT_READ: Final = refusal(400, f"400: Bad Request ({HINT})")


class Listener(Protocol):
    """Who hears what comes on a connection."""

    def greet(self) -> None:
        """The WebSocket is open."""

    def received(self, message: bytes) -> None:
        """A message has come."""

    def drained(self) -> None:
        """The client has taken all that waited."""

    def closed(self, code: int, *, by_client: bool) -> None:
        """The connection has ended, with this code (NO_CODE: with none)."""


class Door(Protocol):
    """Where connections come in."""

    @property
    def clock(self) -> Callable[[], float]:
        """Monotonic seconds."""

    def asked(self, connection: Connection, request: Request) -> Listener | HttpAnswer:
        """Answer a request: who hears the WebSocket that it asks for, or an HTTP answer."""

    def gone(self, connection: Connection) -> None:
        """The socket is closed."""


class Connection(asyncio.Protocol):
    """One connection, and the Outlet of its session."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._websocket = ServerWebSocket()
        self._transport: asyncio.Transport | None = None
        self._listener: Listener | None = None
        self._request_end = RequestEnd()
        self._ended = False
        """Whether a close frame, or an answer over HTTP, was sent or came."""
        self._fragments = bytearray()
        self._frame_limit: SendLimit | None = None
        self._aftermath = Aftermath()
        self._waits = False
        self._unread = 0
        self._heartbeat_asked = False
        self._shut = False
        """Whether nothing more can be written."""
        self._last_timer: asyncio.TimerHandle | None = None
        self.encoder: Encoder | None = None
        """None: payloads go out as they are."""
        self.dispatched = 0
        """Dispatches that were sent."""
        self.since = door.clock()
        """When it came, in monotonic seconds."""

    @property
    def own_address(self) -> str:
        """Where the client has connected to: HOST:PORT."""
        return self._address("sockname")

    @property
    def client_address(self) -> str:
        """Where the client has connected from: HOST:PORT."""
        return self._address("peername")

    def _address(self, which: str) -> str:
        known = None if self._transport is None else self._transport.get_extra_info(which)
        if not known:
            return "an unknown address"
        host, port = known[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    # Outlet

    @property
    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        if self._transport is None or self._ended:
            return 0
        return self._transport.get_write_buffer_size()

    def dispatch(self, payloads: Sequence[bytes]) -> None:
        """Send payloads, in one write."""
        if self._ended or self._transport is None:
            return
        self.dispatched += len(payloads)
        if self.encoder is None:
            self._transport.write(joined_frames(TEXT, payloads))
        else:
            self._transport.write(joined_frames(BINARY, map(self.encoder.encode, payloads)))

    def close(self, code: int, reason: str) -> None:
        """Send a close frame behind what waits, and tell the listener before this returns; the
        socket is closed once the client has answered, or LINGER_S later."""
        if self._ended or self._websocket.state is not Stage.OPEN:
            return
        self._websocket.send_close(code, reason.encode()[:120].decode(errors="ignore"))
        self._send_answers()
        self._end(code, by_client=False)

    def request_heartbeat(self) -> None:
        """Send op 1, unless one is unanswered."""
        if not self._heartbeat_asked and not self._ended:
            self._heartbeat_asked = True
            self.send(Op.HEARTBEAT, None)

    @property
    def owes_heartbeat(self) -> bool:
        """Whether op 1 was sent, and no heartbeat has come since."""
        return self._heartbeat_asked

    def answers_request(self) -> bool:
        """Return whether the heartbeat that has come was asked for."""
        asked, self._heartbeat_asked = self._heartbeat_asked, False
        return asked

    # Sending

    def send(self, op: int, d: Any) -> None:
        """Send a payload that is no dispatch."""
        payload = b'{"t":null,"s":null,"op":%d,"d":%b}' % (op, _encode(d))
        if self.encoder is None:
            self._answer(frame(TEXT, payload))
        else:
            self._answer(frame(BINARY, self.encoder.encode(payload)))

    def _answer(self, data: bytes) -> None:
        """Write what is no dispatch; a client that reads nothing of it is cut."""
        if self._transport is None or self._shut or self._transport.is_closing():
            return
        if self._waits:
            self._unread += len(data)
            if self._unread > MOST_UNREAD:
                self.abort()
                return
        self._transport.write(data)

    def _send_answers(self) -> None:
        """Send what the protocol has to say: responses, pongs, close frames."""
        for data in self._websocket.data_to_send():
            if data:
                self._answer(data)
                continue
            sent = self._websocket.close_sent
            self._end(NO_CODE if sent is None else sent.code, by_client=False)
            if self._websocket.close_rcvd is not None:
                self._finish()
            else:  # the client has yet to read why
                self._finish_writing()

    # Receiving (asyncio.Protocol)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # Whatever waits is heard of, and when nothing does any more.
        self._transport.set_write_buffer_limits(high=1, low=0)
        if self._ended:  # it was let go of while it shook hands
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        start = 0
        while start < len(data) and not self._is_past(len(data) - start):
            piece = data[start : start + SLICE_BYTES]
            # What a client sends without waiting for the answer is no frame before that.
            piece = piece[: self._request_end.within(piece)]
            self._read(piece)
            start += len(piece)

    def eof_received(self) -> None:
        """The client sends no more. Returning None lets the transport close."""
        if not self._ended:
            self._end(NO_CODE, by_client=True)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._end(NO_CODE, by_client=True)
        if self._last_timer is not None:
            self._last_timer.cancel()
        self._door.gone(self)

    def pause_writing(self) -> None:
        self._waits = True

    def resume_writing(self) -> None:
        self._waits = False
        self._unread = 0
        if self._listener is not None and not self._ended:
            self._listener.drained()

    def _is_past(self, size: int) -> bool:
        """Return whether what has come is not looked at any more."""
        if self._transport is None or self._transport.is_closing():
            return True
        if not self._ended:
            return False
        if self._aftermath.is_searched:
            self._aftermath.take(min(size, SLICE_BYTES))
            return False
        self._aftermath.take(size)
        if self._aftermath.is_too_much:
            self.abort()
        return True

    def _read(self, data: bytes) -> None:
        websocket = self._websocket
        websocket.receive_data(data)
        for event in websocket.events_received():
            if isinstance(event, Request):
                self._requested(event)
            elif self._ended:
                self._aftermath.frames += 1
            elif isinstance(event, Frame):
                self._framed(event)
        if websocket.handshake_exc is not None and not self._ended and not any(websocket.writes):
            # It is no request that the protocol reads: it has a body, say.
            self._answer(websocket.answered(_NOT_READ).serialize())
        self._send_answers()

    def _requested(self, request: Request) -> None:
        answer = self._door.asked(self, request)
        websocket = self._websocket
        if isinstance(answer, HttpAnswer):
            websocket.send_response(websocket.answered(answer))
        else:
            websocket.send_response(websocket.accept(request))
        self._send_answers()
        if websocket.state is Stage.OPEN and not isinstance(answer, HttpAnswer) and not self._ended:
            self._listener = answer
            answer.greet()

    def _framed(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            received = self._websocket.close_rcvd
            self._end(NO_CODE if received is None else received.code, by_client=True)
            return
        is_data = frame.opcode not in (Opcode.PING, Opcode.PONG)
        if is_data:
            self._fragments += frame.data  # bounded by the protocol: max_size
        if not (is_data and frame.fin):
            self._limit_frames()
            return
        message = bytes(self._fragments)
        self._fragments.clear()
        if self._listener is not None:
            self._listener.received(message)

    def _limit_frames(self) -> None:
        if self._frame_limit is None:
            self._frame_limit = SendLimit(MOST_FRAMES, FRAMES_WINDOW_S)
        if not self._frame_limit.allows(self._door.clock()):
            self.close(4008, "Rate limited.")

    # Ending

    def _end(self, code: int, *, by_client: bool) -> None:
        """Let nothing more happen on the connection but its end."""
        if self._ended:
            return
        self._ended = True
        self._fragments.clear()
        self._later(self._finish)
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.closed(code, by_client=by_client)

    def _later(self, call: Callable[[], None]) -> None:
        if self._last_timer is not None:
            self._last_timer.cancel()
        self._last_timer = asyncio.get_running_loop().call_later(LINGER_S, call)

    def _finish_writing(self) -> None:
        self._shut = True
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def _finish(self) -> None:
        """Close the socket behind what waits; one whose client does not read is cut."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._later(self.abort)

    def abort(self) -> None:
        """Close the socket at once. The kernel drops what waits in it, too, which it would keep for
        a minute or two for a client that is there and does not read."""
        if self._transport is None:
            self._ended = True
            return
        own: socket.socket | None = self._transport.get_extra_info("socket")
        if own is not None and self._waits:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._transport.abort()
