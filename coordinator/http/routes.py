"""What is answered at each path."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from cluster.errors import ClusterError
from coordinator.http import metrics
from coordinator.http.access import Access, Refusal
from coordinator.http.files import File, page_files
from coordinator.http.readiness import not_ready
from coordinator.http.snapshots import Snapshot, Snapshots
from coordinator.http.stream import PictureStream

log = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 16 * 1024
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "dcgw-cluster",
}
"""Headers of every answer (OWASP's HTTP headers): nothing is loaded from elsewhere, nobody frames
the page, and no proxy keeps what it says."""
FREE: Final = frozenset(("/healthz", "/readyz"))
"""Paths that everybody may read, since probes can't show a token: they tell nothing of the cluster
but whether it is up."""

PAGE: Final = "/page/"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Routes:
    """Answers requests on one cluster."""

    def __init__(
        self, snapshots: Snapshots, access: Access, *, ready_shards: int, shard_metrics: int
    ) -> None:
        """ready_shards: so many make it ready; 0: all. shard_metrics: most shards that have metrics
        of their own."""
        self._snapshots = snapshots
        self._access = access
        self._ready_shards = ready_shards
        self._shard_metrics = shard_metrics
        self._stream = PictureStream(snapshots, may_change=access.may_change)
        self._files = page_files()
        self._rendered: tuple[Snapshot, str, tuple[bytes, str]] | None = None
        """The last metrics: of which status, in which form, and they."""

    def all(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/status", self.status),
            web.get("/metrics", self.metrics),
            web.get("/stream", self._stream.serve),
            web.get(PAGE + "{name}", self.file),
            web.get("/", self.page),
        ]

    def refusal(self, request: web.Request) -> Refusal | None:
        """Return why a request is not answered; None: it is."""
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
        return _text(503, "not ready" if self._refusal_to_read(request) else reason)

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while the coordinator's loop answers."""
        try:
            await self._snapshots.get()
        except ClusterError as error:
            return self._not_well(request, str(error))
        return _text(200, "ok")

    async def readyz(self, request: web.Request) -> web.Response:
        """200 when enough shards are ready, else 503; with the reason for who may read the rest."""
        try:
            snapshot = await self._snapshots.get()
        except ClusterError as error:
            return self._not_well(request, str(error))
        reason = not_ready(snapshot.status, self._ready_shards)
        if reason is None:
            return _text(200, "ready")
        return self._not_well(request, reason)

    async def status(self, request: web.Request) -> web.Response:
        """What ``status --json`` has."""
        try:
            snapshot = await self._snapshots.get()
        except ClusterError as error:
            return _text(503, str(error))
        return web.Response(body=snapshot.json, content_type="application/json")

    async def metrics(self, request: web.Request) -> web.Response:
        """Prometheus's text form, or OpenMetrics."""
        try:
            snapshot = await self._snapshots.get()
        except ClusterError as error:
            return _text(503, str(error))
        body, content_type = self._render(snapshot, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def page(self, request: web.Request) -> web.Response:
        """The page for people."""
        return _file(request, self._files["index.html"])

    async def file(self, request: web.Request) -> web.Response:
        """A style, script or picture of the page."""
        found = self._files.get(request.match_info["name"])
        return _text(404, "there is no such file") if found is None else _file(request, found)

    def _render(self, snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their type, made once for all who ask within a second."""
        last = self._rendered
        if last is None or last[0] is not snapshot or last[1] != accept:
            text = metrics.render(snapshot.status, accept, self._shard_metrics)
            last = self._rendered = (snapshot, accept, text)
        return last[2]


def _is_page(path: str) -> bool:
    """Return whether it is one of the page's own files, which tell nothing of the cluster; the page
    itself asks for the token."""
    return path == "/" or path.startswith(PAGE)


def _challenge(request: web.Request) -> str:
    """Return how the token is to be shown. A browser asks people for what is Basic; the page asks
    for it itself, and shows it to `/stream` and with what changes the cluster."""
    by_page = request.path == "/stream" or request.method not in ("GET", "HEAD")
    return f'{"Bearer" if by_page else "Basic"} realm="dcgw-cluster"'


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n")


def _file(request: web.Request, file: File) -> web.Response:
    response = web.Response(body=file.content, content_type=file.content_type, charset="utf-8")
    response.etag = file.etag
    if any(tag.value == file.etag for tag in request.if_none_match or ()):
        response = web.Response(status=304)
        response.etag = file.etag
    # A browser asks each time whether it has the newest one, and no other cache keeps it.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def make_app(routes: Routes) -> web.Application:
    """Return the application: routes, and what stands before each."""

    def prepare(response: web.StreamResponse) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        request["prepare"] = prepare  # for an answer that is prepared before it comes here
        refusal = routes.refusal(request)
        if refusal is not None:
            response: web.StreamResponse = _text(refusal.status, refusal.reason)
            if refusal.status == 401:
                response.headers["WWW-Authenticate"] = _challenge(request)
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = _text(error.status, error.reason)
                response.headers.update(
                    {name: value for name, value in error.headers.items() if name == "Allow"}
                )
        if not response.prepared:
            prepare(response)
        return response

    app = web.Application(middlewares=[guarded], client_max_size=MAX_BODY_BYTES)
    app.add_routes(routes.all())
    return app
