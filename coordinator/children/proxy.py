"""The gateway proxy as children of the coordinator: processes that share a port, each
started again when it ends.

The sockets that they listen on are the coordinator's: while a process is started again those who
connect wait, the port is nobody else's, and a start whose port is taken ends with one line.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.endpoints.listening import AUTO, PROXY
from cluster.errors import AlreadyRunningError
from cluster.proxy.credentials import KEY_BYTES, token_digest
from cluster.proxy.ground import local_url
from coordinator.children.process import LocalProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.start import log_settings, start_child
from coordinator.lifetime import together

TRIES: Final = 10
TRY_AGAIN_S: Final = 0.2


class ProxyProcess(RestartingProcess):
    """Keeps one process of the proxy running while `run` does."""

    def __init__(
        self,
        spec: CoordinatorSpec,
        number: int,
        listener: socket.socket,
        data: bytes,
        clock: Callable[[], float],
        stop_s: float,
    ) -> None:
        """listener: what it accepts clients on. data: its spec. clock: monotonic seconds. stop_s:
        how long it may take to stop before SIGKILL."""
        super().__init__(f"proxy {number}", self._start_one, clock=clock, stop_s=stop_s)
        self.log = spec.paths.log(f"proxy-{number}")
        self._listener = listener
        self._data = data

    async def _start_one(self) -> LocalProcess:
        descriptors = (self._listener.fileno(),)
        process, _ = await start_child(
            self.name, "cluster.proxy", self._data, self.log, descriptors
        )
        return process


class ProxyProcesses:
    """All processes of this host's proxy, and the port that they share."""

    def __init__(
        self,
        spec: CoordinatorSpec,
        token: str,
        on_ended: Callable[[str, str], None],
        clock: Callable[[], float],
        stop_s: float,
    ) -> None:
        """token: the bot's; of it a digest alone is given to the processes. on_ended: called with
        the name of one that ended, and why. clock: monotonic seconds. stop_s: how long each may
        take to stop before SIGKILL."""
        self.name = "proxy"
        self.url = ""
        """Where clients find it; empty: it does not listen yet."""
        self.children: list[ProxyProcess] = []
        self._spec = spec
        self._key = secrets.token_bytes(KEY_BYTES)
        self._digest = token_digest(self._key, token)
        self._on_ended = on_ended
        self._clock = clock
        self._stop_s = stop_s

    async def listen(
        self,
        parts: AsyncExitStack,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take the port, for as long as `parts` are open, and make the processes. ConfigError,
        AlreadyRunningError: it can't be had."""
        listeners = await self._listeners(sleep)
        proxy = self._spec.proxy
        for listener in listeners:
            parts.callback(listener.close)
        host, port = listeners[0].getsockname()[:2]
        self.url = local_url(host, port, tls=bool(proxy.certificate))
        self.children = [
            ProxyProcess(
                self._spec, number, listener, self._data(number, listener), self._clock,
                self._stop_s,
            )
            for number, listener in enumerate(listeners)
        ]  # fmt: skip
        for child in self.children:
            child.on_ended = partial(self._on_ended, child.name)

    async def _listeners(self, sleep: Callable[[float], Awaitable[None]]) -> list[socket.socket]:
        """Return what the processes listen on. Those of a coordinator that was killed a moment ago
        are about to end, and have the port until then."""
        listen = self._spec.proxy.listen
        address, or_next = PROXY.address(listen), listen == AUTO
        for left in reversed(range(TRIES)):
            try:
                return PROXY.listeners(
                    address.host, address.port, self._spec.proxy.processes, or_next=or_next
                )
            except AlreadyRunningError:
                if not left:
                    raise
                await sleep(TRY_AGAIN_S)
        raise AssertionError("the last try returns or raises")

    async def run(self) -> None:
        """Keep all running until cancelled; they are stopped then, all at a time."""
        async with together() as group:
            for child in self.children:
                group.create_task(child.run(), name=child.name)

    def set_log_level(self, level: str) -> None:
        """Let them log from this level on, and those that come after them."""
        for child in self.children:
            child.set_log_level(level)

    def renew(self) -> None:
        """Let the processes read their secrets and certificate again."""
        for child in self.children:
            if child.process is not None:
                child.process.signal(signal.SIGHUP)

    def troubles(self) -> Iterator[str]:
        """Yield a line for each process that was restarted, or does not run."""
        for child in self.children:
            if child.restarts:
                times = f"{child.restarts} time{'s' if child.restarts > 1 else ''}"
                yield f"{child.name} was restarted {times}: see {child.log}"

    def _data(self, number: int, listener: socket.socket) -> bytes:
        spec, paths, proxy = self._spec, self._spec.paths, self._spec.proxy
        return msgspec.json.encode(
            {
                "number": number,
                "listener": listener.fileno(),
                "state_dir": str(paths.proxy),
                "cache": str(paths.cache),
                "control": paths.control,
                "events": [paths.events_of(hub) for hub in range(spec.hubs)],
                "replay": paths.replay,
                "intents": spec.intents,
                "token_key": self._key.hex(),
                "token_digest": self._digest.hex(),
                "secrets_file": proxy.secrets_file,
                "certificate": proxy.certificate,
                "private_key": proxy.private_key,
                "keep_seconds": proxy.keep_seconds,
                "overlap": proxy.overlap,
                "url": proxy.url,
                "parent": os.getpid(),
                **log_settings(f"proxy-{number}", spec),
            }
        )
