"""Reads a TLS ClientHello, the first bytes that a client sends, by which clients are told apart.

Pure: bytes in, `ClientHello` out. Nothing is read beyond what was given, which is bounded by
MAX_HELLO. Sources: RFC 8446, sections 4.1.2 and 5.1; RFC 8701 (GREASE); IANA, "TLS ExtensionType
Values".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec

MAX_HELLO: Final = 64 * 1024
"""Most bytes of a ClientHello, record headers included. Chrome's has some 1,800 with its
post-quantum key share."""
MAX_RECORD: Final = 16 * 1024
_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1

GREASE: Final = frozenset(n << 8 | n for n in range(0x0A, 0x100, 0x10))
"""Values that mean nothing: a client draws one of them anew for each connection (RFC 8701)."""

EXTENSIONS: Final = {
    0: "server_name",
    5: "status_request",
    10: "supported_groups",
    11: "ec_point_formats",
    13: "signature_algorithms",
    16: "application_layer_protocol_negotiation",
    18: "signed_certificate_timestamp",
    21: "padding",
    23: "extended_master_secret",
    27: "compress_certificate",
    28: "record_size_limit",
    34: "delegated_credential",
    35: "session_ticket",
    41: "pre_shared_key",
    42: "early_data",
    43: "supported_versions",
    45: "psk_key_exchange_modes",
    51: "key_share",
    17513: "application_settings (old)",
    17613: "application_settings",
    51764: "trust_anchors",
    65037: "encrypted_client_hello",
    65281: "renegotiation_info",
}
"""Names of the extensions that browsers send; others are shown by their number."""

_T = TypeVar("_T")


class FingerprintError(Exception):
    """What a client sent is not what it should be."""


class ClientHello(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that fingerprints are made of, in the order they came, GREASE included.

    A list whose extension is absent is empty.
    """

    record_version: int
    """The version in the first record; 0x0301 is usual."""
    version: int
    """The field legacy_version; 0x0303 says TLS 1.2 or newer, see ``supported_versions``."""
    session_id_bytes: int
    ciphers: list[int]
    extensions: list[tuple[int, bytes]]
    """(type, data) of each extension."""
    server_name: str | None
    """None: there is no such extension, or no name in it."""
    groups: list[int]
    point_formats: list[int]
    signature_algorithms: list[int]
    alpn: list[bytes]
    supported_versions: list[int]
    key_shares: list[tuple[int, int]]
    """(group, length of its key in bytes) of each key share."""

    def extension(self, kind: int) -> bytes | None:
        """Return the data of the first extension of this type; None: there is none."""
        return next((data for found, data in self.extensions if found == kind), None)

    @property
    def greased(self) -> dict[str, bool]:
        """For each list of the ClientHello, whether a GREASE value stands in it."""
        lists: dict[str, list[int]] = {
            "ciphers": self.ciphers,
            "extensions": [kind for kind, _ in self.extensions],
            "groups": self.groups,
            "versions": self.supported_versions,
            "key shares": [group for group, _ in self.key_shares],
        }
        return {name: not GREASE.isdisjoint(values) for name, values in lists.items()}


class _Bytes:
    """Reads bytes from the front. Methods raise FingerprintError where there is less than asked
    for."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._offset = 0
        self._what = what

    @property
    def left(self) -> int:
        return len(self._data) - self._offset

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise FingerprintError(f"{self._what} ends {size - self.left} bytes too early")
        self._offset += size
        return self._data[self._offset - size : self._offset]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def block(self, size: int) -> _Bytes:
        """Take a length that has ``size`` bytes, and return the bytes that it announces."""
        return _Bytes(self.take(self.number(size)), self._what)

    def each(self, read: Callable[[_Bytes], _T]) -> list[_T]:
        """Read values until nothing is left."""

        def values() -> Iterator[_T]:
            while self.left:
                yield read(self)

        return list(values())


def complete(data: bytes) -> bool:
    """Return whether the whole ClientHello is here. Raises FingerprintError as soon as it can be
    none."""
    handshake, _ = _handshake(data)
    return len(handshake) >= 4 and len(handshake) - 4 >= int.from_bytes(handshake[1:4], "big")


def parse(data: bytes) -> ClientHello:
    """Return the ClientHello in what a client sent first, which is one or more TLS records. Raises
    FingerprintError if there is none."""
    handshake, record_version = _handshake(data)
    outer = _Bytes(handshake, "the ClientHello")
    outer.take(1)
    body = outer.block(3)
    version = body.number(2)
    body.take(32)
    session_id = body.block(1)
    ciphers = body.block(2).each(lambda b: b.number(2))
    body.block(1)
    extensions: list[tuple[int, bytes]] = []
    if body.left:
        rest = body.block(2)
        extensions = rest.each(lambda b: (b.number(2), b.take(b.number(2))))
    found: dict[int, bytes] = {}
    for kind, content in extensions:
        found.setdefault(kind, content)

    def numbers(kind: int, length: int, size: int) -> list[int]:
        """A list of numbers, announced by a length of ``length`` bytes."""
        if (content := found.get(kind)) is None:
            return []
        name = EXTENSIONS[kind]
        return _Bytes(content, name).block(length).each(lambda b: b.number(size))

    return ClientHello(
        record_version=record_version,
        version=version,
        session_id_bytes=session_id.left,
        ciphers=ciphers,
        extensions=extensions,
        server_name=_server_name(found.get(0)),
        groups=numbers(10, 2, 2),
        point_formats=numbers(11, 1, 1),
        signature_algorithms=numbers(13, 2, 2),
        alpn=_alpn(found.get(16)),
        supported_versions=numbers(43, 1, 2),
        key_shares=_key_shares(found.get(51)),
    )


def _handshake(data: bytes) -> tuple[bytes, int]:
    """Return the bytes that the records hold together, and the version of the first one. The last
    one may be cut."""
    if len(data) > MAX_HELLO:
        raise FingerprintError(f"a ClientHello of more than {MAX_HELLO} bytes")
    start, first_version, parts = 0, 0, list[bytes]()
    need = 4
    while start + 5 <= len(data) and need > 0:
        size = int.from_bytes(data[start + 3 : start + 5], "big")
        if data[start] != _HANDSHAKE or data[start + 1] != 3 or not 0 < size <= MAX_RECORD:
            raise FingerprintError(f"no TLS handshake record: 0x{data[start : start + 5].hex()}")
        first_version = first_version or int.from_bytes(data[1:3], "big")
        parts.append(data[start + 5 : start + 5 + size])
        start += 5 + size
        joined = b"".join(parts)
        if joined and joined[0] != _CLIENT_HELLO:
            raise FingerprintError(f"a handshake message of type {joined[0]}, not a ClientHello")
        if len(joined) >= 4:
            need = 4 + int.from_bytes(joined[1:4], "big") - len(joined)
    if data and data[0] != _HANDSHAKE:
        raise FingerprintError(f"no TLS handshake record: 0x{data[:5].hex()}")
    return b"".join(parts), first_version


def _server_name(content: bytes | None) -> str | None:
    """Return the name in a server_name extension (RFC 6066, section 3)."""
    if not content:
        return None
    names = _Bytes(content, "server_name").block(2)
    while names.left:
        kind, name = names.number(1), names.take(names.number(2))
        if kind == 0:
            return name.decode("ascii", errors="replace")
    return None


def _alpn(content: bytes | None) -> list[bytes]:
    """Return the protocols in an ALPN extension (RFC 7301, section 3.1)."""
    if content is None:
        return []
    name = EXTENSIONS[16]
    return _Bytes(content, name).block(2).each(lambda b: b.take(b.number(1)))


def _key_shares(content: bytes | None) -> list[tuple[int, int]]:
    """Return (group, length) of each key in a key_share extension (RFC 8446, section 4.2.8)."""
    if content is None:
        return []
    shares = _Bytes(content, "key_share").block(2)
    return shares.each(lambda b: (b.number(2), len(b.take(b.number(2)))))
