"""Reads what an HTTP/2 client sends up to its first request, and makes its "Akamai" string.

Pure: the bytes inside TLS in, `Opening` out. Sources: RFC 9113, sections 3.4, 4.1 and 6; the
string: "Passive Fingerprinting of HTTP/2 Clients", Akamai, 2017.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

import msgspec
from hpack import Decoder, HPACKError

from cluster.doctor.fingerprint.client_hello import FingerprintError

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_OPENING: Final = 256 * 1024
"""Most bytes up to the end of the first request's headers."""
MAX_FRAME: Final = 16 * 1024
"""Most bytes of a frame: a server that says nothing else allows no larger ones."""
_HEADERS, _PRIORITY, _SETTINGS, _WINDOW_UPDATE, _CONTINUATION = 1, 2, 4, 8, 9
_ACK, _END_HEADERS, _PADDED, _WITH_PRIORITY = 0x1, 0x4, 0x8, 0x20


class Priority(NamedTuple):
    """The priority in a PRIORITY frame or in HEADERS (section 6.3). weight: 1 to 256."""

    stream: int
    exclusive: bool
    depends_on: int
    weight: int


class Opening(msgspec.Struct, kw_only=True):
    """What a client sends up to and with its first request."""

    settings: list[tuple[int, int]] = []
    """(identifier, value) of the first SETTINGS frame, in the order sent."""
    window_update: int = 0
    """By how much the connection's window is made larger; 0: by nothing."""
    priorities: list[Priority] = []
    """The PRIORITY frames before the request."""
    priority: Priority | None = None
    """What the request's HEADERS frame says of itself."""
    headers: list[tuple[str, str]] = []
    """(name, value) of the request, pseudo-headers first, as they came."""

    @property
    def akamai(self) -> str:
        """The Akamai string, as "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"."""
        settings = ";".join(f"{key}:{value}" for key, value in self.settings)
        update = str(self.window_update or "00")
        priorities = ",".join(
            f"{p.stream}:{int(p.exclusive)}:{p.depends_on}:{p.weight}" for p in self.priorities
        )
        order = ",".join(name[1] for name, _ in self.headers if name.startswith(":"))
        return f"{settings}|{update}|{priorities or '0'}|{order}"

    @property
    def akamai_hash(self) -> str:
        """The MD5 of the Akamai string in hex, as it is published."""
        return hashlib.md5(self.akamai.encode(), usedforsecurity=False).hexdigest()


def read_opening(data: bytes) -> Opening | None:
    """Return what a client sent up to its first request; None: its headers have not all come yet.

    data: all that came inside TLS so far. Raises FingerprintError if it is no HTTP/2.
    """
    if not PREFACE.startswith(data[: len(PREFACE)]):
        raise FingerprintError("no HTTP/2: it does not begin with its preface")
    if len(data) > MAX_OPENING:
        raise FingerprintError(f"no request within {MAX_OPENING} bytes")
    opening, block, start, seen_settings = Opening(), b"", len(PREFACE), False
    while start + 9 <= len(data):
        size = int.from_bytes(data[start : start + 3], "big")
        kind, flags = data[start + 3 : start + 5]
        stream = int.from_bytes(data[start + 5 : start + 9], "big") & 0x7FFF_FFFF
        if size > MAX_FRAME:
            raise FingerprintError(f"an HTTP/2 frame of {size} bytes")
        payload = data[start + 9 : start + 9 + size]
        start += 9 + size
        if len(payload) < size:
            return None
        if kind == _SETTINGS and not flags & _ACK and not seen_settings:
            seen_settings = True
            opening.settings = _settings(payload)
        elif kind == _WINDOW_UPDATE and stream == 0 and not opening.window_update:
            opening.window_update = int.from_bytes(payload, "big") & 0x7FFF_FFFF
        elif kind == _PRIORITY:
            opening.priorities.append(_priority(stream, payload))
        elif kind == _HEADERS:
            payload = _unpadded(payload, flags)
            if flags & _WITH_PRIORITY:
                opening.priority, payload = _priority(stream, payload), payload[5:]
            block = payload
        elif kind == _CONTINUATION:
            block += payload
        if kind in (_HEADERS, _CONTINUATION) and flags & _END_HEADERS:
            opening.headers = _headers(block)
            return opening
    return None


def _settings(payload: bytes) -> list[tuple[int, int]]:
    pairs = (payload[start : start + 6] for start in range(0, len(payload), 6))
    return [(int.from_bytes(p[:2], "big"), int.from_bytes(p[2:], "big")) for p in pairs]


def _priority(stream: int, payload: bytes) -> Priority:
    if len(payload) < 5:
        raise FingerprintError("a PRIORITY that is too short")
    word = int.from_bytes(payload[:4], "big")
    return Priority(stream, bool(word >> 31), word & 0x7FFF_FFFF, payload[4] + 1)


def _unpadded(payload: bytes, flags: int) -> bytes:
    if not flags & _PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise FingerprintError("an HTTP/2 frame that is all padding")
    return payload[1 : len(payload) - payload[0]]


def _headers(block: bytes) -> list[tuple[str, str]]:
    try:
        found = Decoder().decode(block, raw=True)
    except HPACKError as error:
        raise FingerprintError(f"headers that can't be read ({error})") from error
    return [(bytes(name).decode("latin-1"), bytes(v).decode("latin-1")) for name, v in found]
