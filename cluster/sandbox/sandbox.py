"""Sandbox: the parts wired together, their lifetimes, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import ssl
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from cluster.errors import ClusterError
from cluster.sandbox.faults.faults import FaultError
from cluster.sandbox.faults.schedule import Schedule
from cluster.sandbox.gateway.server import ON_RESUME_HOST, GatewayServer
from cluster.sandbox.http.certificates import Certificates
from cluster.sandbox.http.control_server import SandboxControlServer
from cluster.sandbox.http.listeners import Listener
from cluster.sandbox.http.rest import Rest
from cluster.sandbox.ledger import Ledger
from cluster.sandbox.options import SandboxInfo, SandboxOptions, check
from cluster.sandbox.state import State
from cluster.sandbox.world import World

log = logging.getLogger(__name__)

_SWEEP_S = 0.25
_OTHER = {"127.0.0.1": "::1", "::1": "127.0.0.1"}
"""`localhost` may be either."""


class Sandbox:
    """A loopback Discord on this event loop; an asynchronous context manager.

    ValueError: an option that can't be, by its name. OSError: a port that was asked for is in use.
    """

    info: SandboxInfo

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        check(self.options)
        self._stack = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def world(self) -> World:
        return self.state.world

    @property
    def ledger(self) -> Ledger:
        return self.state.ledger

    async def __aenter__(self) -> Self:
        if hasattr(self, "state"):
            raise ClusterError("the Sandbox was entered before", "make another one")
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        options = self.options
        certificates = Certificates(options.ca_file)
        self._stack.callback(certificates.close)
        state = self.state = State(options, World(options, now=time.time))
        self._gateway = GatewayServer(state)
        main = await self._listen_as_discord(certificates.server_context)
        token = options.control_token or secrets.token_urlsafe(24)
        control_app = SandboxControlServer(state, token).app()
        control = await self._listen(Listener(control_app, options.host, options.control_port))
        # Connections are cut before the listeners wait for their handlers: pushed last, run first.
        self._stack.callback(self._hang_up)
        self._start_faults()
        self._run(state.ticker.run())
        self._run(self._sweep())
        self._stack.push_async_callback(self._end_tasks)
        self.info = SandboxInfo(
            pid=os.getpid(),
            api_url=f"https://localhost:{main.port}/api",
            gateway_url=state.gateway_url,
            resume_url=state.resume_url,
            ca_file=str(certificates.ca_file),
            token=state.token,
            user_token=state.user_token,
            control_url=f"http://{self._address}:{control.port}",
            control_token=token,
        )

    @property
    def _address(self) -> str:
        """The host as it stands in a URL."""
        host = self.options.host
        return f"[{host}]" if ":" in host else host

    async def _listen_as_discord(self, tls: ssl.SSLContext) -> Listener:
        """Serve REST and the gateway on the main host, whose listener this returns, and the gateway
        on the resume host."""
        options, state = self.options, self.state
        rest = Rest(state)
        app = web.Application(middlewares=[rest.middleware])
        app.add_routes([*rest.routes(), *self._gateway_routes()])
        main = await self._listen(
            Listener(app, options.host, options.port, tls=tls, also=(_OTHER[options.host],))
        )
        resume_app = web.Application()
        resume_app[ON_RESUME_HOST] = True
        resume_app.add_routes(self._gateway_routes())
        resume = await self._listen(
            Listener(resume_app, options.host, options.resume_port, tls=tls)
        )
        state.gateway_url = f"wss://localhost:{main.port}"
        state.resume_url = f"wss://{self._address}:{resume.port}"
        listeners = {"main": main, "resume": resume}
        state.faults.refuse = lambda which, seconds: listeners[which].refuse(seconds)
        return main

    def _start_faults(self) -> None:
        """Set the faults of the options, and begin the schedule of random ones."""
        faults, failures = self.state.faults, self.state.failures
        try:
            faults.apply_at_start(self.options.faults)
        except FaultError as error:
            raise FaultError(f"faults: {error}") from None
        if self.options.fault_seed is not None:
            schedule = Schedule(self.options.fault_seed)
            faults.schedule = self._run(
                schedule.run(lambda spec: failures.guard("faults", lambda: faults.apply(spec)))
            )

    def _gateway_routes(self) -> list[web.RouteDef]:
        return [web.get(path, self._gateway.handle) for path in ("/", "/gateway", "/gateway/")]

    async def _listen(self, listener: Listener) -> Listener:
        await listener.start()
        self._stack.push_async_callback(listener.stop)
        return listener

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(_report)
        self._tasks.append(task)
        return task

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.state.failures.guard("deadlines", self._gateway.check_deadlines)
            self.state.failures.guard("expiry", self.state.dispatcher.expire)

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _hang_up(self) -> None:
        for peer in list(self.state.peers.values()):
            peer.connection.abort()


def _report(task: asyncio.Task[None]) -> None:
    """Log a part that died: that is a bug."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a part of the sandbox died", exc_info=error)
