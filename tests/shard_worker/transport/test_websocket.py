"""RFC 6455 framing, with the `websockets` and `wsproto` libraries as oracles."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close as OracleClose
from websockets.frames import Frame as OracleFrame
from websockets.frames import Opcode as OracleOpcode
from websockets.streams import StreamReader
from wsproto.frame_protocol import FrameProtocol, ParseFailed

from shard_worker.transport.message_deflate import Deflate, parse_extensions
from shard_worker.transport.websocket import (
    MAX_FRAGMENTS,
    Control,
    Opcode,
    WebSocket,
    close_payload,
    encode,
    mask,
)
from shard_worker.transport.websocket_error import WebSocketError

TEXT, CLOSE = Opcode.TEXT, Opcode.CLOSE
EDGES = (0, 1, 125, 126, 127, 65_535, 65_536)
KEY = b"\x12\xf4\x56\x78"

texts = st.text(max_size=200).map(str.encode)
payloads = st.one_of(st.binary(max_size=300), st.sampled_from(EDGES).map(lambda n: b"z" * n))


@st.composite
def items(draw: st.DrawFn) -> tuple[Opcode, list[bytes]]:
    """A message as its fragments, or a control frame."""
    opcode = draw(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG]))
    if opcode >= 8:
        return opcode, [draw(st.binary(max_size=125))]
    payload = draw(texts if opcode is Opcode.TEXT else payloads)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
    ends = [0, *cuts, len(payload)]
    return opcode, [payload[a:b] for a, b in itertools.pairwise(ends)]


streams = st.lists(items(), max_size=8)


def by_websockets(stream: Iterable[tuple[Opcode, list[bytes]]]) -> bytes:
    """Return the stream as a server of `websockets` frames it, a ping between any two fragments."""
    out = b""
    for opcode, fragments in stream:
        for i, fragment in enumerate(fragments):
            kind = OracleOpcode(opcode) if i == 0 else OracleOpcode.CONT
            final = i == len(fragments) - 1
            out += OracleFrame(kind, fragment, fin=final).serialize(mask=False)
            if not final:
                out += OracleFrame(OracleOpcode.PING, b"between").serialize(mask=False)
    return out


def by_wsproto(stream: Iterable[tuple[Opcode, list[bytes]]]) -> bytes:
    """Return the stream as a server of `wsproto` frames it."""
    protocol = FrameProtocol(client=False, extensions=[])
    out = b""
    for opcode, fragments in stream:
        if opcode is Opcode.PING:
            out += protocol.ping(fragments[0])
            continue
        if opcode is Opcode.PONG:
            out += protocol.pong(fragments[0])
            continue
        if opcode is Opcode.TEXT:  # wsproto takes text as str, so one fragment
            out += protocol.send_data(b"".join(fragments).decode(), fin=True)
            continue
        for i, fragment in enumerate(fragments):
            out += protocol.send_data(fragment, fin=i == len(fragments) - 1)
    return out


def receive(chunks: Iterable[bytes], limit: int = 3) -> tuple[list[bytes], list[Control]]:
    """Return what a pump reads of these chunks."""
    websocket = WebSocket()
    messages: list[bytes] = []
    controls: list[Control] = []
    for chunk in chunks:
        websocket.feed(chunk)
        if (lone := websocket.take_lone()) is not None:
            assert not websocket.ready
            messages.append(lone)
        while websocket.ready:
            piece = websocket.take(limit)
            assert piece.texts == sorted(set(piece.texts) & set(range(len(piece.messages))))
            messages += piece.messages
            controls += piece.controls
            if not (piece.messages or piece.controls) and websocket.pending < 2:
                break
    assert websocket.pending == 0
    return messages, controls


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535])
def test_a_message_that_comes_alone_is_taken_by_itself(size: int) -> None:
    websocket = WebSocket()
    for _ in range(2):
        websocket.feed(by_websockets([(Opcode.BINARY, [b"z" * size])]))
        assert websocket.take_lone() == b"z" * size
        assert (websocket.pending, websocket.ready, websocket.take_lone()) == (0, False, None)


HELLO = b"\x82\x05hello"


@pytest.mark.parametrize(
    "chunks",
    [
        [b"\x82"],
        [b"\x82\x05hell"],
        [b"\x82", b"\x05hello"],
        [HELLO + b"\x82"],
        [HELLO, HELLO],
        [b"\x81\x05hello"],
        [b"\xc2\x05hello"],
        [b"\x02\x05hello"],
        [b"\x89\x05hello"],
        [b"\x88\x00"],
        [b"\x82\x85....hello"],
        [b"\x82\xfe....hello"],
        [b"\x82\x7e\x00"],
        [b"\x82\x7e\x00\x05hello"],
        [b"\x82\x7e\x00\x7d" + b"z" * 125],
        [b"\x82\x7f" + b"\0" * 5 + b"\x01\0\0" + b"z" * 65_536],
        [b"\x82\x06hello!"],
        [b""],
    ],
)
def test_anything_else_is_left_as_it_is(chunks: list[bytes]) -> None:
    """The limit is 5 bytes; what breaks it, or RFC 6455, is refused where all frames are."""
    websocket = WebSocket(max_message=70_000 if b"\x7f" in b"".join(chunks)[:2] else 5)
    for chunk in chunks:
        websocket.feed(chunk)
    assert websocket.take_lone() is None
    assert websocket.pending == sum(map(len, chunks))


@pytest.mark.parametrize(
    "before",
    [
        b"\x02\x01x",  # a message whose end has not come
        b"\x82",  # half a frame
        b"\x82\x05he",
        b"\x88\x00",  # the end
    ],
)
def test_what_follows_something_is_not_alone(before: bytes) -> None:
    websocket = WebSocket()
    websocket.feed(before)
    websocket.take(9)
    websocket.feed(HELLO)
    assert websocket.take_lone() is None


def cut(data: bytes, paths: Iterable[int]) -> list[bytes]:
    ends = [0, *sorted(paths), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(ends)]


def test_text_is_told_from_binary() -> None:
    websocket = WebSocket()
    kinds = (Opcode.BINARY, Opcode.TEXT, Opcode.PING, Opcode.TEXT, Opcode.BINARY)
    websocket.feed(by_websockets([(kind, [b"a"]) for kind in kinds]))
    websocket.feed(by_websockets([(Opcode.TEXT, [b"a", b"b"])]))
    piece = websocket.take(10)
    assert (len(piece.messages), piece.texts) == (5, [1, 2, 4])


@settings(max_examples=150)
@given(streams, st.data())
def test_reads_what_websockets_writes(
    stream: list[tuple[Opcode, list[bytes]]], data: st.DataObject
) -> None:
    wire = by_websockets(stream)
    paths = data.draw(st.lists(st.integers(0, len(wire)), max_size=6))
    messages, controls = receive(cut(wire, paths))
    assert messages == [b"".join(f) for op, f in stream if op < 8]
    own = [(c.opcode, c.payload) for c in controls if c.payload != b"between"]
    assert own == [(op, f[0]) for op, f in stream if op >= 8 and f[0] != b"between"]


@settings(max_examples=150)
@given(streams, st.data())
def test_reads_what_wsproto_writes(
    stream: list[tuple[Opcode, list[bytes]]], data: st.DataObject
) -> None:
    wire = by_wsproto(stream)
    paths = data.draw(st.lists(st.integers(0, len(wire)), max_size=6))
    messages, controls = receive(cut(wire, paths))
    assert messages == [b"".join(f) for op, f in stream if op < 8]
    assert [(c.opcode, c.payload) for c in controls] == [(o, f[0]) for o, f in stream if o >= 8]


def test_cut_at_every_byte() -> None:
    stream = [
        (Opcode.BINARY, [b"a" * 125]),
        (Opcode.TEXT, ["schön".encode()[:4], "schön".encode()[4:]]),  # cut within a character
        (Opcode.BINARY, [b"b" * 126, b"", b"c" * 300]),
        (Opcode.PING, [b"p"]),
        (Opcode.BINARY, [b""]),
    ]
    wire = by_websockets(stream)
    whole = receive([wire])
    for place in range(len(wire) + 1):
        assert receive([wire[:place], wire[place:]]) == whole
    assert receive(wire[i : i + 1] for i in range(len(wire))) == whole


@settings(max_examples=60)
@given(streams, st.sampled_from([by_websockets, by_wsproto]))
def test_every_place_of_a_cut_gives_the_same(
    stream: list[tuple[Opcode, list[bytes]]],
    frame: Callable[[Iterable[tuple[Opcode, list[bytes]]]], bytes],
) -> None:
    wire = frame((op, [part[:40] for part in parts]) for op, parts in stream if op is not TEXT)
    whole = receive([wire])
    assert whole[0] == [b"".join(p[:40] for p in f) for op, f in stream if op is Opcode.BINARY]
    for place in range(len(wire) + 1):
        assert receive([wire[:place], wire[place:]]) == whole
    assert receive(wire[i : i + 1] for i in range(len(wire))) == whole


def by_wsproto_read(wire: bytes) -> list[tuple[int, bytes]] | None:
    """Return what a client of `wsproto` reads, up to a close; None: it refuses. Text is bytes."""
    protocol = FrameProtocol(client=True, extensions=[])
    protocol.receive_bytes(wire)
    out: list[tuple[int, bytes]] = []
    message = b""
    try:
        for frame in protocol.received_frames():
            payload: Any = frame.payload
            if frame.opcode == 8:
                # (code, reason); wsproto tells a missing code as 1005
                out.append((8, b"" if payload[0] == 1005 else int(payload[0]).to_bytes(2, "big")))
                break
            payload = payload.encode() if isinstance(payload, str) else bytes(payload)
            if frame.opcode > 8:
                out.append((frame.opcode, payload))
                continue
            message += payload
            if frame.message_finished:
                out.append((0, message))
                message = b""
    except ParseFailed:
        return None
    return out


def read(wire: bytes) -> list[tuple[int, bytes]] | None:
    """Return what our WebSocket reads, up to a close; None: it refuses."""
    websocket = WebSocket()
    websocket.feed(wire)
    out: list[tuple[int, bytes]] = []
    try:
        while websocket.ready:
            piece = websocket.take(1)
            out += [(0, message) for message in piece.messages]
            for control in piece.controls:
                payload = control.payload[:2] if control.opcode is CLOSE else control.payload
                out.append((int(control.opcode), payload))
            if not (piece.messages or piece.controls) and websocket.pending < 2:
                break
    except WebSocketError:
        return None
    return out


first_bytes = st.one_of(
    st.sampled_from([0x82, 0x82, 0x81, 0x02, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8A]),
    st.integers(0, 255),
)


@st.composite
def raw_frames(draw: st.DrawFn) -> bytes:
    """A frame that may be wrong: reserved bits and opcodes, a mask, lengths in the wrong form."""
    payload = draw(st.one_of(st.binary(max_size=130), st.integers(0, 65_535).map(_two_bytes)))
    first = draw(first_bytes)
    if first & 0x0F < 2:  # wsproto looks at a text's letters before its end has come
        payload = bytes(byte & 0x7F for byte in payload)
    size = len(payload)
    form = draw(st.sampled_from(["short", "short", "short", "16", "64"]))
    bit = draw(st.sampled_from([0, 0, 0, 0, 0x80]))
    if form == "short" and size < 126:
        head = bytes([bit | size])
    elif form == "64":
        head = bytes([bit | 127]) + size.to_bytes(8, "big")
    else:
        head = bytes([bit | 126]) + size.to_bytes(2, "big")
    return bytes([first]) + head + (bytes(4) if bit else b"") + payload


def _two_bytes(code: int) -> bytes:
    return code.to_bytes(2, "big")


@settings(max_examples=400)
@given(st.lists(raw_frames(), min_size=1, max_size=3).map(b"".join))
def test_what_wsproto_refuses_we_refuse_and_what_it_reads_we_read(wire: bytes) -> None:
    assert read(wire) == by_wsproto_read(wire)


@pytest.mark.parametrize("size", EDGES)
def test_lengths_both_ways(size: int) -> None:
    payload = bytes(i & 0xFF for i in range(size))
    assert receive([by_websockets([(Opcode.BINARY, [payload])])]) == ([payload], [])
    assert receive([by_wsproto([(Opcode.BINARY, [payload])])]) == ([payload], [])
    frame = encode(Opcode.BINARY, payload, KEY)
    assert frame == OracleFrame(OracleOpcode.BINARY, payload).serialize(mask=True)[
        : len(frame) - size - 4
    ] + KEY + mask(payload, KEY)


@given(payloads, st.binary(min_size=4, max_size=4))
def test_our_frames_are_read_by_both(payload: bytes, key: bytes) -> None:
    for opcode in (Opcode.TEXT, Opcode.BINARY):
        if opcode is Opcode.TEXT and not payload.isascii():
            continue
        wire = encode(opcode, payload, key)
        reader = StreamReader()
        reader.feed_data(wire)
        parser = OracleFrame.parse(reader.read_exact, mask=True, max_size=None)
        with pytest.raises(StopIteration) as done:
            next(parser)
        assert (done.value.value.opcode, done.value.value.data) == (opcode, payload)
        protocol = FrameProtocol(client=False, extensions=[])
        protocol.receive_bytes(wire)
        got = b""
        for part in protocol.received_frames():
            assert isinstance(part.payload, (str, bytes, bytearray))
            got += part.payload.encode() if isinstance(part.payload, str) else part.payload
        assert got == payload


@given(st.binary(max_size=1000), st.binary(min_size=4, max_size=4))
def test_mask_is_the_rfc_s(payload: bytes, key: bytes) -> None:
    assert mask(payload, key) == bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def test_a_slice_is_bounded_by_count_and_bytes() -> None:
    websocket = WebSocket()
    websocket.feed(by_websockets([(Opcode.BINARY, [b"x" * 100])] * 10))
    assert len(websocket.take(4).messages) == 4
    assert len(websocket.take(100, max_bytes=250).messages) == 3  # the one that reaches it is in
    assert websocket.ready
    assert len(websocket.take(100).messages) == 3
    assert not websocket.ready


def test_a_large_frame_waits_until_it_is_whole() -> None:
    websocket = WebSocket()
    wire = by_websockets([(Opcode.BINARY, [b"x" * 1_000_000])])
    for start in range(0, len(wire) - 1000, 1000):
        websocket.feed(wire[start : start + 1000])
        if start:
            assert not websocket.ready, "would be parsed anew with each chunk"
        websocket.take(1)
    websocket.feed(wire[start + 1000 :])
    assert websocket.take(1).messages == [b"x" * 1_000_000]


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x82\x81\x00\x00\x00\x00x", 1002),  # masked by a server
        (b"\xc2\x01x", 1002),  # RSV1 without an extension
        (b"\xa2\x01x", 1002),  # RSV2
        (b"\x92\x01x", 1002),  # RSV3
        (b"\x83\x00", 1002),  # reserved data opcode
        (b"\x8b\x00", 1002),  # reserved control opcode
        (b"\x80\x01x", 1002),  # continuation of nothing
        (b"\x01\x01x\x82\x01x", 1002),  # a message within a message
        (b"\x01\x01x\x01\x01x", 1002),
        (b"\x09\x00", 1002),  # fragmented ping
        (b"\x89\x7e\x00\x7e" + b"x" * 126, 1002),  # ping of 126 bytes
        (b"\x82\x7e\x00\x7d" + b"x" * 125, 1002),  # 125 in two bytes
        (b"\x82\x7f" + (65_535).to_bytes(8, "big"), 1002),  # 65535 in eight
        (b"\x82\x7f" + (64 * 1024 * 1024 + 1).to_bytes(8, "big"), 1009),  # refused by its header
        (b"\x88\x01x", 1002),  # half a close code
        (b"\x88\x02\x03\xed", 1002),  # 1005 is never sent
        (b"\x88\x02\x00\x07", 1002),
        (b"\x88\x03\x0f\xa0\xff", 1007),  # a reason that is no UTF-8
        (b"\x81\x01\xff", 1007),  # text that is no UTF-8
    ],
)
def test_protocol_errors(wire: bytes, code: int) -> None:
    websocket = WebSocket()
    websocket.feed(wire)
    with pytest.raises(WebSocketError) as error:
        websocket.take(10)
    assert error.value.code == code


def test_fragments_are_bounded_together() -> None:
    websocket = WebSocket(max_message=100)
    websocket.feed(by_websockets([(Opcode.BINARY, [b"x" * 60, b"x" * 60])]))
    with pytest.raises(WebSocketError) as error:
        websocket.take(10)
    assert error.value.code == 1009


def test_close_codes_and_the_silence_after() -> None:
    websocket = WebSocket()
    websocket.feed(b"\x88\x05\x0f\xa4bye\x82\x01x")
    piece = websocket.take(10)
    assert piece.controls == [Control(Opcode.CLOSE, b"\x0f\xa4bye", 4004, "bye")]
    assert piece.messages == []
    assert websocket.closed
    assert not websocket.ready
    websocket = WebSocket()
    websocket.feed(b"\x88\x00")
    assert websocket.take(10).controls == [Control(Opcode.CLOSE, b"", None, "")]


@pytest.mark.parametrize(
    ("codes", "allowed"),
    [
        (range(1000), False),
        ((1000, 1001, 1002, 1003), True),
        ((1004, 1005, 1006, 1015), False),  # never on the wire
        (range(1007, 1015), True),
        (range(1016, 3000), False),
        (range(3000, 5000), True),
        ((5000, 65_535), False),
    ],
)
def test_which_close_codes_a_server_may_send(codes: Iterable[int], allowed: bool) -> None:
    for code in codes:
        websocket = WebSocket()
        websocket.feed(b"\x88\x02" + code.to_bytes(2, "big"))
        if allowed:
            assert [control.code for control in websocket.take(1).controls] == [code]
        else:
            with pytest.raises(WebSocketError, match=r"close frame with .* as its code"):
                websocket.take(1)


@given(st.one_of(st.none(), st.integers(3000, 4999)), st.binary(min_size=4, max_size=4))
def test_our_close_is_read_by_both(code: int | None, key: bytes) -> None:
    wire = encode(Opcode.CLOSE, close_payload(code), key)
    reader = StreamReader()
    reader.feed_data(wire)
    parser = OracleFrame.parse(reader.read_exact, mask=True, max_size=None)
    with pytest.raises(StopIteration) as done:
        next(parser)
    assert OracleClose.parse(done.value.value.data).code == (1005 if code is None else code)
    protocol = FrameProtocol(client=False, extensions=[])
    protocol.receive_bytes(wire)
    (frame,) = protocol.received_frames()
    payload: Any = frame.payload
    assert payload[0] == (1005 if code is None else code)


def test_a_message_of_64_mib_is_read_and_one_byte_more_is_refused() -> None:
    limit = 64 * 1024 * 1024
    websocket = WebSocket()
    websocket.feed(b"\x82\x7f" + limit.to_bytes(8, "big"))
    websocket.feed(bytes(limit))
    (message,) = websocket.take(1).messages
    assert len(message) == limit
    for wire in (
        b"\x82\x7f" + (limit + 1).to_bytes(8, "big"),  # by its header: nothing of it is waited for
        b"\x82\x7f" + (1 << 63).to_bytes(8, "big"),
        b"\x02\x7f" + (limit + 1).to_bytes(8, "big"),
    ):
        websocket = WebSocket()
        websocket.feed(wire)
        with pytest.raises(WebSocketError) as error:
            websocket.take(1)
        assert error.value.code == 1009


def test_a_message_has_a_bound_of_fragments() -> None:
    websocket = WebSocket()
    websocket.feed(b"\x02\x00" + b"\x00\x00" * MAX_FRAGMENTS)
    with pytest.raises(WebSocketError) as error:
        websocket.take(2 * MAX_FRAGMENTS)
    assert error.value.code == 1009


def test_our_close_frame() -> None:
    wire = encode(Opcode.CLOSE, close_payload(4000), b"\0\0\0\0")
    assert receive([wire.replace(b"\x82\0\0\0\0", b"\x02", 1)]) == (
        [],
        [Control(Opcode.CLOSE, b"\x0f\xa0", 4000, "")],
    )


# -- permessage-deflate (RFC 7692) -----------------------------------------------------------------


@given(st.lists(st.binary(max_size=400), max_size=6), st.booleans(), st.sampled_from([9, 12, 15]))
def test_deflate(messages: list[bytes], takeover: bool, bits: int) -> None:
    oracle = PerMessageDeflate(False, not takeover, 15, bits)
    websocket = WebSocket(Deflate(not takeover, bits))
    for message in messages:
        half = len(message) // 2
        for frame in (
            OracleFrame(OracleOpcode.BINARY, message[:half], fin=False),
            OracleFrame(OracleOpcode.CONT, message[half:]),
        ):
            websocket.feed(frame.serialize(mask=False, extensions=[oracle]))
        websocket.feed(by_websockets([(Opcode.BINARY, [b"plain"])]))  # may stay uncompressed
    got = websocket.take(10_000).messages
    assert got == [part for message in messages for part in (message, b"plain")]


def test_deflate_is_bounded_and_checked() -> None:
    oracle = PerMessageDeflate(False, False, 15, 15)
    bomb = OracleFrame(OracleOpcode.BINARY, bytes(100_000)).serialize(
        mask=False, extensions=[oracle]
    )
    for wire, code in (
        (bomb, 1009),
        (b"\xc2\x02\xff\xff", 1007),  # no deflate data
        (b"\x02\x01x\xc0\x01x", 1002),  # RSV1 on a continuation (section 6.1)
        (b"\xc9\x00", 1002),  # RSV1 on a ping
    ):
        websocket = WebSocket(Deflate(), max_message=50_000)
        websocket.feed(wire)
        with pytest.raises(WebSocketError) as error:
            websocket.take(10)
        assert error.value.code == code


def test_a_message_is_not_cut_at_a_final_block() -> None:
    final = zlib.compress(b"abc" * 9, wbits=-15)
    for payload, text in ((final, b"abc" * 9), (final + b"\x00", b"abc" * 9), (final * 2, None)):
        websocket = WebSocket(Deflate(server_no_context_takeover=True))
        websocket.feed(bytes((0xC2, len(payload))) + payload)
        if text is not None:
            assert websocket.take(10).messages == [text]
        else:
            with pytest.raises(WebSocketError, match="more after a final block"):
                websocket.take(10)


def test_extensions() -> None:
    assert parse_extensions("") is None
    assert parse_extensions("permessage-deflate") == Deflate(False, 15)
    header = 'permessage-deflate; server_no_context_takeover; server_max_window_bits="10"'
    assert parse_extensions(header) == Deflate(True, 10)
    header = "permessage-deflate; client_max_window_bits=12; client_no_context_takeover"
    assert parse_extensions(header) == Deflate(False, 15, True, 12)
    for bad in (
        "permessage-bzip2",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; foo",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover=1",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=16",
    ):
        with pytest.raises(WebSocketError):
            parse_extensions(bad)
