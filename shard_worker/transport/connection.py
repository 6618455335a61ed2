"""One WebSocket on libcurl's raw mode, with Chrome's handshake, on the event loop.

libcurl calls back with what arrived and asks for what to send; both callbacks only touch queues. A
pump parses at most a slice and hands it over when libcurl has returned, in the same callback of the
loop, and what is more than a slice in the loop's next turns, so no connection starves another. Past
PAUSE_BYTES of unparsed bytes the transfer is paused: TCP makes the server wait. Certificates are
always verified.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from cluster.discord.browser import Browser
from shard_worker.transport import failures, handshake
from shard_worker.transport.multi import Multi
from shard_worker.transport.receiver import Receiver
from shard_worker.transport.transfer import NOTHING_NOW, Transfer
from shard_worker.transport.websocket import (
    Control,
    Opcode,
    WebSocket,
    close_payload,
)
from shard_worker.transport.websocket_error import WebSocketError
from shard_worker.transport.write_queue import MAX_WAITING, Fate, MayLeave, WriteQueue

HANDSHAKE_TIMEOUT_S: Final = 25.0
"""Seconds from the beginning until the server has answered 101."""
CLOSE_TIMEOUT_S: Final = 1.0
"""Seconds that a close frame may take to leave, and the server to answer it."""
SLICE_MESSAGES: Final = 512
SLICE_BYTES: Final = 64 * 1024
"""Bounds of one slice, some 2 ms of work; a message that is larger is a slice of its own."""
PAUSE_BYTES: Final = 1024 * 1024
"""Unparsed bytes past which nothing more is read from the socket."""
MAX_REFUSAL: Final = 64 * 1024
"""Most bytes that are read of an answer that is no WebSocket."""


class Connection:
    """One WebSocket, from its handshake to its end."""

    def __init__(
        self,
        multi: Multi,
        url: str,
        receiver: Receiver,
        ca_file: str,
        browser: Browser,
        env: Mapping[str, str],
        forget: Callable[[Connection], None],
    ) -> None:
        """env: the environment, which may name a proxy. forget: called when nothing is left."""
        self._loop = asyncio.get_running_loop()
        self._multi = multi
        multi.keep_awake(self)
        self._receiver: Receiver | None = receiver
        self._forget = forget
        key = handshake.new_key(os.urandom(16))
        self._handshake = handshake.HandshakeAnswer(key)
        self._websocket: WebSocket | None = None
        self._before_websocket: list[bytes] = []
        """What arrived before the handshake was looked at."""
        self._write_queue = WriteQueue()
        self._overflowed = False
        """The server does not read: the write queue is full."""
        self._held = False
        """Nothing is handed over: see ``hold``."""
        self._pump_scheduled = False
        self._failure: BaseException | None = None
        self._aborted = False
        self.closing = False
        """A close frame was sent, or waits to be."""
        self.ended: asyncio.Future[None] = self._loop.create_future()
        """Done when nothing is left of the connection."""
        self._transfer = Transfer(multi, self)
        self._transfer.begin(url, key, ca_file=ca_file, browser=browser, env=env)
        self._timer = self._loop.call_later(HANDSHAKE_TIMEOUT_S, self._on_handshake_timeout)

    @property
    def pending(self) -> int:
        """Bytes that arrived and were not parsed."""
        return self._websocket.pending if self._websocket else sum(map(len, self._before_websocket))

    # -- reading -----------------------------------------------------------------------------------

    def hold(self) -> None:
        """Hand nothing over and read nothing from the socket, until ``go_on``. A close, too, is
        heard only then. Not to be called from within one of libcurl's callbacks."""
        if self._held or self._aborted:
            return
        self._held = True
        if not self._transfer.paused and not self._transfer.ended:
            self._transfer.pause()

    def go_on(self) -> None:
        """Hand over and read again, beginning with what waits."""
        if self._held:
            self._held = False
            self._schedule()

    @property
    def waited_s(self) -> float:
        """Most seconds that what is being handed over may have waited in the socket."""
        return self._multi.waited_s

    def settled(self, settled: bool) -> None:
        """Say whether the session is as it is to stay: until it is, nothing that comes waits for
        the end of a rest of the sockets."""
        if self._aborted or self.closing:
            return
        if settled:
            self._multi.let_rest(self)
        else:
            self._multi.keep_awake(self)

    # -- sending -----------------------------------------------------------------------------------

    def send(
        self,
        payload: bytes,
        *,
        urgent: bool = False,
        command: bool = False,
        fate: Fate | None = None,
        may_leave: MayLeave | None = None,
    ) -> None:
        """Send a text message. urgent: before all that libcurl has not begun to take. command:
        somebody waits for what comes of it; what answers a heartbeat may wait, and for IDENTIFY and
        RESUME see `settled`. fate: hears, once, whether libcurl took it, right after that, or it
        was dropped. may_leave: is asked when libcurl would take it."""
        if command:
            self._multi.expect_answer()
        self._send(Opcode.TEXT, payload, urgent=urgent, fate=fate, may_leave=may_leave)

    def _send(
        self, opcode: Opcode, payload: bytes, *, urgent: bool, fate: Fate | None = None,
        may_leave: MayLeave | None = None,
    ) -> None:  # fmt: skip
        if self._aborted or self._transfer.ended:
            if fate is not None:
                fate(False)
            return
        heard = None if fate is None else partial(self._tell, fate)
        if not self._write_queue.add(
            opcode, payload, urgent=urgent, fate=heard, may_leave=may_leave
        ):
            if not self._overflowed:
                self._overflowed = True
                self._loop.call_soon(self._on_overflow)
            return
        self._transfer.send()

    def _tell(self, fate: Fate, leaves: bool) -> None:
        if leaves:  # this is within libcurl's callback, which writes to the socket when it returns
            self._loop.call_soon(fate, True)
        else:
            fate(False)

    def _on_overflow(self) -> None:
        if self._receiver is not None:
            self._receiver.on_broken(f"{MAX_WAITING} frames wait, and the server does not read")

    def close(self, code: int) -> None:
        """Send a close frame, after what waits to be sent. The receiver hears nothing more."""
        self._receiver = None
        self.go_on()  # the answer is read, and what is before it
        if self._aborted or self.closing:
            return
        self.closing = True
        self._multi.keep_awake(self)
        if self._websocket is None:
            self._loop.call_soon(self.abort)  # this may be within one of libcurl's callbacks
            return
        self._send(Opcode.CLOSE, close_payload(code), urgent=False)
        self._timer = self._loop.call_later(CLOSE_TIMEOUT_S, self.abort)
        self._schedule()

    def leave(self, code: int) -> None:
        """Send a close frame, after what waits to be sent, and hand over what the server sends
        before it answers. The receiver hears of the end as of any other, within CLOSE_TIMEOUT_S.
        Nothing may be sent after this."""
        if self._aborted or self.closing:
            return
        self.closing = True
        self._multi.keep_awake(self)
        self._send(Opcode.CLOSE, close_payload(code), urgent=False)
        self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_TIMEOUT_S, self._on_no_answer)
        self._schedule()

    def _on_no_answer(self) -> None:
        receiver = self._receiver
        self.abort()
        if receiver is not None:
            receiver.on_closed(None, f"no answer to a close within {CLOSE_TIMEOUT_S:g} s")

    def abort(self) -> None:
        """End the connection now. Not to be called from within one of libcurl's callbacks."""
        if self._aborted:
            return
        self._aborted = True
        self._receiver = None
        self._multi.let_rest(self)
        self._timer.cancel()
        self._transfer.abort()
        self._write_queue.drop()
        self._forget(self)
        if not self.ended.done():
            self.ended.set_result(None)

    # -- libcurl's callbacks: queues only ----------------------------------------------------------

    def on_wanted(self, size: int) -> bytes | int:
        return self._write_queue.take(size) or NOTHING_NOW

    def on_data(self, data: bytes) -> int:
        size = len(data)
        self._multi.received_bytes += size
        websocket = self._websocket
        if websocket is None:
            self._before_websocket.append(data)
            if self._handshake.status != 101 and self.pending > MAX_REFUSAL:
                return 0  # the transfer ends with this
        else:
            websocket.feed(data)
            if websocket.pending > PAUSE_BYTES and websocket.ready and not self._transfer.paused:
                self._transfer.pause()
        self._schedule()
        return size

    def on_header(self, line: bytes) -> int:
        try:
            self._handshake.take(line)
        except handshake.HandshakeError as error:
            self._failure = error
            return 0
        if self._handshake.complete and self._handshake.status == 101:
            self._schedule()
        return len(line)

    # -- the pump, never within libcurl ------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._pump_scheduled and not self._aborted:
            self._pump_scheduled = True
            self._multi.soon(self._pump)

    def _pump(self) -> None:
        """Parse and hand over one slice; the next pump does the rest."""
        self._pump_scheduled = False
        if self._aborted:
            return
        websocket = self._websocket
        if websocket is None and (websocket := self._open_websocket()) is None:
            return
        if self._held:
            return
        if (payload := websocket.take_lone()) is not None:
            if (receiver := self._receiver) is not None:
                receiver.on_message(payload)
        elif not self._hand_over(websocket):
            return
        if self.ended.done():
            return
        ready, transfer = websocket.ready, self._transfer
        if transfer.paused and not self._held and not transfer.ended:
            # Not ready: a frame that is larger than the bound is on its way, and needs the rest.
            enough = ready and websocket.pending > PAUSE_BYTES // 2
            if not enough:
                transfer.read_on()
        if ready:
            self._schedule()
        elif transfer.ended:
            self._finish()

    def _hand_over(self, websocket: WebSocket) -> bool:
        """Parse and hand over a slice. False: the server broke the protocol, and was told of."""
        try:
            taken = websocket.take(SLICE_MESSAGES, SLICE_BYTES)
        except WebSocketError as error:
            if self._receiver is not None:
                self._receiver.on_broken(str(error))
            return False
        if taken.messages and self._receiver is not None:
            self._receiver.on_messages(taken.messages, taken.texts)
        if taken.controls:
            self._take_controls(taken.controls)
        return True

    def _open_websocket(self) -> WebSocket | None:
        """Open the WebSocket, if the answer is complete and agrees to one. None: there is none, or
        none any more."""
        if not self._handshake.complete or self._handshake.status != 101:
            if self._transfer.ended:
                self._finish()
            return None
        try:
            agreed = self._handshake.agreed()
        except handshake.HandshakeError as error:
            self._fail(str(error))
            return None
        self._websocket = websocket = WebSocket(agreed)
        self._write_queue.agreed(agreed)
        self._timer.cancel()
        for data in self._before_websocket:
            websocket.feed(data)
        self._before_websocket.clear()
        if self._receiver is not None:
            self._receiver.on_connected()
        return None if self._aborted else websocket

    def _take_controls(self, controls: list[Control]) -> None:
        pings = sum(control.opcode is Opcode.PING for control in controls)
        for control in controls:
            if control.opcode is Opcode.PING and (pings := pings - 1):
                continue  # the last of several is answered (RFC 6455, section 5.5.3)
            self._take_control(control)

    def _take_control(self, control: Control) -> None:
        if control.opcode is Opcode.PING:
            self._send(Opcode.PONG, control.payload, urgent=True)
        elif control.opcode is Opcode.CLOSE:
            receiver, self._receiver = self._receiver, None
            if self.closing:
                self.abort()
            else:
                # Answered with the same code (RFC 6455, section 5.5.1), whose meaning is theirs.
                self.closing = True
                self._send(Opcode.CLOSE, close_payload(control.code), urgent=True)
                self._timer = self._loop.call_later(CLOSE_TIMEOUT_S, self.abort)
            if receiver is not None:
                receiver.on_closed(control.code, failures.printable(control.reason))

    # -- how it ends -------------------------------------------------------------------------------

    def on_unreachable(self, cause: str, *, denied: bool) -> None:
        self._fail(cause, denied=denied)

    def on_transfer_ended(self, failure: BaseException | None) -> None:
        self._failure = self._failure or failure
        self._schedule()  # what had arrived before the end comes first

    def _on_handshake_timeout(self) -> None:
        self._fail(f"no answer within {HANDSHAKE_TIMEOUT_S:.0f} s")

    def _fail(self, cause: str, *, denied: bool = False) -> None:
        receiver = self._receiver
        self.abort()
        if receiver is not None:
            text, refused = self._transfer.explain(cause)
            receiver.on_connect_failed(text, denied=denied or refused)

    def _finish(self) -> None:
        """The transfer has ended, and all that it brought was parsed."""
        cause = failures.explain(self._failure)
        if self._websocket is not None:
            receiver = self._receiver
            self.abort()
            if receiver is not None:
                receiver.on_closed(None, cause)
        elif (status := self._handshake.status) is not None and status != 101:
            self._fail(f"the server answered {status} instead of 101", denied=400 <= status < 500)
        else:
            self._fail(cause, denied=failures.is_untrusted(self._failure))
