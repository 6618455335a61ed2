"""Nonces of requests for members: who asked, and with which nonce of their own, in 32 bytes.

Discord puts a request's nonce into each chunk of its answer ("Gateway Events", "Request Guild
Members"). The proxy sends one of its own, so that every process of it, and one that was started
since, knows by the chunk alone whose it is. Pure.

A nonce is base85 of at most 25 bytes: how the client's nonce is written, and its length; 8 bytes by
which the session is known again; the client's nonce. That of discord.py (32 hexadecimal digits), of
discord.js, hikari and JDA (digits), and any of up to 15 bytes fits. Of a longer one the number is
written, under which somebody keeps it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from typing import Final, NamedTuple

_TAG: Final = 8
_ROOM: Final = 16
"""Bytes that are left for the client's nonce."""
_NONE, _TEXT, _HEX, _DECIMAL, _KEPT = range(5)
_PERSON: Final = b"proxy session"
_HEXADECIMAL: Final = re.compile("[0-9a-f]{32}")
_DIGITS: Final = re.compile("[1-9][0-9]{15,37}")
_MOST_TAGS: Final = 4096


class Nonce(NamedTuple):
    """What a nonce of the proxy says."""

    tag: bytes
    """By which the session is known (`tag_of`)."""
    own: str | None
    """The client's own nonce; None: it gave none, or `kept` says which."""
    kept: int | None
    """Under which number the client's nonce is kept; None: it is in `own`."""


@lru_cache(maxsize=_MOST_TAGS)
def tag_of(session_id: str) -> bytes:
    """Return the bytes by which a session is known again; two in 2^64 have the same."""
    return hashlib.blake2b(session_id.encode(), digest_size=_TAG, person=_PERSON).digest()


def write(session_id: str, own: str | None) -> str | None:
    """Return the nonce for a request of this session with this nonce of its own. None: that one is
    too long to be written out; keep it, and call `write_kept`."""
    written = _body(own)
    return None if written is None else _nonce(session_id, *written)


def write_kept(session_id: str, number: int) -> str:
    """Return the nonce for a request whose own nonce is kept under a number of 64 bits."""
    return _nonce(session_id, _KEPT, number.to_bytes(8))


def read(nonce: object) -> Nonce | None:
    """Return what a nonce says; None: it is none of the proxy's. One of another's passes for one of
    a given session's by chance only, one in 2^64."""
    if not isinstance(nonce, str) or len(nonce) > 32:
        return None
    try:
        head, *rest = base64.b85decode(nonce)
    except ValueError:  # no base85, or no byte at all
        return None
    kind, size = head >> 5, head & 31
    tag, body = bytes(rest[:_TAG]), bytes(rest[_TAG:])
    if len(tag) != _TAG or len(body) != size or kind > _KEPT:
        return None
    if kind == _KEPT:
        return Nonce(tag, None, int.from_bytes(body))
    try:
        return Nonce(tag, _own(kind, body), None)
    except UnicodeDecodeError:
        return None


def _body(own: str | None) -> tuple[int, bytes] | None:
    if own is None:
        return _NONE, b""
    if _HEXADECIMAL.fullmatch(own):
        return _HEX, bytes.fromhex(own)
    if _DIGITS.fullmatch(own) and (value := int(own)).bit_length() <= _ROOM * 8:
        return _DECIMAL, value.to_bytes(_ROOM)
    text = own.encode(errors="surrogatepass")
    return (_TEXT, text) if len(text) <= _ROOM else None


def _own(kind: int, body: bytes) -> str | None:
    if kind == _HEX:
        return body.hex()
    if kind == _DECIMAL:
        return str(int.from_bytes(body))
    return body.decode(errors="surrogatepass") if kind == _TEXT else None


def _nonce(session_id: str, kind: int, body: bytes) -> str:
    head = bytes((kind << 5 | len(body),))
    return base64.b85encode(head + tag_of(session_id) + body).decode()
