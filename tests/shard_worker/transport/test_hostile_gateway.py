"""A gateway that means harm: what it sends is refused or taken, within bounds, and nothing else."""

from __future__ import annotations

import asyncio
import json
import logging
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.config.worker_spec import WorkerSpec
from cluster.wire.link import IdentifyGrant, ShardPlan
from cluster.wire.states import SessionState
from cluster.zstd import ZstdCompressor
from shard_worker.protocol.frame import (
    MAX_SEQ,
    Frame,
    FrameError,
    FrameEvent,
    Unplaced,
    decode,
    decode_many,
)
from shard_worker.protocol.frame_reader import FrameReader
from shard_worker.protocol.ready import BadReadyError, read_ready
from shard_worker.shard import Shard
from shard_worker.transport import compression
from shard_worker.transport.compression import FREE_BYTES, KINDS, InflateError, Plain
from shard_worker.transport.message_deflate import Deflate
from shard_worker.transport.websocket import WebSocket
from shard_worker.transport.websocket_error import WebSocketError
from shard_worker.transport.write_queue import Fate
from tests.shard_worker.played_connection import PlayedConnection

MIB = 1024 * 1024
Messages = list[bytes]


def stream(kind: str, texts: Sequence[bytes]) -> Messages:
    """Return texts as one connection's messages."""
    if kind == "zlib-stream":
        deflate = zlib.compressobj(9)
        return [deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH) for text in texts]
    zstd = ZstdCompressor()
    return [zstd.compress(text, zstd.FLUSH_BLOCK) for text in texts]


def dispatch(seq: int, data: bytes, name: str = "A") -> bytes:
    return b'{"t":"%b","s":%d,"op":0,"d":%b}' % (name.encode(), seq, data)


def peak_of(work: Callable[[], object]) -> int:
    """Return the most bytes that Python held while it ran."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def reader(kind: str = "") -> FrameReader:
    made = FrameReader()
    made.connect(KINDS[kind]())
    return made


# -- bombs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zlib-stream", "zstd-stream"])
def test_a_bomb_in_one_message_is_refused_before_it_has_grown(kind: str) -> None:
    (bomb,) = stream(kind, [dispatch(1, b'"' + bytes(64 * MIB) + b'"')])
    assert 64 * MIB / len(bomb) > 900

    def work() -> None:
        with pytest.raises(InflateError, match="inflates to over"):
            reader(kind).read([bomb])

    assert peak_of(work) < 5 * FREE_BYTES


@pytest.mark.parametrize("kind", ["zlib-stream", "zstd-stream"])
def test_a_bomb_spread_over_many_messages_is_refused_too(kind: str) -> None:
    """Each is harmless; the slice that they make is not."""
    body = b'"' + b"x" * 100_000 + b'"'
    bomb = stream(kind, [dispatch(n, body) for n in range(1, 200)])
    assert sum(map(len, bomb)) < 64 * 1024
    with pytest.raises(InflateError, match="inflates to over"):
        reader(kind).read(bomb)
    fits = reader(kind).read(bomb[:70])
    assert [len(part) for part in fits] == [70]


@pytest.mark.parametrize("kind", ["zlib-stream", "zstd-stream"])
def test_what_discord_sends_at_its_largest_is_read(kind: str) -> None:
    """A guild of 9 MB, which compresses well as such do, is far from both bounds."""
    members = [{"user": {"id": str(n * 7919), "username": f"{n * 31:x}"}} for n in range(180_000)]
    (message,) = stream(kind, [dispatch(1, json.dumps(members).encode())])
    (run,) = reader(kind).read([message])
    assert isinstance(run, list)
    assert len(run[0][2]) > 9_000_000


def test_pieces_of_a_message_that_has_no_end_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MAX_PARTIAL_PAYLOADS", 100)
    inflater = compression.ZlibStream()
    assert inflater.inflate([b""] * 10_000) == (b"", 0)
    assert inflater.inflate([b"x"] * 100) == (b"", 0)
    with pytest.raises(InflateError, match="too many pieces"):
        inflater.inflate([b"x"])


@pytest.mark.parametrize(
    "text",
    [
        b'{"op":11,"d":[' + b"[]," * 500_000 + b"[]]}",
        b'{"op":11}' * 50_000,
        b'{"op":11,"d":"' + b"}{" * 700_000 + b'"}{"op":1}',
        b"}" * 1_500_000,
        dispatch(1, b"1") * 20_000,
        b'{"op":11,"d":"' + "\U0001f600".encode() * 300_000 + b'"}{"op":1}',
        b"}{" * 700_000,
    ],
    ids=["lists", "frames", "boundaries", "braces", "dispatches", "emoji", "nothing"],
)
def test_a_slice_that_the_pattern_does_not_fit_is_not_built(text: bytes) -> None:
    """A JSON decoder makes 56 bytes of an empty list; here it makes nothing."""

    def work() -> None:
        try:
            reader().read([text, b""])
        except FrameError:
            return

    assert peak_of(work) < 6 * len(text) + 16 * MIB


# -- numbers, names, depth ----------------------------------------------------------------------


@pytest.mark.parametrize("seq", ["-1", "1.0", "1e3", "1e400", "true", '"1"', str(10**18),
                                 str(2**63), str(2**64), "9" * 400, "9" * 5000])  # fmt: skip
def test_an_s_that_is_none(seq: str) -> None:
    frame = b'{"t":"A","s":%b,"op":0,"d":1}' % seq.encode()
    left_out = Unplaced("A", "a dispatch without a usable s")
    assert reader().read([frame]) == [left_out]
    read = reader().read([dispatch(1, b"1"), frame, dispatch(2, b"1")])
    assert read == [[("A", 1, b"1")], left_out, [("A", 2, b"1")]]


def test_the_largest_s_is_taken() -> None:
    assert reader().read([dispatch(MAX_SEQ, b"1")]) == [[("A", MAX_SEQ, b"1")]]


@pytest.mark.parametrize("name", ["", "a", "_A", "_hole", "A.B", "A.1.", "A\\u0000", "A B", "Ä",
                                  "A\\n", "A" * 101, "A" * 10_000])  # fmt: skip
def test_a_name_that_would_be_another_topic(name: str) -> None:
    """A topic is the name, a dot, the shard, a dot, a NUL byte: none of them may be in a name."""
    frame = dispatch(2, b"1", name)
    (left_out,) = reader().read([frame])
    assert isinstance(left_out, Unplaced)
    assert left_out.event.isprintable()
    for _ in range(3):
        read = reader().read([dispatch(1, b"1"), frame, dispatch(3, b"1")])
        assert read == [[("A", 1, b"1")], left_out, [("A", 3, b"1")]]


DEEP = [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000]


@pytest.mark.parametrize("deep", DEEP, ids=["arrays", "objects"])
def test_depth(deep: bytes) -> None:
    """100,000 deep: left out where it is looked into, carried where it is not."""
    left_out = Unplaced("", "a frame that is nested too deep to be read")
    assert decode(dispatch(1, deep)) == left_out
    assert decode_many(dispatch(1, deep) * 2) == [left_out] * 2
    assert reader().read([b'{"t":null,"s":null,"op":10,"d":%b}' % deep]) == [left_out]
    with pytest.raises(BadReadyError):
        read_ready(b'{"session_id":"x","guilds":%b}' % deep)
    many = reader()
    many.read([dispatch(n, b"1") for n in range(1, 4)])
    (run,) = many.read([dispatch(n, deep if n == 5 else b"1") for n in range(4, 8)])
    assert len(run) == 4


def test_a_ready_that_would_be_a_burden() -> None:
    """Its session is written with every drain, and a RESUME has to hold its token."""
    for field, value in (
        ("session_id", "x" * 2000),
        ("resume_gateway_url", "wss://" + "x" * 9000),
        ("auth_token", "x" * 4000),
    ):
        d = {"session_id": "abc", "resume_gateway_url": "wss://a", "guilds": [], field: value}
        with pytest.raises(BadReadyError, match=r"of \d+ (bytes|characters)"):
            read_ready(json.dumps(d).encode())


# -- anything -----------------------------------------------------------------------------------

SAMPLE = [
    b'{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}}',
    dispatch(
        1, b'{"session_id":"abc","resume_gateway_url":"wss://localhost","guilds":[]}', "READY"
    ),
    *[dispatch(n, b'{"guild_id":"1"}', "AB"[n % 2]) for n in range(2, 6)],
    b'{"t":null,"s":null,"op":11,"d":null}',
    b'{"t":null,"s":null,"op":1,"d":6}',
    dispatch(9, b"[]"),
    dispatch(9, b"{}", "RESUMED"),
    b'{"t":null,"s":null,"op":9,"d":true}',
]
BITS = [b"null", b"-1", b"1e99", str(2**63).encode(), str(2**64).encode(), b"{", b"}", b"}{", b"[",
        b'"', b"\\u0000", b"\xff", b'"d":', b'"op":', b'"s":', b'"t":', b"READY", b"RESUMED",
        b",", b"", b'{"heartbeat_interval":1e-9}', b"true"]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, text: bytes) -> bytes:
    """Draw a text with some places of it replaced."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 12))
        text = text[:start] + draw(st.sampled_from(BITS) | st.binary(max_size=4)) + text[end:]
    return text


@st.composite
def slices(draw: st.DrawFn) -> list[Messages]:
    """Draw the slices of a connection, frames mutated and in any order."""
    count = st.integers(0, 6)
    return [
        [draw(mutated(draw(st.sampled_from(SAMPLE)))) for _ in range(draw(count))]
        for _ in range(draw(st.integers(1, 4)))
    ]


@settings(max_examples=150, derandomize=True)
@given(slices(), st.sampled_from(sorted(KINDS)), st.data())
def test_frames_are_read_or_refused(sent: list[Messages], kind: str, data: st.DataObject) -> None:
    """Whatever comes, in whichever compression, damaged before or after it."""
    frames = reader(kind)
    texts = [text for part in sent for text in part]
    payloads = iter(stream(kind, texts) if kind else texts)
    for part in sent:
        messages = [next(payloads) for _ in part]
        if data.draw(st.booleans()):
            messages = [data.draw(mutated(message)) for message in messages]
        try:
            for read in frames.read(messages):
                if isinstance(read, Frame):
                    assert read.seq <= MAX_SEQ
                elif isinstance(read, Unplaced):
                    assert read.event.isprintable()
                else:
                    assert all(0 <= seq <= MAX_SEQ for _, seq, _ in read)
        except (FrameError, InflateError):
            frames.connect(KINDS[kind]())


@settings(max_examples=150, derandomize=True)
@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([
        b"\x82\x02hi", b"\x81\x02hi", b"\x89\x00", b"\x88\x02\x03\xe8", b"\x02\x01x", b"\x80\x01x",
        b"\xc2\x03\xab\x00\x00", b"\x82\x7e\x00\x80", b"\x82\x7f" + b"\xff" * 8, b"\x00\x00",
    ]), max_size=8),
    st.booleans(),
)  # fmt: skip
def test_websocket_frames_are_read_or_refused(chunks: Messages, deflate: bool) -> None:
    websocket = WebSocket(Deflate() if deflate else None)
    for chunk in chunks:
        websocket.feed(chunk)
        try:
            while websocket.ready:
                before = websocket.pending
                websocket.take(3, 16)
                assert websocket.pending < before or not websocket.ready, "a take for nothing"
        except WebSocketError:
            return


# -- a shard under it ----------------------------------------------------------------------------

SPEC = WorkerSpec(
    slot=0, cluster="0" * 16, boot_id="", shard_count=1, shards=[], token="x.y.z", intents=0,
    gateway_url="wss://localhost", compress="", journal_dir="", link_endpoint="", hub_endpoint="",
)  # fmt: skip


class Connection(PlayedConnection):
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = 0

    def took(self, payload: bytes, command: bool, fate: Fate | None) -> None:
        self.sent.append(payload)

    def close(self, code: int) -> None:
        self.closed = code


class Surroundings:
    """What a shard talks to: transport, delivery, coordinator."""

    began_ns = 0
    guilds = 0

    def __init__(self) -> None:
        self.connection = Connection()
        self.delivered: list[FrameEvent] = []
        self.epochs: list[int] = []
        self.asked = 0

    def connect(self, url: str, receiver: Any) -> Connection:
        self.connection = Connection()
        return self.connection

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        self.epochs.append(epoch)
        self.delivered.clear()

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        self.delivered += events

    def end_epoch(self, cause: str) -> None: ...

    def heard(self, frame: Frame) -> None: ...

    def resumed_after(self, seq: int) -> int:
        return seq

    def handled(self, seq: int) -> int:
        return seq

    def request_grant(self, shard_id: int) -> None:
        self.asked += 1

    def identify_sent(self, shard_id: int, grant_id: int) -> None: ...

    def identify_unused(self, shard_id: int, grant_id: int) -> None: ...

    def changed(self) -> None: ...


def shard_in(around: Any) -> Shard:
    made = Shard(ShardPlan(shard_id=0, shard_count=1), SPEC, around, around, around)
    made.start()
    made.on_connected()
    return made


@settings(max_examples=80, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(slices(), min_size=1, max_size=3))
def test_a_shard_lives_through_anything(connections: list[list[Messages]]) -> None:
    """No exception, no event twice or back in order, and it is somewhere to go on from."""

    async def main() -> None:
        around = Surroundings()
        shard = shard_in(around)
        for sent in connections:
            for messages in [SAMPLE[:1], *sent]:
                shard.on_messages(messages, [])
                if shard.state is SessionState.AWAITING_GRANT:
                    shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
                if around.connection.closed:
                    break
            seqs = [seq for _, seq, _ in around.delivered]
            assert seqs == sorted(set(seqs))
            assert len(around.connection.sent) <= 2 + 2 * len(sent)
            assert shard.state is not SessionState.FATAL
            if shard.state is not SessionState.WAITING:
                shard.on_closed(1006, "cut")
            shard.reconnect()  # the next try, without the wait before it
            shard._tick()
            shard.on_connected()
        shard.stop(logout=False)

    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(main())
    finally:
        logging.disable(logging.NOTSET)


def test_many_demands_for_a_heartbeat_in_a_slice_get_one() -> None:
    async def main() -> None:
        around = Surroundings()
        shard = shard_in(around)
        shard.on_messages(SAMPLE[:1], [])
        shard.on_messages([b'{"t":null,"s":null,"op":1,"d":null}'] * 512, [])
        assert len(around.connection.sent) == 1
        shard.stop(logout=False)

    asyncio.run(main())


def test_plain_knows_no_bound_but_the_websocket_s() -> None:
    """Without compression a slice is as large as what came."""
    assert Plain().inflate([b"x" * 20 * MIB])[1] == 1
