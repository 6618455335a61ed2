"""libcurl's multi handle on the event loop: who is asked what, and when what it brought is taken.

curl_cffi's own asks for finished transfers whenever a socket was ready; here they are asked for
where libcurl says that fewer run than there were. Its callbacks only note who has something to do
(``soon``); that is done when libcurl has returned, in the same callback of the loop, so nobody is
ever called from within libcurl, and no event waits for another turn of the loop. A lone event takes
5 system calls from the wait for it to its receiver: two waits, and libcurl's three reads.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import Final

from curl_cffi import CurlError, ffi, lib
from curl_cffi.aio import AsyncCurl

from shard_worker.transport.sockets import WRITABLE, Ready, Sockets

EPOLL: Final = sys.platform == "linux"
"""Whether the system has an epoll; without one the loop itself watches libcurl's sockets."""
SAFEGUARD_S: Final = 1.0
"""Seconds after which libcurl is asked in any case, should a call to its timer have been missed."""
_TIMEOUT: Final = -1  # CURL_SOCKET_TIMEOUT
_IN: Final = 1  # CURL_CSELECT_IN
_OUT: Final = 2  # CURL_CSELECT_OUT


class Multi(AsyncCurl):
    """All transfers of one transport. Made and closed on the running event loop."""

    def __init__(self, latency_ms: int = 0) -> None:
        """latency_ms: see Sockets; without an epoll nothing rests."""
        self.received_bytes = 0
        """Bytes that all transfers have brought, as TLS gave them; counted by who takes them."""
        self._loop = asyncio.get_running_loop()
        self._within = False
        """libcurl is at work: what it calls may only note what is to be done."""
        self._due: deque[Callable[[], None]] = deque()
        self._running = ffi.new("int *")
        self._sockets = Sockets(self._loop, self._on_ready, latency_ms) if EPOLL else None
        super().__init__(loop=self._sockets or self._loop)

    def soon(self, callback: Callable[[], None]) -> None:
        """Call back when libcurl has returned; outside of it, in the loop's next turn."""
        if self._within:
            self._due.append(callback)
        else:
            self._loop.call_soon(callback)

    @property
    def waited_s(self) -> float:
        """Most seconds that what is being done now may have waited in its socket."""
        return 0.0 if self._sockets is None else self._sockets.waited_s

    def keep_awake(self, who: object) -> None:
        """Let the sockets not rest until ``let_rest`` says so for all who have asked for this."""
        if self._sockets is not None:
            self._sockets.keep_awake(who)

    def let_rest(self, who: object) -> None:
        """Ask for that no more."""
        if self._sockets is not None:
            self._sockets.let_rest(who)

    def expect_answer(self) -> None:
        """Let the sockets not rest while the answer to a command may come."""
        if self._sockets is not None:
            self._sockets.expect_answer()

    def socket_action(self, sockfd: int, ev_bitmask: int) -> int:
        """Let libcurl read and write. Return how many transfers run. Raises CurlError."""
        self._within = True
        try:
            code = lib.curl_multi_socket_action(self._curlm, sockfd, ev_bitmask, self._running)
        finally:
            self._within = False
        if code:
            cause = ffi.string(lib.curl_multi_strerror(code)).decode()
            raise CurlError(f"libcurl's multi handle fails: {cause}", code)
        return int(self._running[0])

    def process_data(self, sockfd: int, ev_bitmask: int) -> None:
        """Let libcurl do what a socket or its timer asks for, then do what that brought."""
        if not self._curlm:
            return  # closed, and this was under way
        try:
            self._act(sockfd, ev_bitmask)
        finally:
            self._do_due()

    def _on_ready(self, ready: Ready) -> None:
        """Let libcurl read and write what is ready, then do what all of that brought."""
        try:
            for fd, events in ready:
                readable = _IN if events & ~WRITABLE else 0  # or has ended, which reading tells
                self._act(fd, readable | (_OUT if events & WRITABLE else 0))
        finally:
            self._do_due()

    def _act(self, sockfd: int, ev_bitmask: int) -> None:
        if self.socket_action(sockfd, ev_bitmask) != len(self._curl2future):
            super().process_data(_TIMEOUT, 0)  # asks which have finished

    def _do_due(self) -> None:
        due = self._due
        try:
            while due:
                due.popleft()()
        finally:
            if due:  # one has failed: it is told to the loop, and the others must not wait for ever
                self._loop.call_soon(self._do_due)

    async def close(self) -> None:
        """End what is left and let libcurl go."""
        try:
            await super().close()  # type: ignore[no-untyped-call]  # curl_cffi leaves it bare
        finally:
            if self._sockets is not None:
                self._sockets.close()

    async def _force_timeout(self) -> None:
        """Ask libcurl now and then, ten times as rarely as curl_cffi does. What that brings is no
        task's: its errors go where those of all callbacks go."""
        while self._curlm:
            self._loop.call_soon(self.process_data, _TIMEOUT, 0)
            await asyncio.sleep(SAFEGUARD_S)
