"""What the sandbox does to messages: damage that decoders notice, permessage-deflate."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.gateway_server.compression import PayloadZlibEncoder, encoder_for
from cluster.sandbox.sessions.connection import corrupted
from cluster.sandbox.sessions.message_deflate import MessageDeflate, message_deflate
from cluster.zstd import ZstdDecompressor, ZstdError

PAYLOADS = st.lists(st.binary(min_size=1, max_size=500), min_size=1, max_size=20)


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
