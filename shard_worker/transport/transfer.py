"""libcurl's handle of one connection: the look-up of its way, its options, and whether it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from curl_cffi import Curl, CurlOpt

from cluster.discord.browser import Browser
from cluster.discord.proxy import Proxy
from cluster.errors import ConfigError
from shard_worker.transport import curl_options
from shard_worker.transport.multi import Multi
from shard_worker.transport.route import Route

NOTHING_NOW: Final = 0x10000001  # CURL_READFUNC_PAUSE
"""What ``on_wanted`` returns where nothing is to be sent."""
_PAUSE_RECV: Final = 1  # CURLPAUSE_RECV


class TransferUser(Protocol):
    """Who a transfer is for. The first three are called from within libcurl, and may only touch
    queues; a size that is not that of what came ends the transfer."""

    def on_wanted(self, size: int) -> bytes | int:
        """Return at most this many bytes to send, or NOTHING_NOW."""

    def on_data(self, data: bytes) -> int:
        """Take what arrived after the answer's head, and return its size."""

    def on_header(self, line: bytes) -> int:
        """Take a line of the answer's head, and return its size."""

    def on_unreachable(self, cause: str, *, denied: bool) -> None:
        """There is no way to the server, and no transfer. denied: until a person mends it."""

    def on_transfer_ended(self, failure: BaseException | None) -> None:
        """The transfer has ended; what it brought before may not be parsed yet."""


class Transfer:
    """One transfer of libcurl's, in both directions. Nothing of it may be called from within one
    of libcurl's callbacks but ``pause``."""

    def __init__(self, multi: Multi, user: TransferUser) -> None:
        self.paused = False
        """libcurl reads nothing from the socket."""
        self._multi = multi
        self._user = user
        self._curl = Curl()
        self._proxy: Proxy | None = None
        """What the transfer goes through; None: nothing, or it is not known yet."""
        self._lookup: asyncio.Task[list[tuple[CurlOpt, object]]]
        self._aborted = False
        self._end: asyncio.Future[None] | None = None
        """Done when libcurl has no more to do; None: it has not begun."""

    def begin(
        self, url: str, key: bytes, *, ca_file: str, browser: Browser, env: Mapping[str, str]
    ) -> None:
        """Look the way up, then ask for a WebSocket with this key. env: the environment, which may
        name a proxy. Raises CurlError where libcurl refuses an option."""
        curl_options.set_up(self._curl, url, key, ca_file=ca_file, browser=browser)
        callbacks: tuple[tuple[CurlOpt, object], ...] = (
            (CurlOpt.READFUNCTION, self._user.on_wanted),
            (CurlOpt.WRITEFUNCTION, self._user.on_data),
            (CurlOpt.HEADERFUNCTION, self._user.on_header),
        )
        for option, callback in callbacks:
            curl_options.setopt(self._curl, option, callback)
        self._lookup = asyncio.get_running_loop().create_task(self._look_up(url, env))
        self._lookup.add_done_callback(self._on_looked_up)

    @property
    def ended(self) -> bool:
        """Whether the transfer ended, by whichever side."""
        return self._end is not None and self._end.done()

    def pause(self) -> None:
        """Read nothing more from the socket."""
        self.paused = True
        self._curl.pause(_PAUSE_RECV)

    def read_on(self) -> None:
        """Read from the socket again."""
        self.paused = False
        self._curl.pause(0)

    def send(self) -> None:
        """Let libcurl ask for what is to be sent: there is something again."""
        self._curl.pause(_PAUSE_RECV if self.paused else 0)

    def abort(self) -> None:
        """End the transfer, or the look-up before it, and let libcurl's handle go."""
        self._aborted = True
        self._lookup.cancel()
        if self._end is not None and not self.ended:
            self._multi.remove_handle(self._curl)
        self._curl.close()

    def explain(self, cause: str) -> tuple[str, bool]:
        """Return the cause of a failure in words that name the proxy, if there is one, and whether
        it was that which refused."""
        if self._proxy is None:
            return cause, False
        return self._proxy.explain(cause), self._proxy.refusal(cause) is not None

    async def _look_up(self, url: str, env: Mapping[str, str]) -> list[tuple[CurlOpt, object]]:
        """Return the options for the way there. Raises ConfigError and LookupFailedError."""
        route = Route.to(url, env)
        self._proxy = route.proxy
        return await route.options()

    def _on_looked_up(self, lookup: asyncio.Task[list[tuple[CurlOpt, object]]]) -> None:
        """Begin the transfer, at the addresses that were found."""
        error = None if lookup.cancelled() else lookup.exception()
        if self._aborted or lookup.cancelled():
            return
        if error is not None:
            self._user.on_unreachable(str(error), denied=isinstance(error, ConfigError))
            return
        for option, value in lookup.result():
            curl_options.setopt(self._curl, option, value)
        self._end = end = self._multi.add_handle(self._curl)
        end.add_done_callback(self._on_end)

    def _on_end(self, end: asyncio.Future[None]) -> None:
        self._user.on_transfer_ended(None if end.cancelled() else end.exception())
