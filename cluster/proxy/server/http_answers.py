"""What the proxy answers to requests that are no WebSocket's: where the gateway is (pure).

Source: Discord's documentation, "Gateway", "Get Gateway" and "Get Gateway Bot".
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

LIMIT: Final = 1_000_000
DAY_MS: Final = 86_400_000
MOST_AT_ONCE: Final = 1024
"""max_concurrency: IDENTIFYs of clients cost the bot nothing, and libraries start so many shards at
a time."""
_PATH: Final = re.compile(r"(?:/api)?(?:/v\d{1,4})?/gateway(?P<bot>/bot)?/?")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
HINT: Final = (
    "this is a gateway proxy, which has /gateway and /gateway/bot alone: leave the library's REST "
    "address as it is, https://discord.com/api, and set its gateway's"
)


class HttpAnswer(NamedTuple):
    """The answer to a request."""

    status: int
    body: bytes
    """JSON."""


def gateway_url(host: str, *, tls: bool) -> str:
    """Return the gateway's address at a host of the form that `Host` has; empty: it has another."""
    if not _HOST.fullmatch(host):
        return ""
    return f"{'wss' if tls else 'ws'}://{host}"


def answer(path: str, url: str, shard_count: int, *, is_authorized: bool) -> HttpAnswer:
    """Answer GET. path: with or without a query. is_authorized: whether the request shows what an
    IDENTIFY would have to."""
    asked = _PATH.fullmatch(path.partition("?")[0])
    if asked is None:
        return refusal(404, f"404: Not Found ({HINT})")
    if not asked["bot"]:
        return _answer(200, {"url": url})
    if not is_authorized:
        return refusal(401, "401: Unauthorized")
    limit = {
        "total": LIMIT, "remaining": LIMIT, "reset_after": DAY_MS, "max_concurrency": MOST_AT_ONCE,
    }  # fmt: skip
    return _answer(200, {"url": url, "shards": shard_count, "session_start_limit": limit})


def refusal(status: int, message: str) -> HttpAnswer:
    """Return an error as Discord's API has it."""
    return _answer(status, {"message": message, "code": 0})


def _answer(status: int, body: Any) -> HttpAnswer:
    return HttpAnswer(status, json.dumps(body).encode())
