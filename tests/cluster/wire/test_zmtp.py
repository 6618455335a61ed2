"""What a subscriber says by ZMTP is understood however its bytes are cut, or refused."""

from __future__ import annotations

import select
import socket
from itertools import pairwise
from pathlib import Path

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.wire import zmtp
from cluster.wire.zmtp import Cancel, Ping, Subscribe, SubscriberReader, ZmtpError

NULL = b"NULL" + bytes(16)
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + NULL + bytes(32)
READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"
SUBSCRIBED = b"\x04\x0a\x09SUBSCRIBE"
WAIT_S = 30

Heard = tuple[list[zmtp.Said], type[ZmtpError] | None]


def heard(*pieces: bytes) -> Heard:
    """What comes of these pieces, and the error that ends it."""
    reader = SubscriberReader()
    said: list[zmtp.Said] = []
    try:
        for piece in pieces:
            said.extend(reader.feed(piece))
            assert len(reader._buffer) <= zmtp.MAX_FRAME + 9
    except ZmtpError as error:
        return said, type(error)
    return said, None


def test_what_a_publisher_writes() -> None:
    ready = READY.replace(b"\x19", b"\x1a").replace(b"\x03SUB", b"\x04XPUB")
    assert zmtp.OPENING.removeprefix(GREETING) == ready
    assert zmtp.header(0) == b"\x00\x00"
    assert zmtp.header(255) == b"\x00\xff"
    assert zmtp.header(256) == b"\x02\x00\x00\x00\x00\x00\x00\x01\x00"
    assert zmtp.pong(b"abc") == b"\x04\x08\x04PONGabc"


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"\x00\x01\x01", Subscribe(b"")),
        (b"\x00\x04\x01abc", Subscribe(b"abc")),
        (b"\x02" + bytes(7) + b"\x02\x00a", Cancel(b"a")),
        (SUBSCRIBED, Subscribe(b"")),
        (b"\x04\x0d\x09SUBSCRIBEabc", Subscribe(b"abc")),
        (b"\x04\x08\x06CANCELa", Cancel(b"a")),
        (b"\x06" + bytes(7) + b"\x07\x06CANCEL", Cancel(b"")),
        (b"\x04\x07\x04PING\x00\x01", Ping(b"")),
        (b"\x04\x17\x04PING\x00\x01" + b"c" * 16, Ping(b"c" * 16)),
        (b"\x00\xff\x01" + b"a" * 254, Subscribe(b"a" * 254)),
        (b"\x02" + bytes(6) + b"\x04\x00\x01" + b"a" * 1023, Subscribe(b"a" * 1023)),
    ],
)
def test_what_a_subscriber_says(frame: bytes, said: zmtp.Said) -> None:
    assert heard(GREETING + READY + frame * 2) == ([said, said], None)


@pytest.mark.parametrize(
    "opening",
    [
        GREETING[:11] + b"\x00" + GREETING[12:] + READY,  # ZMTP 3.0
        GREETING[:10] + b"\x04\x00" + GREETING[12:] + READY,
        b"\xffpadding.\x7f" + GREETING[10:] + READY,
        GREETING
        + b"\x04\x2a\x05READY\x0bsocket-type\x00\x00\x00\x04XSUB\x08Identity\x00\x00\x00\x03abc",
    ],
)
def test_who_is_a_subscriber(opening: bytes) -> None:
    assert heard(opening, SUBSCRIBED) == ([Subscribe(b"")], None)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"GET / HTTP/1.1\r\n" + bytes(60), zmtp.GreetingError),
        (GREETING[:9] + b"\x7e" + GREETING[10:], zmtp.GreetingError),
        (GREETING[:10] + b"\x02" + GREETING[11:], zmtp.GreetingError),
        (GREETING.replace(NULL, b"CURVE" + bytes(15)), zmtp.GreetingError),
        (GREETING[:32] + b"\x01" + GREETING[33:], zmtp.GreetingError),
        (GREETING + READY.replace(b"SUB", b"PUB"), zmtp.OutOfPlaceError),
        (GREETING + b"\x04\x06\x05READY", zmtp.OutOfPlaceError),
        (GREETING + SUBSCRIBED, zmtp.OutOfPlaceError),
        (GREETING + b"\x00\x01\x01", zmtp.OutOfPlaceError),
        (GREETING + b"\x04\x09\x05ERROR\x02no", zmtp.RefusedError),
        (GREETING + READY + b"\x04\x09\x05ERROR\x02no", zmtp.RefusedError),
        (GREETING + READY + READY, zmtp.OutOfPlaceError),
        (GREETING + READY + b"\x04\x05\x04PONG", zmtp.OutOfPlaceError),
        (GREETING + READY + b"\x04\x06\x04PING\x00", zmtp.OutOfPlaceError),
        (GREETING + READY + b"\x04\x18\x04PING\x00\x01" + bytes(17), zmtp.OutOfPlaceError),
        (GREETING + READY + b"\x00\x00", zmtp.OutOfPlaceError),
        (GREETING + READY + b"\x00\x02\x02a", zmtp.OutOfPlaceError),
        (GREETING + READY + b"\x01\x01\x01", zmtp.FrameError),
        (GREETING + READY + b"\x08", zmtp.FrameError),
        (GREETING + READY + b"\x05\x0a\x09SUBSCRIBE", zmtp.FrameError),
        (GREETING + READY + b"\x02" + b"\xff" * 8, zmtp.FrameError),
        (GREETING + READY + b"\x02" + bytes(6) + b"\x04\x01", zmtp.FrameError),
        (GREETING + READY + b"\x04\x00", zmtp.FrameError),
        (GREETING + READY + b"\x04\x01\x00", zmtp.FrameError),
        (GREETING + READY + b"\x04\x02\x02A", zmtp.FrameError),
        (GREETING + b"\x04\x0d\x05READY\x01a\x00\x00\x00\x02b", zmtp.FrameError),
        (GREETING + b"\x04\x07\x05READY\x01", zmtp.FrameError),
        (GREETING + b"\x04\x0b\x05READY\x00\x00\x00\x00\x00", zmtp.FrameError),
    ],
)  # fmt: skip
def test_whatever_else_is_refused(data: bytes, error: type[ZmtpError]) -> None:
    assert heard(data) == ([], error)


FRAMES = st.sampled_from(
    [READY, SUBSCRIBED, b"\x00\x01\x01", b"\x00\x03\x00ab", b"\x04\x08\x06CANCELa", b"\x01\x01\x01",
     b"\x04\x09\x04PING\x00\x01ab", b"\x06" + bytes(7) + b"\x07\x06CANCEL", b"\x04\x05\x04PONG",
     b"\x02" + bytes(6) + b"\x04\x00\x01" + b"a" * 1023]
)  # fmt: skip


@settings(max_examples=200, derandomize=True)
@given(
    st.lists(FRAMES | st.binary(max_size=12), max_size=8),
    st.integers(0, 140),
    st.lists(st.integers(0, 400)),
)
def test_any_cutting_says_the_same(frames: list[bytes], spoilt: int, cuts: list[int]) -> None:
    data = bytearray(GREETING + READY + b"".join(frames))
    if spoilt < len(GREETING + READY):
        data[spoilt] ^= 1 << spoilt % 8
    ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [bytes(data[a:b]) for a, b in pairwise(ends)]
    each = [bytes((byte,)) for byte in data]
    assert heard(bytes(data)) == heard(*pieces) == heard(*each)


@pytest.mark.parametrize("minor", [0, 1])
def test_libzmq_hears_a_publisher_and_is_heard(tmp_path: Path, minor: int) -> None:
    """minor: of the version that we claim; to ZMTP 3.0 subscriptions are messages."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    subscriber = context.socket(zmq.SUB)
    subscriber.bind(f"ipc://{tmp_path}/s")
    subscriber.subscribe(b"")
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(WAIT_S)
    stream.connect(f"{tmp_path}/s")
    stream.sendall(zmtp.OPENING[:11] + bytes((minor,)) + zmtp.OPENING[12:])
    reader = SubscriberReader()

    def next_said() -> list[zmtp.Said]:
        said: list[zmtp.Said] = []
        while not said:  # what changes it is ZeroMQ
            subscriber.poll(10)  # it speaks when its thread uses it
            if select.select([stream], [], [], 0)[0]:
                data = stream.recv(4096)
                assert data, "it hung up"
                said += reader.feed(data)
        return said

    try:
        assert next_said() == [Subscribe(b"")]
        messages = [b"", b"a" * 255, b"b" * 256, b"c" * 200_000]
        for message in messages:
            stream.sendall(zmtp.header(len(message)) + message)
        for message in messages:
            assert subscriber.poll(WAIT_S * 1000)
            assert subscriber.recv() == message
        subscriber.subscribe(b"MESSAGE")
        assert next_said() == [Subscribe(b"MESSAGE")]
        subscriber.unsubscribe(b"MESSAGE")
        assert next_said() == [Cancel(b"MESSAGE")]
        subscriber.close(0)
        assert not stream.recv(4096)
    finally:
        stream.close()
        context.destroy(0)
