"""Transport compression: slices, splits, bounds, corruption."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.zstd import ZstdCompressor, compress
from shard_worker.transport.compression import KINDS, InflateError, ZlibStream, ZstdStream

texts = st.lists(st.binary(min_size=1, max_size=300), max_size=12)


def compressed(kind: str, messages: list[bytes]) -> list[bytes]:
    """Return messages as a server sends them: one context, flushed after each."""
    if kind == "zlib-stream":
        deflate = zlib.compressobj()
        return [deflate.compress(m) + deflate.flush(zlib.Z_SYNC_FLUSH) for m in messages]
    if kind == "zstd-stream":
        zstd = ZstdCompressor()
        return [zstd.compress(m, zstd.FLUSH_BLOCK) for m in messages]
    return messages


@pytest.mark.parametrize("kind", KINDS)
@given(messages=texts, data=st.data())
def test_slices_and_single_messages_give_the_same(
    kind: str, messages: list[bytes], data: st.DataObject
) -> None:
    payloads = compressed(kind, messages)
    place = data.draw(st.integers(0, len(payloads)))
    slices, single = KINDS[kind](), KINDS[kind]()
    text, count = b"", 0
    for piece in (payloads[:place], payloads[place:]):
        got, n = slices.inflate(piece)
        text, count = text + got, count + n
    assert (text, count) == (b"".join(messages), len(messages))
    assert single.inflate_each(payloads) == messages


@given(texts.filter(bool), st.data())
def test_zlib_messages_split_over_payloads(messages: list[bytes], data: st.DataObject) -> None:
    """The boundary is the suffix, wherever the WebSocket messages end, within the suffix too."""
    payloads: list[bytes] = []
    for message in compressed("zlib-stream", messages):
        place = data.draw(st.integers(0, len(message) - 1))
        payloads += [message[:place], message[place:]] if place else [message]
    stop = data.draw(st.integers(0, len(payloads)))
    slices, single = ZlibStream(), ZlibStream()
    a, n = slices.inflate(payloads[:stop])
    b, m = slices.inflate(payloads[stop:])
    assert (a + b, n + m) == (b"".join(messages), len(messages))
    assert single.inflate_each(payloads[:stop]) + single.inflate_each(payloads[stop:]) == messages


@pytest.mark.parametrize("kind", ["zlib-stream", "zstd-stream"])
def test_corruption_is_an_error(kind: str) -> None:
    inflater = KINDS[kind]()
    good, bad = compressed(kind, [b"a" * 100, bytes(range(256)) * 4])
    assert inflater.inflate([good]) == (b"a" * 100, 1)
    with pytest.raises(InflateError):
        inflater.inflate([b"\xff" * 8 + bad[8:]])


def test_a_stream_that_was_ended_is_an_error() -> None:
    with pytest.raises(InflateError, match="ended"):
        ZlibStream().inflate([zlib.compress(b"x") + b"\x00\x00\xff\xff"])
    with pytest.raises(InflateError, match="ended"):
        ZstdStream().inflate([compress(b"x")])


@pytest.mark.parametrize(
    ("kind", "make"), [("zlib-stream", ZlibStream), ("zstd-stream", ZstdStream)]
)
def test_what_a_slice_inflates_to_is_bounded(
    kind: str, make: type[ZlibStream | ZstdStream]
) -> None:
    bomb = compressed(kind, [bytes(1_000_000)])
    assert make(1_000_001).inflate(bomb) == (bytes(1_000_000), 1)
    for way in (make(999_999).inflate, make(999_999).inflate_each):
        with pytest.raises(InflateError, match="over 999999 bytes"):
            way(bomb)


@pytest.mark.parametrize("kind", ["zlib-stream", "zstd-stream"])
def test_a_bomb_is_refused_before_it_has_grown(kind: str) -> None:
    """What is inflated beyond the bound is little, however far a payload would go."""
    bomb = compressed(kind, [bytes(200_000_000)])
    assert sum(map(len, bomb)) < 300_000
    tracemalloc.start()
    try:
        with pytest.raises(InflateError, match="over 1000000 bytes"):
            KINDS[kind](1_000_000).inflate(bomb)  # type: ignore[call-arg]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_a_zstd_slice_may_reach_its_bound_and_not_pass_it() -> None:
    (message,) = compressed("zstd-stream", [bytes(300_000)])
    assert ZstdStream(300_000).inflate([message]) == (bytes(300_000), 1)
    with pytest.raises(InflateError, match="over 299999 bytes"):
        ZstdStream(299_999).inflate([message])


def test_a_message_whose_end_never_comes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shard_worker.transport.compression.MAX_PARTIAL_BYTES", 1000)
    for inflater in (ZlibStream(), ZlibStream()):
        assert inflater.inflate([b"x" * 500, b"x" * 500]) == (b"", 0)
        with pytest.raises(InflateError, match="longer than 1000 bytes"):
            inflater.inflate([b"x"])


def test_a_zstd_window_is_bounded() -> None:
    """A frame's header may ask for memory of any size."""
    for exponent, fits in ((10, True), (18, False)):  # 1 MiB; 256 MiB
        header = b"\x28\xb5\x2f\xfd\x00" + bytes([exponent << 3])
        stream = header + b"\x08\x00\x00x"
        if fits:
            assert ZstdStream().inflate([stream])[0] in (b"", b"x")
        else:
            with pytest.raises(InflateError, match="zstd-stream"):
                ZstdStream().inflate([stream])
