"""The check of the gateway says what kept it from a HELLO, and what to do about that."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

import pytest

from cluster.errors import ClusterError
from cluster.zstd import ZstdCompressor
from shard_worker.gateway_check import _HelloReceiver

HELLO = b'{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}}'


def zstd_that_ends(text: bytes) -> bytes:
    zstd = ZstdCompressor()
    return zstd.compress(text, zstd.FLUSH_FRAME)


def zlib_that_ends(text: bytes) -> bytes:
    return zlib.compress(text) + b"\x00\x00\xff\xff"


async def outcome(compress: str, message: bytes) -> float:
    receiver = _HelloReceiver(compress)
    receiver.on_messages([message], [])
    return await receiver.interval


@pytest.mark.parametrize(
    ("compress", "pack"), [("zstd-stream", zstd_that_ends), ("zlib-stream", zlib_that_ends)]
)
def test_a_stream_that_the_server_ends(compress: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ClusterError, match=r"ended the stream.*give `compress` another value"):
        asyncio.run(outcome(compress, pack(HELLO)))


def test_hello() -> None:
    assert asyncio.run(outcome("", HELLO)) == 41.25
    with pytest.raises(ClusterError, match=r"what came is no HELLO.*check the network"):
        asyncio.run(outcome("", b"HTTP/1.1 200"))
