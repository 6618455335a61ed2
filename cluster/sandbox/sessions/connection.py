"""One client's connection: frames out, and everything that can be wrong with them.

Outgoing frames go straight to the transport, many at once: aiohttp upgrades and reads, this
writes. Knows nothing of sessions; what a payload means is the caller's business.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import Callable
from typing import Final, cast

from cluster.gateway_server.compression import Encoder
from cluster.gateway_server.frames import PONG, close_frame, frame
from cluster.sandbox.sessions.message_deflate import MessageDeflate

MAX_OUTGOING_BYTES: Final = 32 * 1024 * 1024
"""A client that leaves this much unread is cut: memory is bounded, and Discord cuts it too."""
_DRIP_S: Final = 0.02
_CLOSE_TIMEOUT_S: Final = 2.0
_CUT_WAIT_S: Final = 0.5


def corrupted(message: bytes) -> bytes:
    """Damage a message where a decoder must notice it.

    Neither zlib nor zstd has a checksum before a stream's end: damage in the middle of a block can
    come out as other letters in a valid text, which no client could tell from the true one. After
    a flush a block begins at the first byte, and a block of type 3 is an error to both; as text,
    0xFF is no UTF-8.
    """
    return b"\xff" * 8 + message[8:]


class Connection:
    """The writing half of a WebSocket, with faults.

    on_dirty: called when the first payload since the last ``flush`` was queued.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        encoder: Encoder,
        *,
        on_dirty: Callable[[Connection], None],
        message_deflate: MessageDeflate | None = None,
        max_outgoing_bytes: int = MAX_OUTGOING_BYTES,
    ) -> None:
        self._transport = transport
        self.encoder = encoder
        self._on_dirty = on_dirty
        self._deflate = message_deflate
        self._max_outgoing = max_outgoing_bytes
        self._loop = asyncio.get_running_loop()
        self._frames: list[bytes] = []
        self._backlog = bytearray()
        self._backlog_timer: asyncio.TimerHandle | None = None
        self._stalled_until = 0.0
        self._bytes_per_s = 0.0
        self._mangle = ""
        self._cut_at_flush = False
        self.half_open = False
        self.muted = False
        self.close_code: int | None = None
        self.overflowed = False
        self.sent_messages = 0
        self.sent_bytes = 0

    # Sending

    @property
    def closing(self) -> bool:
        return self.close_code is not None or self._transport.is_closing()

    @property
    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        if self._transport.is_closing():
            return 0
        queued = sum(map(len, self._frames)) + len(self._backlog)
        return queued + self._transport.get_write_buffer_size()

    def send(self, payload: bytes) -> None:
        """Queue one gateway payload; ``flush`` sends it."""
        if self.close_code is not None:
            return
        message = self.encoder.encode(payload)
        if self._mangle:
            message = self._mangled(message)
        frames = self._frames
        if self._deflate is None:
            frames.append(frame(self.encoder.opcode, message))
        else:
            frames.append(frame(self.encoder.opcode, self._deflate.deflate(message), rsv1=True))
        if len(frames) == 1:
            self._on_dirty(self)

    def allow_replay(self) -> None:
        """What is queued now is a replay, however long: it does not count as unread."""
        self._max_outgoing += self.waiting

    def send_now(self, payload: bytes) -> None:
        self.send(payload)
        self.flush()

    def pong(self, data: bytes) -> None:
        self.flush()
        self._write(frame(PONG, data))

    def flush(self) -> None:
        """Hand what is queued to the transport, and cut a client that does not read."""
        frames = self._frames
        if not frames:
            return
        self.sent_messages += len(frames)
        if self._cut_at_flush:
            last = frames[-1]
            frames[-1] = last[: max(1, len(last) // 2)]
            data = b"".join(frames)
            frames.clear()
            self._write(data)
            self.finish()
            return
        data = b"".join(frames)
        frames.clear()
        self._write(data)
        if self.waiting > self._max_outgoing:
            self.overflowed = True
            self.reset()

    def _write(self, data: bytes) -> None:
        if self.half_open or self._transport.is_closing():
            return
        self.sent_bytes += len(data)
        if self._backlog or self._bytes_per_s or self._stalled_until > self._loop.time():
            self._backlog += data
            self._schedule_backlog()
        else:
            self._transport.write(data)

    def _schedule_backlog(self) -> None:
        if self._backlog_timer is None:
            wait = max(_DRIP_S, self._stalled_until - self._loop.time())
            self._backlog_timer = self._loop.call_later(wait, self._drip)

    def _drip(self) -> None:
        self._backlog_timer = None
        if self._transport.is_closing() or self.half_open:
            self._backlog.clear()
            return
        size = len(self._backlog)
        if self._stalled_until > self._loop.time():
            size = 0
        elif self._bytes_per_s:
            size = max(1, int(self._bytes_per_s * _DRIP_S))
        if size:
            self._transport.write(bytes(self._backlog[:size]))
            del self._backlog[:size]
        if self._backlog:
            self._schedule_backlog()

    # Ending

    def close(self, code: int | None, reason: str = "") -> None:
        """Send a close frame; end the socket once the client has answered, or after 2 s."""
        if self.closing:
            return
        self.flush()  # which may cut the connection
        if self._transport.is_closing():
            return
        self.close_code = code or 1005
        self._write(close_frame(code, reason))
        self._loop.call_later(_CLOSE_TIMEOUT_S, self.finish)

    def finish(self) -> None:
        """Send FIN (after TLS's close_notify) behind what was written."""
        if self.close_code is None:
            self.close_code = 1006
        if not self._transport.is_closing():
            self._transport.close()
            # A peer that never reads would keep the socket for ever.
            self._loop.call_later(_CLOSE_TIMEOUT_S, self._transport.abort)

    def reset(self) -> None:
        """Send RST; nothing that is still queued goes out."""
        if self.close_code is None:
            self.close_code = 1006
        sock = cast("socket.socket | None", self._transport.get_extra_info("socket"))
        if sock is not None and not self._transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def abort(self) -> None:
        """End without a goodbye: the sandbox itself ends."""
        if self.close_code is None:
            self.close_code = 1006
        self._transport.abort()

    # Faults

    def cut_mid_frame(self, filler: bytes) -> None:
        """End the connection inside the next frame; ``filler`` is sent if none comes by itself."""
        self._cut_at_flush = True
        if self._frames:
            self.flush()
        else:
            self._loop.call_later(_CUT_WAIT_S, self._cut_with, filler)

    def _cut_with(self, filler: bytes) -> None:
        if not self.closing:
            self.send_now(filler)

    def mangle_next(self, how: str) -> None:
        """Damage the next message. how: "corrupt", "truncate", or "" for neither."""
        self._mangle = how

    def _mangled(self, message: bytes) -> bytes:
        how, self._mangle = self._mangle, ""
        return message[: len(message) // 2] if how == "truncate" else corrupted(message)

    def go_half_open(self) -> None:
        """Read and write nothing any more; the socket stays."""
        self.half_open = True
        self._frames.clear()
        self._transport.pause_reading()

    def left_by_client(self) -> bool:
        """Whether the client has ended a half-open connection: only the socket itself can tell."""
        sock = self._transport.get_extra_info("socket")
        if self._transport.is_closing() or sock is None:
            return False
        poll = select.poll()
        # Linux tells of a FIN by POLLRDHUP; BSDs, macOS among them, by POLLHUP, which always comes.
        poll.register(sock.fileno(), getattr(select, "POLLRDHUP", 0))
        return bool(poll.poll(0))

    def stall(self, seconds: float) -> None:
        """Send nothing for some seconds; then all of it."""
        self._stalled_until = self._loop.time() + seconds
        self._reschedule()

    def slow(self, bytes_per_s: float) -> None:
        """Send no faster than a rate; 0: as fast as it goes."""
        self._bytes_per_s = bytes_per_s
        self._reschedule()

    def _reschedule(self) -> None:
        if self._backlog_timer is not None:
            self._backlog_timer.cancel()
            self._backlog_timer = None
            self._schedule_backlog()
