"""Who may ask what over HTTP.

On loopback reading is free for the users of this host; a browser that a strange page has led here
by a name of its own (DNS rebinding) is told by the Host header and refused. Beyond loopback all but
the probes, `/healthz` and `/readyz`, needs the token. What changes the cluster always needs it, as
`Authorization: Bearer`: that header no other site can make a browser send. Source: RFC 6750, RFC
7617, Fetch standard ("CORS-safelisted request-header").
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final, NamedTuple

from cluster.endpoints.tcp import is_loopback
from cluster.errors import KeyRefusedError


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    """403, 401 or 421 (RFC 9110)."""
    error: KeyRefusedError


_STRANGE_NAME: Final = Refusal(
    421,
    KeyRefusedError(
        "this was asked for by a name that is not this machine's own",
        "ask for 127.0.0.1 or localhost",
    ),
)
_NO_TOKEN: Final = Refusal(
    401,
    KeyRefusedError(
        "the token of http.token_file is needed",
        "send it as `Authorization: Bearer TOKEN`, or as the password in a browser",
    ),
)
_NO_BEARER: Final = Refusal(
    401,
    KeyRefusedError(
        "the token of http.token_file is needed to change something",
        "send it as `Authorization: Bearer TOKEN`",
    ),
)
_NOBODY_MAY: Final = Refusal(
    403,
    KeyRefusedError(
        "nothing can be changed over HTTP, since there is no token",
        "write one to a file (`openssl rand -hex 32`), name it in [http] token_file, and start "
        "again; or use `dcgw-cluster restart` and `reshard`",
    ),
)


class Access:
    """Decides on one request after the other; holds nothing of them."""

    def __init__(self, *, token: str, loopback: bool) -> None:
        """token: empty: there is none. loopback: it listens there alone."""
        self.token = token
        """What a client shows; it may be changed while requests come."""
        self._loopback = loopback

    @property
    def may_change(self) -> bool:
        """Whether anybody may change anything."""
        return bool(self.token)

    def to_read(self, host: str, authorization: str) -> Refusal | None:
        """Return why a request may not read; None: it may. host, authorization: its headers."""
        if self._loopback:
            if _is_loopback_name(host):
                return None
            return _STRANGE_NAME
        if self._is_bearer(authorization) or self._is_basic(authorization):
            return None
        return _NO_TOKEN

    def to_change(self, authorization: str) -> Refusal | None:
        """Return why a request may change nothing; None: it may."""
        if not self.token:
            return _NOBODY_MAY
        if self._is_bearer(authorization):
            return None
        return _NO_BEARER

    def _is_bearer(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        # What is no UTF-8 comes as lone surrogates.
        shown = given.strip().encode(errors="surrogateescape")
        return scheme.lower() == "bearer" and self._is_token(shown)

    def _is_basic(self, authorization: str) -> bool:
        """Whether it is the token as the password of any user, as browsers ask for it."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            pair = base64.b64decode(given.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return self._is_token(pair.partition(b":")[2])

    def _is_token(self, given: bytes) -> bool:
        return bool(self.token) and hmac.compare_digest(given, self.token.encode())


def _is_loopback_name(host: str) -> bool:
    """Return whether a Host header names this machine, with or without a port."""
    if host.startswith("["):
        return is_loopback(host[1:].partition("]")[0])
    return is_loopback(host.partition(":")[0])
