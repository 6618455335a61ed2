"""What an HTTP/2 client says first, against strings that are published, and by a client library."""

from __future__ import annotations

import contextlib

import h2.config
import h2.connection
import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.doctor.fingerprint.client_hello import FingerprintError
from cluster.doctor.fingerprint.http2 import MAX_OPENING, PREFACE, Priority, read_opening

REQUEST = {":method": "GET", ":authority": "discord.com", ":scheme": "https", ":path": "/api"}
SETTINGS, HEADERS, PRIORITY, WINDOW_UPDATE, CONTINUATION = 4, 1, 2, 8, 9
END_HEADERS = 4


def frame(kind: int, payload: bytes, *, flags: int = 0, stream: int = 0) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
    )


def settings(text: str) -> bytes:
    """A frame of "1:65536;2:0"."""
    pairs = (pair.split(":") for pair in text.split(";"))
    return frame(
        SETTINGS, b"".join(int(k).to_bytes(2, "big") + int(v).to_bytes(4, "big") for k, v in pairs)
    )


def priorities(text: str) -> bytes:
    """Frames of "3:0:0:201,5:0:0:101"."""
    out = b""
    for one in text.split(","):
        stream, exclusive, on, weight = map(int, one.split(":"))
        content = (exclusive << 31 | on).to_bytes(4, "big") + bytes((weight - 1,))
        out += frame(PRIORITY, content, stream=stream)
    return out


def block(order: str = "m,a,s,p", **more: str) -> bytes:
    by_letter = {name[1]: (name, value) for name, value in REQUEST.items()}
    fields = [by_letter[letter] for letter in order.split(",")]
    return hpack.Encoder().encode([*fields, *more.items()])


PUBLISHED = [
    # tls.browserleaks.com, Chrome 143; httpcloak.dev, Firefox and iOS Safari
    ("1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p", "52d84b11737d980aef856699f885ca86"),
    ("1:65536;2:0;4:131072;5:16384|12517377|0|m,p,a,s", None),
    ("2:0;4:2097152;3:100;5:16384;9:1|10485760|0|m,s,p,a", None),
    # "Passive Fingerprinting of HTTP/2 Clients", Firefox of 2017
    (
        "1:65536;4:131072;5:16384|12517377|"
        "3:0:0:201,5:0:0:101,7:0:0:1,9:0:7:1,11:0:3:1,13:0:0:241|m,p,a,s",
        None,
    ),
    ("4:65535|00|0|m,a,s,p", None),
]


@pytest.mark.parametrize(("text", "digest"), PUBLISHED)
def test_published_strings(text: str, digest: str | None) -> None:
    pairs, update, streams, order = text.split("|")
    said = PREFACE + settings(pairs)
    if update != "00":
        said += frame(WINDOW_UPDATE, int(update).to_bytes(4, "big"))
    if streams != "0":
        said += priorities(streams)
    said += frame(HEADERS, block(order), flags=END_HEADERS, stream=1)
    opening = read_opening(said)
    assert opening is not None
    assert opening.akamai == text
    assert digest is None or opening.akamai_hash == digest
    assert dict(opening.headers) == REQUEST


def test_only_the_first_words_count() -> None:
    """Not the settings that come later, a stream's window, or an acknowledgement."""
    said = (
        PREFACE
        + settings("2:0")
        + frame(SETTINGS, b"", flags=1)
        + settings("3:7")
        + frame(WINDOW_UPDATE, (9).to_bytes(4, "big"), stream=1)
        + frame(WINDOW_UPDATE, (5).to_bytes(4, "big"))
        + frame(WINDOW_UPDATE, (6).to_bytes(4, "big"))
        + frame(HEADERS, block(), flags=END_HEADERS, stream=1)
        + frame(WINDOW_UPDATE, (7).to_bytes(4, "big"))
    )
    opening = read_opening(said)
    assert opening is not None
    assert opening.akamai == "2:0|5|0|m,a,s,p"
    assert [read_opening(said[:size]) for size in range(len(said) - 13)] == [None] * (
        len(said) - 13
    ), "nothing is said before the last byte of the headers"


def test_headers_in_pieces_padded_and_with_a_priority() -> None:
    fields = block(cookie="x" * 300)
    own = (0x8000_0000).to_bytes(4, "big") + bytes((255,))
    said = PREFACE + settings("2:0")
    said += frame(HEADERS, b"\x04" + own + fields[:50] + bytes(4), flags=0x28, stream=1)
    said += frame(CONTINUATION, fields[50:90], stream=1)
    assert read_opening(said) is None
    said += frame(CONTINUATION, fields[90:], flags=END_HEADERS, stream=1)
    opening = read_opening(said)
    assert opening is not None
    assert opening.priority == Priority(1, True, 0, 256)
    assert opening.headers == [*REQUEST.items(), ("cookie", "x" * 300)]


def test_a_client_library_is_understood() -> None:
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    client.initiate_connection()
    client.send_headers(1, [*REQUEST.items(), ("user-agent", "x")], end_stream=True)
    opening = read_opening(client.data_to_send())
    assert opening is not None
    assert dict(opening.settings)[6] == 65536
    assert opening.akamai.endswith("|00|0|m,a,s,p")
    assert opening.headers[-1] == ("user-agent", "x")


@pytest.mark.parametrize(
    ("after", "cause"),
    [
        (b"\xff\xff\xff\x00\x00\x00\x00\x00\x00", "frame of 16777215"),
        (frame(PRIORITY, b"\x00"), "too short"),
        (frame(HEADERS, b"\x09\x00", flags=0x08, stream=1), "all padding"),
        (frame(HEADERS, b"\xff\xff", flags=END_HEADERS, stream=1), "can't be read"),
        (frame(HEADERS, block(x="y" * 100_000)[:16384], stream=1), None),
        (bytes(MAX_OPENING), "no request within"),
    ],
)
def test_what_is_none_is_refused(after: bytes, cause: str | None) -> None:
    if cause is None:
        assert read_opening(PREFACE + after) is None
        return
    with pytest.raises(FingerprintError, match=cause):
        read_opening(PREFACE + after)


def test_another_protocol() -> None:
    with pytest.raises(FingerprintError, match="preface"):
        read_opening(b"GET / HTTP/1.1\r\n\r\n")
    assert read_opening(PREFACE[:5]) is None


@given(st.binary(max_size=300), st.integers(0, 200))
def test_bytes_of_any_kind_are_read_or_refused(junk: bytes, offset: int) -> None:
    whole = PREFACE + settings("1:65536;2:0") + frame(HEADERS, block(), flags=4, stream=1)
    for data in (junk, PREFACE + junk, whole[:offset] + junk + whole[offset + len(junk) :]):
        with contextlib.suppress(FingerprintError):
            read_opening(data)
