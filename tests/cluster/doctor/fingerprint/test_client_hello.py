"""ClientHellos by the bytes: the RFC's own, pieces, and what is none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.doctor.fingerprint.client_hello import (
    GREASE,
    MAX_HELLO,
    FingerprintError,
    complete,
    parse,
)
from tests.cluster.doctor.fingerprint import hellos

RFC_8448 = bytes.fromhex(
    "16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283"
    "024dece7000006130113031302010000910000000b0009000006736572766572ff01000100000a"
    "00140012001d0017001800190100010101020103010400230000003300260024001d002099381d"
    "e560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d00"
    "20001e040305030603020308040805080604010501060102010402050206020202002d00020101"
    "001c00024001"
)
"""Section 3, "Simple 1-RTT Handshake"; the complete record."""


def test_the_rfc_s_own() -> None:
    hello = parse(RFC_8448)
    assert (hello.record_version, hello.version, hello.session_id_bytes) == (0x0301, 0x0303, 0)
    assert hello.ciphers == [0x1301, 0x1303, 0x1302]
    assert [kind for kind, _ in hello.extensions] == [0, 65281, 10, 35, 51, 43, 13, 45, 28]
    assert hello.server_name == "server"
    assert hello.groups == [29, 23, 24, 25, 256, 257, 258, 259, 260]
    assert hello.supported_versions == [0x0304]
    assert hello.signature_algorithms[:3] == [0x0403, 0x0503, 0x0603]
    assert len(hello.signature_algorithms) == 15
    assert hello.key_shares == [(29, 32)]
    assert (hello.alpn, hello.point_formats) == ([], [])
    assert hello.extension(28) == b"\x40\x01"
    assert hello.extension(16) is None
    assert not any(hello.greased.values())


def test_it_is_complete_with_its_last_byte_and_not_before() -> None:
    for size in range(len(RFC_8448)):
        assert not complete(RFC_8448[:size]), size
        if size > 5:
            with pytest.raises(FingerprintError):
                parse(RFC_8448[:size])
    assert complete(RFC_8448)
    assert complete(RFC_8448 + b"\x14\x03\x03\x00\x01\x01"), "what follows is not looked at"
    assert parse(RFC_8448 + b"\x14\x03\x03\x00\x01\x01") == parse(RFC_8448)


@given(piece=st.integers(1, 300))
def test_it_may_come_in_several_records(piece: int) -> None:
    cut = hellos.records(RFC_8448[5:], piece)
    assert complete(cut)
    assert not complete(cut[:-1])
    assert parse(cut) == parse(RFC_8448)


def test_grease_is_found_in_each_list() -> None:
    assert len(GREASE) == 16
    assert {0x0A0A, 0x1A1A, 0xFAFA} <= GREASE
    inside = hellos.contents(
        groups=[0x2A2A, 29], versions=[0x3A3A, 0x0304], shares=[(0x4A4A, 1), (29, 32)]
    )
    hello = parse(
        hellos.records(hellos.message([0x5A5A, 0x1301], [0x6A6A, 10, 43, 51, 0x8A8A], inside))
    )
    assert set(hello.greased.values()) == {True}
    assert hello.key_shares == [(0x4A4A, 1), (29, 32)]


def test_without_extensions() -> None:
    hello = parse(hellos.records(hellos.message([47], None, version=0x0301)))
    assert (hello.version, hello.ciphers, hello.extensions) == (0x0301, [47], [])
    assert hello.server_name is None


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"GET / HTTP/1.1\r\n", "no TLS handshake record"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "no TLS handshake record"),
        (b"\x16\x02\x01\x00\x02\x02\x28", "no TLS handshake record"),
        (b"\x16\x03\x01\x00\x00", "no TLS handshake record"),
        (b"\x16\x03\x01\xff\xff", "no TLS handshake record"),
        (b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", "of type 2"),
        (bytes(MAX_HELLO + 1), "more than"),
    ],
)
def test_what_is_none_is_refused_at_once(data: bytes, cause: str) -> None:
    for read in (complete, parse):
        with pytest.raises(FingerprintError, match=cause):
            read(data)


@given(st.binary(max_size=200), st.integers(0, 250), st.booleans())
def test_bytes_of_any_kind_are_read_or_refused(junk: bytes, offset: int, framed: bool) -> None:
    """Nothing but FingerprintError, whatever stands in the midst of a ClientHello."""
    spoilt = (RFC_8448[5:][:offset] + junk + RFC_8448[5:][offset + len(junk) :]) if framed else junk
    with contextlib.suppress(FingerprintError):
        parse(hellos.records(spoilt) if framed else spoilt)
