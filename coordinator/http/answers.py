"""The forms of an answer: text, a file, data, and a failure as one JSON object."""

from __future__ import annotations

import io
from typing import Final

import msgspec
from aiohttp import web

from cluster.errors import ClusterError
from cluster.wire.control import Failure, failure_of
from coordinator.http.files import File

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


class FailureAnswer(msgspec.Struct, frozen=True):
    """The body of an answer that is a failure."""

    error: Failure


def plain(status: int, text: str) -> web.Response:
    """Return a line of text, as probes read it."""
    return web.Response(status=status, text=text + "\n", headers=HEADERS)


def failed(status: int, error: ClusterError) -> web.Response:
    """Return why a request was not done: {"error": {"kind", "cause", "action"}}."""
    body = msgspec.json.encode(FailureAnswer(failure_of(error))) + b"\n"
    return web.Response(status=status, body=body, content_type="application/json", headers=HEADERS)


def data(body: bytes, content_type: str, status: int = 200) -> web.Response:
    """Return bytes of which all readers have the same. They are sent in pieces of 64 KiB, the next
    one when the last has left: a reader that is slow keeps no copy of its own."""
    headers = {**HEADERS, "Content-Type": content_type}
    return web.Response(status=status, body=io.BytesIO(body), headers=headers)


def file(request: web.Request, found: File) -> web.Response:
    """Return a file, or that the one that a browser has is the newest."""
    # A browser asks each time whether it has the newest one, and no other cache keeps it.
    headers = {**HEADERS, "Cache-Control": "private, no-cache"}
    if any(tag.value == found.etag for tag in request.if_none_match or ()):
        response = web.Response(status=304, headers=headers)
    else:
        response = web.Response(
            body=found.content, content_type=found.content_type, charset="utf-8", headers=headers
        )
    response.etag = found.etag
    return response
