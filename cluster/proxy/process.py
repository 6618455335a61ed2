"""One process of the gateway proxy, with all its parts.

    server      clients' WebSockets
    sessions    who gets which events: reads one Subscriber, and the cache for those that begin
    view        what a session sees of them
    requests    what clients ask of Discord, through the ControlClient
    reporting   what `status` shows of it

It is started with a ProxySpec (cluster.child_process), by its cluster's coordinator or, on another
host, by `dcgw-cluster proxy`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.cache import Cache, CacheError
from cluster.cache.kinds import Keep
from cluster.child_process import Child
from cluster.config.cache import brought
from cluster.control import ControlClient
from cluster.discord.event_names import event_names
from cluster.endpoints.folders import make_private
from cluster.errors import ClusterError, KeyRefusedError
from cluster.proxy.ground import Ground
from cluster.proxy.interfaces import Snapshots
from cluster.proxy.mirror import Mirror
from cluster.proxy.reporting import Reporting
from cluster.proxy.requests import Requests
from cluster.proxy.server.identifying import ClusterFacts
from cluster.proxy.server.server import ProxyServer
from cluster.proxy.sessions import ProxySessions, SessionStore
from cluster.proxy.sessions.intake import Subscribe
from cluster.proxy.sessions.states import State
from cluster.proxy.spec import ProxySpec
from cluster.proxy.view.views import Views
from cluster.subscriber import Subscriber
from cluster.subscriber.subscriber import MAX_BYTES
from cluster.wire.proxies import ProxyReport

log = logging.getLogger(__name__)

COPY_BYTES: Final = 1 << 30
"""The most bytes on disk of a copy of the cache."""
AGAIN_S: Final = 0.5
STORE_TRIES: Final = 20
"""How often it is tried to open the sessions' store."""
REST_S: Final = 0.5
"""How long clients have at the end to say how far they have got."""
LOOK_S: Final = 0.1
"""Seconds between two looks whether this process has to end, or the cache is there."""


async def serve_proxy(spec: ProxySpec, child: Child) -> None:
    """Serve until the child is ending. ClusterError: it can't listen, its files can't be used, or a
    part of it has failed."""
    make_private(spec.folder)
    with Ground.take(spec) as ground:
        child.ready(listens=ground.url)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, ground.renew)
        facts = ClusterFacts(spec.shard_count, spec.intents)
        async with ControlClient(spec.control, keys=spec.keys) as control:
            reporting = Reporting(control.connection, facts, spec.number, ground.url)
            async with beside(reporting.run(), "reports"):
                if spec.cache:
                    await _with_cache(ground, control, reporting, child)
                else:
                    await _with_mirror(ground, control, reporting, child)
                await reporting.report(leaving=True)


async def _with_cache(
    ground: Ground, control: ControlClient, reporting: Reporting, child: Child
) -> None:
    """Serve once the cluster's cache on this host can be read."""
    cache = await _opened(Path(ground.spec.cache), reporting, child)
    if cache is not None:
        with cache:
            store = await _store(ground.spec.folder)
            await Parts(ground, control, cache, reporting, store).serve(child)


async def _with_mirror(
    ground: Ground, control: ControlClient, reporting: Reporting, child: Child
) -> None:
    """Serve once a copy of the cluster's cache is there."""
    mirror = await _mirrored(ground.spec, control, reporting, child)
    if mirror is None:
        return
    with mirror:
        subscribe = _subscribes(ground.spec, "mirror")
        async with beside(mirror.run(subscribe), "copy of the cache"):
            store = await _store(ground.spec.folder)
            await Parts(ground, control, mirror, reporting, store).serve(child)


class Parts:
    """The parts of a process, once there is a cache to begin sessions with."""

    def __init__(
        self,
        ground: Ground,
        control: ControlClient,
        cache: Snapshots,
        reporting: Reporting,
        store: SessionStore,
    ) -> None:
        spec = ground.spec
        self._ground = ground
        self._reporting = reporting
        self._requests = Requests(
            control, spec.folder, shard_count=lambda: reporting.facts.shard_count,
            process=spec.number,
        )  # fmt: skip
        self._sessions = ProxySessions(
            _subscribes(spec), cache, Views(),
            self._requests.asked, store, keep_seconds=spec.keep_seconds,
            overlap=spec.overlap, ready=self._requests.shard_ready,
        )  # fmt: skip
        self._server = ProxyServer(
            self._sessions, self._requests, ground.credentials,
            cluster=lambda: reporting.facts, url=spec.url, tls=ground.tls,
        )  # fmt: skip
        reporting.fill_in = self._fill_in

    async def serve(self, child: Child) -> None:
        """Serve until the child is ending; then ask clients to connect anew, and keep what their
        sessions go on from. ClusterError: a part has failed."""
        async with (
            contextlib.AsyncExitStack() as stack,
            beside(self._requests.run(), "requests") as requests,
            beside(self._sessions.run(), "sessions") as sessions,
        ):
            stack.callback(self._requests.close)
            await self._server.start(self._ground.listener)
            log.info("proxy %d: clients connect to %s", self._ground.spec.number, self._ground.url)
            # Signals and the parent's end are no events of this loop.
            while not (child.is_ending() or requests.done() or sessions.done()):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
            await self._sessions.rest(REST_S)
            await self._server.close()

    def _fill_in(self, report: ProxyReport) -> ProxyReport:
        """Return the report with what the parts have counted."""
        server, sessions, asked = self._server.counts(), self._sessions, self._requests.counts()
        by_state, had = sessions.count_by_state(), sessions.counts
        away = by_state[State.DETACHED]
        return msgspec.structs.replace(
            report,
            connections=server.connections,
            clients=sum(by_state.values()) - away - by_state[State.ENDED],
            detached=away,
            catching_up=by_state[State.CATCHING_UP],
            events=server.dispatched,
            lost=server.lost,
            gaps=had.gaps,
            refused=server.turned_away + sum(server.closes.values()),
            asked=asked.sent,
            waiting=asked.waiting,
            unsent=asked.given_up,
        )


async def _store(folder: Path) -> SessionStore:
    """Return this process's end of the sessions that those of the host share. ClusterError: it
    can't be had."""
    for left in reversed(range(STORE_TRIES)):
        try:
            return SessionStore(folder)
        except (OSError, sqlite3.Error) as error:
            # While another process recovers what a killed one has left, SQLite does not wait.
            if left and isinstance(error, sqlite3.OperationalError):
                await asyncio.sleep(AGAIN_S)
                continue
            raise ClusterError(
                f"the sessions of bots in {folder} can't be used ({error})", "check that folder"
            ) from error
    raise AssertionError("the last try returns or raises")


def _subscribes(spec: ProxySpec, what: str = "proxy") -> Subscribe:
    """Return what makes a reader of the cluster's events from a start on. what: its name in
    `status`, before the number."""

    def subscriber(
        start: str | dict[str, Any], *, events: Sequence[str] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Subscriber:  # fmt: skip
        names = None if events is None else event_names(*events)
        return Subscriber(
            spec.events, names, start=start, replay=spec.replay, control=spec.control,
            name=f"{what} {spec.number}", keys=spec.keys, max_bytes=max_bytes,
        )  # fmt: skip

    return subscriber


async def _opened(folder: Path, reporting: Reporting, child: Child) -> Cache | None:
    """Return the cache once it is there and knows the bot, and the coordinator has said how many
    shards there are, and with which intents; None: the process has to end before. Who connects
    meanwhile waits."""
    cache = None
    while not child.is_ending():
        try:
            cache = cache or Cache(folder)
            if cache.bot() is None:
                reporting.trouble = "no shard of the cluster has been ready yet"
            elif not reporting.is_told:
                reporting.trouble = "the coordinator does not answer"
            else:
                reporting.trouble = ""
                return cache
        except CacheError as error:
            reporting.trouble = str(error)
        await asyncio.sleep(LOOK_S)
    if cache is not None:
        cache.close()
    return None


async def _mirrored(
    spec: ProxySpec, control: ControlClient, reporting: Reporting, child: Child
) -> Mirror | None:
    """Return a copy of the cluster's cache once it can be had; None: the process has to end
    before."""
    while not child.is_ending():
        try:
            if reporting.is_told:
                keep = frozenset(map(Keep, brought(reporting.facts.intents)))
                mirror = await Mirror.of(spec.folder / "cache", control.cache, keep, COPY_BYTES)
                reporting.trouble = ""
                return mirror
            reporting.trouble = "the coordinator does not answer"
        except KeyRefusedError:
            raise
        except ClusterError as error:
            if str(error) != reporting.trouble:
                log.warning("nobody is let in yet: %s", error)
            reporting.trouble = str(error)
        await asyncio.sleep(AGAIN_S)
    return None


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[asyncio.Task[None]]:
    """Run work beside a block, until that is left. ClusterError: it ended before, by this."""
    task = asyncio.create_task(work, name=name)
    try:
        yield task
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            log.error("the %s failed", name, exc_info=error)
            raise ClusterError(f"the {name} failed ({type(error).__name__}: {error})") from error
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
