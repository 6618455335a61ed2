"""permessage-deflate of what we send, read by the `websockets` library."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame as OracleFrame
from websockets.frames import Opcode as OracleOpcode

from shard_worker.transport.message_deflate import MIN_BITS, Deflate, MessageDeflater
from shard_worker.transport.websocket import Opcode, encode

words = st.lists(st.sampled_from(["presence", "guild", "0", '"op":', " "]), max_size=60)
messages = st.one_of(words.map("".join).map(str.encode), st.text(max_size=80).map(str.encode))


def deflater(**agreed: int) -> MessageDeflater:
    made = MessageDeflater.if_agreed(Deflate(**agreed))  # type: ignore[arg-type]  # a bool is an int
    assert made is not None
    return made


@given(st.lists(messages, max_size=8), st.booleans(), st.integers(MIN_BITS, 15))
def test_it_is_read(sent: list[bytes], alone: bool, bits: int) -> None:
    oracle = PerMessageDeflate(alone, False, bits, 15)
    ours = deflater(client_no_context_takeover=alone, client_max_window_bits=bits)
    for message in sent:
        frame = OracleFrame(OracleOpcode.TEXT, ours.deflate(message), rsv1=True)
        assert oracle.decode(frame).data == message


def test_the_window_is_kept_or_not() -> None:
    payload = bytes(range(33, 127))
    kept, alone = deflater(), deflater(client_no_context_takeover=1)
    assert len(kept.deflate(payload)) > 60
    assert len(kept.deflate(payload)) < 20
    assert alone.deflate(payload) == alone.deflate(payload)


def test_an_empty_message_is_an_empty_block() -> None:
    """Section 7.2.3.6."""
    ours = deflater()
    assert [ours.deflate(b"") for _ in range(3)] == [b"\x00"] * 3


def test_the_window_is_no_larger_than_agreed() -> None:
    """What lies further back than 2**9 bytes is not referred to."""
    noise = bytes(n * n % 251 for n in range(1500))
    packed = deflater(client_max_window_bits=9).deflate(noise + bytes(1500) + noise)
    small = zlib.decompressobj(-9)
    assert small.decompress(packed + b"\x00\x00\xff\xff") == noise + bytes(1500) + noise


@pytest.mark.parametrize("agreed", [None, Deflate(client_max_window_bits=8)])
def test_where_nothing_is_compressed(agreed: Deflate | None) -> None:
    assert MessageDeflater.if_agreed(agreed) is None


def test_the_frame_says_so() -> None:
    key = b"\0\0\0\0"
    assert encode(Opcode.TEXT, b"x", key)[0] == 0x81
    assert encode(Opcode.TEXT, b"x", key, compressed=True)[0] == 0xC1
    for size in (125, 126, 65_536):
        plain, packed = (encode(Opcode.TEXT, bytes(size), key, compressed=c) for c in (False, True))
        assert (packed[0], packed[1:]) == (0xC1, plain[1:])
