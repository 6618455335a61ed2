"""Messages as clients inflate them, frames as another implementation parses them."""

from __future__ import annotations

import json
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.streams import StreamReader

from cluster.sandbox.sessions.compression import (
    MessageDeflate,
    PayloadZlibEncoder,
    encoder_for,
    frame,
    message_deflate,
)
from cluster.sandbox.sessions.connection import corrupted
from cluster.zstd import ZstdDecompressor, ZstdError

PAYLOADS = st.lists(st.binary(min_size=1, max_size=500), min_size=1, max_size=20)


@given(PAYLOADS)
def test_zlib_stream_is_one_stream_flushed_at_every_message(payloads: list[bytes]) -> None:
    encoder, inflate = encoder_for("zlib-stream"), zlib.decompressobj()
    for payload in payloads:
        message = encoder.encode(payload)
        assert message.endswith(b"\x00\x00\xff\xff")
        assert inflate.decompress(message) == payload


@given(PAYLOADS)
def test_zstd_stream_is_one_stream(payloads: list[bytes]) -> None:
    encoder, inflate = encoder_for("zstd-stream"), ZstdDecompressor()
    for payload in payloads:
        assert inflate.decompress(encoder.encode(payload)) == payload


def test_payload_compression_needs_no_message_before() -> None:
    encoder = PayloadZlibEncoder()
    encoder.encode(b"first")
    assert zlib.decompress(encoder.encode(b"second")) == b"second"


@given(PAYLOADS, st.integers(0, 19))
def test_damage_is_noticed_by_every_decoder(payloads: list[bytes], place: int) -> None:
    place %= len(payloads)
    zlib_stream, zstd_stream = encoder_for("zlib-stream"), encoder_for("zstd-stream")
    inflate = zlib.decompressobj()
    unzstd = ZstdDecompressor()
    for payload in payloads[:place]:
        inflate.decompress(zlib_stream.encode(payload))
        unzstd.decompress(zstd_stream.encode(payload))
    with pytest.raises(zlib.error):
        inflate.decompress(corrupted(zlib_stream.encode(payloads[place])))
    with pytest.raises(ZstdError):
        unzstd.decompress(corrupted(zstd_stream.encode(payloads[place])))
    with pytest.raises(zlib.error):
        zlib.decompress(corrupted(PayloadZlibEncoder().encode(payloads[place])))
    with pytest.raises(UnicodeDecodeError):
        corrupted(payloads[place]).decode()


@pytest.mark.parametrize("compress", [None, "brotli", ""])
def test_what_is_unknown_stays_text(compress: str | None) -> None:
    encoder = encoder_for(compress)
    assert encoder.opcode == 1
    assert json.loads(encoder.encode(b'{"op":11}')) == {"op": 11}


@pytest.mark.parametrize("takeover", [True, False])
def test_message_deflate(takeover: bool) -> None:
    deflate, inflate = MessageDeflate(context_takeover=takeover), zlib.decompressobj(-15)
    for payload in (b"abc" * 100, b"abc" * 100):
        if not takeover:
            inflate = zlib.decompressobj(-15)
        assert inflate.decompress(deflate.deflate(payload) + b"\x00\x00\xff\xff") == payload


@pytest.mark.parametrize(
    ("agreed", "bits", "takeover"),
    [
        ("permessage-deflate", 15, True),
        ("permessage-deflate; server_max_window_bits=9", 9, True),
        ("permessage-deflate; server_no_context_takeover; server_max_window_bits=12", 12, False),
    ],
)
def test_message_deflate_is_as_agreed(agreed: str, bits: int, takeover: bool) -> None:
    deflate = message_deflate(agreed)
    assert deflate is not None
    inflate = zlib.decompressobj(-bits)
    payload = random.Random(1).randbytes(2000) * 20  # what repeats is further away than 512 bytes
    for _ in range(3):
        if not takeover:
            inflate = zlib.decompressobj(-bits)
        assert inflate.decompress(deflate.deflate(payload) + b"\x00\x00\xff\xff") == payload
    assert message_deflate("") is None


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_frames_are_those_of_rfc_6455(size: int) -> None:
    reader = StreamReader()
    reader.feed_data(frame(2, b"x" * size))
    parser = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as parsed:
        next(parser)
    got = parsed.value.value
    assert (got.opcode, bytes(got.data), got.fin) == (2, b"x" * size, True)
