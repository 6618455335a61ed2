"""Makes JA3 and JA4 of a ClientHello, as their authors publish them.

Sources: github.com/salesforce/ja3, "How it works"; github.com/FoxIO-LLC/ja4,
technical_details/JA4.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from cluster.doctor.fingerprint.client_hello import GREASE, ClientHello

_VERSIONS: Final = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3"}
_SNI, _ALPN, _VERSIONS_EXTENSION = 0, 16, 43
_NOTHING: Final = "0" * 12


def ja3(hello: ClientHello, *, sort: bool = False) -> str:
    """Return the string that JA3 hashes: version, ciphers, extensions, groups and point formats, in
    decimal.

    sort: whether extensions are sorted by number ("ja3n"). Chrome shuffles them since version 110,
    so that the plain string is another for each connection.
    """
    extensions = _meant(kind for kind, _ in hello.extensions)
    lists = (
        _meant(hello.ciphers),
        sorted(extensions) if sort else extensions,
        _meant(hello.groups),
        hello.point_formats,
    )
    return ",".join([str(hello.version), *("-".join(map(str, values)) for values in lists)])


def ja3_hash(text: str) -> str:
    """Return the MD5 of a JA3 string in hex, as it is published."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def ja4(hello: ClientHello) -> str:
    """Return the JA4, as "t13d1516h2_8daaf6152771_e5627efa2ab1"."""
    return "_".join((_head(hello), _hash(_ciphers(hello)), _hash(_extensions(hello))))


def ja4_raw(hello: ClientHello) -> str:
    """Return the JA4_r, which has the lists themselves where the JA4 has their hashes."""
    return "_".join((_head(hello), _ciphers(hello), _extensions(hello)))


def _meant(values: Iterable[int]) -> list[int]:
    """Return the values that mean something, which are those that are not GREASE."""
    return [value for value in values if value not in GREASE]


def _head(hello: ClientHello) -> str:
    kinds = _meant(kind for kind, _ in hello.extensions)
    version = max(_meant(hello.supported_versions), default=hello.version)
    return (
        f"t{_VERSIONS.get(version, '00')}{'d' if _SNI in kinds else 'i'}"
        f"{min(len(_meant(hello.ciphers)), 99):02}{min(len(kinds), 99):02}{_alpn(hello)}"
    )


def _alpn(hello: ClientHello) -> str:
    """Return the first and the last character of the first protocol, or of its hex form where one
    of them is no letter or digit."""
    first = hello.alpn[0] if hello.alpn else b""
    if not first:
        return "00"
    text = first.decode("latin-1")
    ends = text[0] + text[-1]
    if not (ends.isascii() and ends.isalnum()):
        text = first.hex()
    return text[0] + text[-1]


def _ciphers(hello: ClientHello) -> str:
    return _hex(sorted(_meant(hello.ciphers)))


def _extensions(hello: ClientHello) -> str:
    kinds = _meant(kind for kind, _ in hello.extensions)
    text = _hex(sorted(kind for kind in kinds if kind not in (_SNI, _ALPN)))
    if algorithms := _meant(hello.signature_algorithms):
        text += "_" + _hex(algorithms)
    return text


def _hex(values: Iterable[int]) -> str:
    return ",".join(f"{value:04x}" for value in values)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else _NOTHING
