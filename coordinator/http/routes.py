"""What is answered at each path."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from cluster.decode_errors import worth_saying
from cluster.errors import ClusterError
from coordinator.http import answers, metrics
from coordinator.http.access import Access, Refusal
from coordinator.http.actions import MAX_BODY_BYTES, Actions, Begin
from coordinator.http.connections import Connections
from coordinator.http.files import page_files
from coordinator.http.history import History
from coordinator.http.readiness import not_ready
from coordinator.http.snapshots import Snapshot, Snapshots
from coordinator.http.stream import PictureStream

log = logging.getLogger(__name__)

FREE: Final = frozenset(("/healthz", "/readyz"))
"""Paths that everybody may read, since probes can't show a token: they tell nothing of the cluster
but whether it is up."""

PAGE: Final = "/page/"
PATHS: Final = "/, /healthz, /readyz, /status, /metrics, and POST /restart and /reshard"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Routes:
    """Answers requests on one cluster."""

    def __init__(
        self,
        snapshots: Snapshots,
        history: History,
        access: Access,
        begin: Begin,
        *,
        ready_shards: int,
        shard_metrics: int,
    ) -> None:
        """begin: begins an operation. ready_shards: so many make it ready; 0: all. shard_metrics:
        most shards that have metrics of their own."""
        self._snapshots = snapshots
        self._access = access
        self._ready_shards = ready_shards
        self._shard_metrics = shard_metrics
        self._stream = PictureStream(snapshots, history, may_change=access.may_change)
        self._actions = Actions(begin)
        self._files = page_files()
        self._wrong_tokens = 0
        self._rendered: tuple[Snapshot, dict[str, bytes]] | None = None
        """The last metrics: of which status, and the text by its content type."""

    def all(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/status", self.status),
            web.get("/metrics", self.metrics),
            web.get("/stream", self._stream.serve, allow_head=False),
            web.post("/restart", self._actions.restart),
            web.post("/reshard", self._actions.reshard),
            web.get(PAGE + "{name}", self.file),
            web.get("/", self.page),
        ]

    async def close(self, _: object = None) -> None:
        """End what goes on for as long as somebody reads."""
        self._stream.close()

    def refusal(self, request: web.Request) -> Refusal | None:
        """Return why a request is not answered; None: it is."""
        if isinstance(request.match_info.http_exception, web.HTTPMethodNotAllowed):
            return None  # it is told what the path takes
        refusal = self._refusal(request)
        shown = request.headers.get("Authorization")
        if shown and refusal is not None and refusal.status == 401:
            self._wrong_tokens += 1
            if worth_saying(self._wrong_tokens):
                times = f"{self._wrong_tokens} so far"
                log.warning("%s showed a token that is not ours (%s)", request.remote, times)
        return refusal

    def _refusal(self, request: web.Request) -> Refusal | None:
        if request.method not in ("GET", "HEAD"):
            return self._access.to_change(request.headers.get("Authorization", ""))
        if request.path in FREE:
            return None
        refusal = self._refusal_to_read(request)
        if refusal is not None and refusal.status == 401 and _is_page(request.path):
            return None
        return refusal

    def _refusal_to_read(self, request: web.Request) -> Refusal | None:
        headers = request.headers
        return self._access.to_read(headers.get("Host", ""), headers.get("Authorization", ""))

    def _not_well(self, request: web.Request, reason: str) -> web.Response:
        """Return a probe's 503, with the reason for who may read the rest."""
        return answers.plain(503, "not ready" if self._refusal_to_read(request) else reason)

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while the coordinator's loop answers."""
        try:
            await self._snapshots.get()
        except ClusterError as error:
            return self._not_well(request, str(error))
        return answers.plain(200, "ok")

    async def readyz(self, request: web.Request) -> web.Response:
        """200 when enough shards are ready, else 503; with the reason for who may read the rest."""
        try:
            snapshot = await self._snapshots.get()
        except ClusterError as error:
            return self._not_well(request, str(error))
        reason = not_ready(snapshot.status, self._ready_shards)
        if reason is None:
            return answers.plain(200, "ready")
        return self._not_well(request, reason)

    async def status(self, request: web.Request) -> web.Response:
        """What ``status --json`` has."""
        try:
            snapshot = await self._snapshots.get()
        except ClusterError as error:
            return answers.failed(503, error)
        return answers.data(snapshot.json, "application/json")

    async def metrics(self, request: web.Request) -> web.Response:
        """Prometheus's text form, or OpenMetrics."""
        try:
            snapshot = await self._snapshots.get()
        except ClusterError as error:
            return answers.failed(503, error)
        body, content_type = self._render(snapshot, request.headers.get("Accept", ""))
        return answers.data(body, content_type)

    async def page(self, request: web.Request) -> web.Response:
        """The page for people."""
        return answers.file(request, self._files["index.html"])

    async def file(self, request: web.Request) -> web.Response:
        """A style, script or picture of the page."""
        found = self._files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return answers.file(request, found)

    def _render(self, snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their type, made once for all who ask within a second."""
        form = metrics.content_type(accept)
        if self._rendered is None or self._rendered[0] is not snapshot:
            self._rendered = (snapshot, {})
        texts = self._rendered[1]
        if form not in texts:
            texts[form], _ = metrics.render(snapshot.status, accept, self._shard_metrics)
        return texts[form], form


def _is_page(path: str) -> bool:
    """Return whether it is one of the page's own files, which tell nothing of the cluster; the page
    itself asks for the token."""
    return path == "/" or path.startswith(PAGE)


def _challenge(request: web.Request) -> str:
    """Return how the token is to be shown. A browser asks people for what is Basic; the page asks
    for it itself, and shows it to `/stream` and with what changes the cluster."""
    by_page = request.path == "/stream" or request.method not in ("GET", "HEAD")
    return f'{"Bearer" if by_page else "Basic"} realm="dcgw-cluster"'


def make_app(routes: Routes, connections: Connections | None = None) -> web.Application:
    """Return the application: routes, and what stands before each."""
    seats = Connections(time.monotonic) if connections is None else connections

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        with seats.answering(request.protocol):
            refusal = routes.refusal(request)
            if refusal is not None:
                response = answers.failed(refusal.status, refusal.error)
                if refusal.status == 401:
                    response.headers["WWW-Authenticate"] = _challenge(request)
                return response
            try:
                return await handler(request)
            except web.HTTPException as error:
                return _not_served(request, error)

    app = web.Application(middlewares=[guarded], client_max_size=MAX_BODY_BYTES)
    app.add_routes(routes.all())
    app.on_shutdown.append(routes.close)
    return app


def _not_served(request: web.Request, error: web.HTTPException) -> web.Response:
    """Return the answer to a path that is none, or to a method that it does not have."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        cause = ClusterError(f"this path takes {allowed}")
        response = answers.failed(405, cause)
        response.headers["Allow"] = allowed
        return response
    return answers.failed(error.status, ClusterError("nothing is served here", f"there is {PATHS}"))
