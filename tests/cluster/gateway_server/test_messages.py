"""Messages as clients inflate them, frames as another implementation parses them."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.streams import StreamReader

from cluster.gateway_server.compression import PayloadZlibEncoder, encoder_for
from cluster.gateway_server.frames import close_frame, frame, joined_frames
from cluster.zstd import ZstdDecompressor

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


@pytest.mark.parametrize("compress", [None, "brotli", ""])
def test_what_is_unknown_stays_text(compress: str | None) -> None:
    encoder = encoder_for(compress)
    assert encoder.opcode == 1
    assert json.loads(encoder.encode(b'{"op":11}')) == {"op": 11}


def parsed(data: bytes) -> list[tuple[int, bytes, bool]]:
    """Return opcode, payload and fin of the frames that a server's bytes hold."""
    reader = StreamReader()
    reader.feed_data(data)
    frames: list[tuple[int, bytes, bool]] = []
    while reader.buffer:
        parser = Frame.parse(reader.read_exact, mask=False)
        with pytest.raises(StopIteration) as ended:
            next(parser)
        got = ended.value.value
        frames.append((got.opcode, bytes(got.data), got.fin))
    return frames


SIZES = (0, 1, 125, 126, 65_535, 65_536, 70_000)


@pytest.mark.parametrize("size", SIZES)
def test_frames_are_those_of_rfc_6455(size: int) -> None:
    assert parsed(frame(2, b"x" * size)) == [(2, b"x" * size, True)]


def test_frames_one_behind_the_other() -> None:
    payloads = [b"x" * size for size in SIZES]
    assert parsed(joined_frames(1, payloads)) == [(1, payload, True) for payload in payloads]
    assert joined_frames(2, []) == b""


def test_a_long_reason_is_cut_between_two_characters() -> None:
    ((opcode, payload, _),) = parsed(close_frame(4004, "\u00e4" * 100))
    assert (opcode, payload) == (8, b"\x0f\xa4" + "\u00e4".encode() * 61)
    assert parsed(close_frame(None)) == [(8, b"", True)]
