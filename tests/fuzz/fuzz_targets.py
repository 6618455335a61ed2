"""What a fuzzer calls with bytes: each parser of what comes from outside, and what must hold of it.

An exception that a target lets through is a find. ``SEEDS`` are inputs to begin with.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from cluster import commands, events
from cluster.commands.member_chunks import NAMES
from cluster.decode_errors import MALFORMED
from cluster.discord.limits import MAX_SENT_BYTES
from cluster.discord.opcodes import Op
from cluster.doctor.fingerprint.client_hello import FingerprintError, complete, parse
from cluster.doctor.fingerprint.http2 import PREFACE, read_opening
from cluster.doctor.fingerprint.ja import ja4_raw
from cluster.endpoints.curve_keys import Client
from cluster.errors import ClusterError, CommandError
from cluster.events.base import DISPATCHES
from cluster.subscriber.chain import Mark, RangeReply, ShardChain
from cluster.subscriber.replay_client import read_batch
from cluster.wire import control, link, replay, topic, watermark
from cluster.wire.batch import decode_epoch_end
from cluster.wire.identifies import IdentifyAsk, IdentifyNotice
from cluster.wire.status import SubscriberReport
from cluster.wire.zmtp import SubscriberReader, ZmtpError
from cluster.zstd import ZstdCompressor
from coordinator.tcp_gate import control_relay
from coordinator.verb import args_of
from shard_worker.protocol.frame import MAX_SEQ, Frame, FrameError, Part, Unplaced, decode
from shard_worker.protocol.frame_reader import FrameReader
from shard_worker.protocol.payloads import with_seq
from shard_worker.sending.member_requests import whole_guilds
from shard_worker.transport.compression import KINDS, InflateError, Plain
from shard_worker.transport.message_deflate import Deflate
from shard_worker.transport.websocket import WebSocket
from shard_worker.transport.websocket_error import WebSocketError
from tests.fuzz.gateway_server import GATEWAY_SEEDS, GatewayServer
from tests.fuzz.hostile_corpus import ANSWERED, ASKED, PUBLISHED, REQUESTED, SAID
from tests.fuzz.http_server import HTTP_SEEDS, HttpServer

EVENTS: Final = sorted(DISPATCHES)
CLIENT: Final = Client(name="bot", public="0" * 40)
CUT: Final = b"\x7f\x80"
"""Stands between the pieces of an input that is a list."""
FRAMES: Final = [
    b'{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}}',
    b'{"t":"READY","s":1,"op":0,"d":{"session_id":"a","guilds":[]}}',
    b'{"t":"A","s":2,"op":0,"d":{"x":"}{\\"t\\":"}}',
    b'{"op":0,"d":[],"s":3,"t":"B_1"}',
    b'{"t":null,"s":null,"op":11,"d":null}',
]


def inflate(data: bytes) -> None:
    """Inflate a connection's payloads: together or one by one they give one text, or an error."""
    kind = sorted(KINDS)[data[0] % len(KINDS)] if data else ""
    payloads = data[1:].split(CUT)
    together, single = KINDS[kind](), KINDS[kind]()
    try:
        text, count = together.inflate(payloads)
    except InflateError:
        return
    each = single.inflate_each(payloads)
    assert (b"".join(each), len(each)) == (text, count)


def frames_of(parts: list[Part]) -> Iterator[Frame | Unplaced]:
    for part in parts:
        if isinstance(part, Frame | Unplaced):
            yield part
        else:
            yield from (Frame(0, *event) for event in part)


def frame(data: bytes) -> None:
    """Read a slice: where each message is a frame for a decoder, the pattern cuts the same ones."""
    messages = data.split(CUT)
    reader = FrameReader()
    reader.connect(Plain())
    reader.read([b'{"t":"%b","s":1,"op":0,"d":1}' % name for name in (b"A", b"B_1")])
    try:
        read = list(frames_of(reader.read(messages)))
    except (FrameError, InflateError):
        read = None
    placed = [f for f in read or () if isinstance(f, Frame)]
    assert all(-1 <= f.seq <= MAX_SEQ for f in placed)
    try:
        expected = [decode(message) for message in messages]
    except FrameError:
        return
    if any(
        isinstance(f, Unplaced) or not m.endswith(f.data + b"}")
        for m, f in zip(messages, expected, strict=True)
    ):
        # What is no object ends no frame. A key after d is seen in one dispatch of each slice, and
        # in the first of each name.
        return
    assert read is not None, "a slice of frames was refused"
    assert read == expected


def websocket(data: bytes) -> None:
    """Feed a server's bytes, in pieces, to a WebSocket."""
    made = WebSocket(Deflate() if data[:1] > b"\x7f" else None, max_message=1 << 16)
    for piece in data[1:].split(CUT):
        made.feed(piece)
        if (lone := made.take_lone()) is not None:
            assert piece.endswith(lone)
            assert not made.ready
        try:
            while made.ready:
                before = made.pending
                made.take(4, 64)
                assert made.pending < before or not made.ready
        except WebSocketError:
            return


def zmtp(data: bytes) -> None:
    """Read what the hub says to a worker: at once and byte by byte it says the same."""
    said: list[list[object]] = []
    for pieces in ([data], [bytes((byte,)) for byte in data]):
        reader = SubscriberReader()
        said.append([])
        try:
            for piece in pieces:
                said[-1].extend(reader.feed(piece))
        except ZmtpError as error:
            said[-1].append(type(error))
    assert said[0] == said[1]


def batch(data: bytes) -> None:
    """Take published messages through a chain."""
    chain = ShardChain(None if data[:1] > b"\x7f" else frozenset("A"), 4096)
    if data[:1] and data[0] & 1:
        chain.begin(3, -1)
    for message in data[1:].split(CUT):
        try:
            found = read_batch(message)
            name, _, payload = topic.split(message)
            if found is not None:
                chain.batch(*found)
            elif name == topic.WATERMARK:
                for row in watermark.decode(payload).shards:
                    chain.mark(Mark(row.epoch, row.before, row.base, row.seq, row.last))
            else:
                end = decode_epoch_end(payload)
                chain.mark(Mark(end.epoch, end.before, end.base, end.seq, end.last, final=True))
        except topic.WireError:
            continue
        chain.take()
        if (wanted := chain.wanted()) is not None:
            chain.answer(RangeReply(wanted, [], wanted.after, [], False, None, None))
            chain.take()


def messages(data: bytes) -> None:
    """Decode what comes to the control server, over the link, to the replay server and from it."""
    relay(data)
    for read in (
        control.decode_request, control.decode_response, link.decode_from_worker,
        link.decode_to_worker, replay.decode_request.decode, replay.decode_response.decode,
    ):  # fmt: skip
        try:
            found = read(data)
        except MALFORMED:
            continue
        if isinstance(found, control.Request):
            for kind in (SubscriberReport, IdentifyAsk):
                try:
                    args_of(found.args, kind)
                except ClusterError:
                    continue


def relay(data: bytes) -> None:
    """Take a request as the TCP gate does, from a key that may ask for nothing."""
    try:
        request = control.decode_sealed(data)
    except MALFORMED:
        return
    assert control.encode(control.decode_sealed(control.encode(request))) == control.encode(request)
    if (error := control_relay.refusal(CLIENT, request.verb)) is not None:
        control.encode(control.failure_of(error))
    for verb, kind in (("identify", IdentifyNotice), ("subscriber", SubscriberReport)):
        try:
            args = control_relay.unsealed(request, verb, kind)
        except ClusterError as refused:
            control.encode(control.failure_of(refused))
            continue
        if isinstance(args, SubscriberReport):
            control.encode(control_relay.named(request, args, CLIENT))


def command(data: bytes) -> None:
    """Read a command of another process, and what Discord answers to one."""
    try:
        made = commands.read(data)
    except CommandError:
        pass
    else:
        assert len(made.payload) <= MAX_SENT_BYTES
        assert commands.read(made.payload) == made
        whole_guilds(made.op, made.payload)
        if made.op == Op.QOS_HEARTBEAT:
            assert b'"seq":7' in with_seq(made.payload, 7)
    for name in NAMES:
        gathering = commands.MemberChunks(5, "n")
        try:
            if gathering.take(name, data):
                gathering.result()
        except ClusterError:
            continue


def introduction(data: bytes) -> None:
    """Read what a client sends first: HTTP/2, or TLS."""
    try:
        if data[:3] == PREFACE[:3]:
            read_opening(data)
        elif complete(data):
            ja4_raw(parse(data))
    except FingerprintError:
        return


def event(data: bytes) -> None:
    """Decode ``d`` of any event: it gets its class, or is none, and says where it does not fit."""
    name = EVENTS[data[0] % len(EVENTS)] if data else EVENTS[0]
    found = events.decode(name, data[1:])
    assert (found.name, found.data) == (name, data[1:])
    assert str(found)
    assert repr(found)
    if not isinstance(found, events.ParseError):
        assert type(found) is DISPATCHES[name]
    assert all(misfit.path.startswith("$") and misfit.reason for misfit in found.misfits)


_http_server = functools.cache(HttpServer)
"""One for all inputs, made for the first."""


def http(data: bytes) -> None:
    """Send the HTTP server what a client could."""
    _http_server().meet(data)


_gateway_server = functools.cache(GatewayServer)


def gateway(data: bytes) -> None:
    """Send the proxy's gateway what a client could."""
    _gateway_server().meet(data)


def _event(name: str, d: bytes) -> bytes:
    return bytes([EVENTS.index(name)]) + d


def _streams() -> list[bytes]:
    deflate, zstd = zlib.compressobj(), ZstdCompressor()
    kinds = {kind: bytes([index]) for index, kind in enumerate(sorted(KINDS))}
    return [
        kinds[""] + CUT.join(FRAMES),
        kinds["zlib-stream"]
        + CUT.join(deflate.compress(f) + deflate.flush(zlib.Z_SYNC_FLUSH) for f in FRAMES),
        kinds["zstd-stream"] + CUT.join(zstd.compress(f, zstd.FLUSH_BLOCK) for f in FRAMES),
    ]


_WIRE = b"\x82\x02hi\x89\x01x\x02\x01a\x80\x01b\x81\x7e\x00\x80" + b"x" * 128 + b"\x88\x02\x03\xe8"
_GREETED = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48)
_GREETED += b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"
_EXTENSIONS = b"".join(
    kind + len(content).to_bytes(2, "big") + content
    for kind, content in (
        (b"\x00\x00", b"\x00\x04\x00\x00\x01a"),
        (b"\x00\x0a", b"\x00\x02\x00\x1d"),
        (b"\x00\x0b", b"\x01\x00"),
        (b"\x00\x0d", b"\x00\x02\x08\x04"),
        (b"\x00\x10", b"\x00\x03\x02h2"),
        (b"\x00\x2b", b"\x02\x03\x04"),
        (b"\x00\x33", b"\x00\x06\x00\x1d\x00\x02xy"),
    )
)
_BODY = b"\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00"
_BODY += len(_EXTENSIONS).to_bytes(2, "big") + _EXTENSIONS
_HELLO = b"\x16\x03\x01" + (len(_BODY) + 4).to_bytes(2, "big")
_HELLO += b"\x01" + len(_BODY).to_bytes(3, "big") + _BODY
_OPENING = PREFACE + b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\x00\x01\x00\x01\x00\x00"
_OPENING += b"\x00\x00\x03\x01\x05\x00\x00\x00\x01" + b"\x82\x87\x84"
_EVENTS: Final = [
    _event("MESSAGE_CREATE", b'{"id":"1","content":"x","flags":4,"author":{"id":"2"},"nonce":1}'),
    _event("TYPING_START", b'{"channel_id":"1","user_id":"2","timestamp":1700000000}'),
    _event("PRESENCE_UPDATE", b'{"activities":[{"timestamps":{"start":1e300}}],"status":"dnd"}'),
    _event("READY", b'{"v":9,"guilds":[{"id":"1"}],"read_state":{"entries":[]},"shard":[0,1]}'),
    _event("SESSIONS_REPLACE", b'[{"session_id":"s","client_info":{"version":0}}]'),
]
_COMMANDS: Final = [
    b'{"op":8,"d":{"guild_id":["5","6"],"query":"","limit":0}}',
    b'{"op":40,"d":{"seq":null,"qos":{"ver":27}}}',
    b'{"guild_id":"5","members":[{}],"chunk_index":0,"chunk_count":2,"nonce":"n","not_found":[7]}',
    b'{"opcode":8,"retry_after":1.5,"meta":{"guild_id":"5","nonce":"n"}}',
]
TARGETS: Final[dict[str, tuple[Callable[[bytes], None], list[bytes]]]] = {
    "inflate": (inflate, _streams()),
    "frame": (frame, [CUT.join(FRAMES), CUT.join(FRAMES[:3]), FRAMES[2]]),
    "websocket": (websocket, [b"\x00" + _WIRE, b"\x80" + _WIRE, b"\x00" + CUT.join([_WIRE] * 2)]),
    "zmtp": (
        zmtp,
        [_GREETED, _GREETED + b"\x04\x0a\x09SUBSCRIBE\x04\x07\x04PING\x00\x01\x00\x01\x00"],
    ),
    "batch": (batch, [b"\x00" + CUT.join(PUBLISHED), b"\x81" + CUT.join(PUBLISHED)]),
    "messages": (messages, [*REQUESTED, *SAID, *ASKED, *ANSWERED]),
    "command": (command, _COMMANDS),
    "introduction": (introduction, [_HELLO, _OPENING]),
    "event": (event, _EVENTS),
    "http": (http, HTTP_SEEDS),
    "gateway": (gateway, GATEWAY_SEEDS),
}
"""Name -> (what is called, inputs to begin with)."""
