"""The scan of frames, against a JSON decoder, with bodies that try to look like a boundary."""

from __future__ import annotations

import itertools
import json
import random
import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shard_worker.protocol.frame import (
    Frame,
    FrameError,
    Part,
    Unplaced,
    decode,
    decode_many,
    parts,
)
from shard_worker.protocol.frame_reader import MISMATCHES, SINGLY, FrameReader
from shard_worker.transport.compression import InflateError, Plain, ZlibStream
from tests.progress import progress

HOSTILE = (
    '}{"t":"READY","s":1,"op":0,"d":{',
    '{"t":"MESSAGE_CREATE","s":7,"op":0,"d":null}',
    '}{"t":null,"s":null,"op":11,"d":null}',
    '"}{"t":',
    "}{",
    '\\"}{\\"t\\":',
    "\x00\ud7ff\u2028}",
)
strings = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 2**53), strings),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(strings, st.just("t")), inner)
    ),
    max_leaves=8,
)
names = st.sampled_from(["MESSAGE_CREATE", "PRESENCE_UPDATE", "READY", "RESUMED", "X_1"])
ops = st.sampled_from([0, 0, 0, 0, 0, 1, 7, 9, 10, 11, 42])
envelopes = st.tuples(ops, names, st.integers(0, 10**9), values)


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def discord(op: int, name: str, seq: int, body: Any) -> bytes:
    """A frame as Discord writes it."""
    t, s = (name, seq) if op == 0 else (None, None)
    return b'{"t":%b,"s":%b,"op":%d,"d":%b}' % (compact(t), compact(s), op, compact(body))


def other(op: int, name: str, seq: int, body: Any) -> bytes:
    """A frame with another order of keys than Discord's, and with spaces."""
    d = {"op": op, "d": body}
    if op == 0:
        d |= {"s": seq, "t": name}
    return json.dumps(d, ensure_ascii=False).encode()


def flat(read: Sequence[Part]) -> list[tuple[int, str, int, Any]]:
    out: list[tuple[int, str, int, Any]] = []
    for part in read:
        if isinstance(part, Frame):
            out.append((part.op, part.name, part.seq, json.loads(part.data)))
        elif isinstance(part, Unplaced):
            raise AssertionError(part)
        else:
            assert part, "an empty run"
            out += [(0, name, seq, json.loads(data)) for name, seq, data in part]
    return out


def expected(frames: Sequence[tuple[int, str, int, Any]]) -> list[tuple[int, str, int, Any]]:
    return [(op, t if op == 0 else "", s if op == 0 else -1, d) for op, t, s, d in frames]


def reader() -> FrameReader:
    made = FrameReader()
    made.connect(Plain())
    return made


def message_reader() -> FrameReader:
    """A reader that has given the pattern up."""
    made = reader()
    for _ in range(MISMATCHES):
        made.read([other(0, "X", 1, None)] * 2)
    assert made.by_message
    return made


@settings(max_examples=150)
@given(st.lists(envelopes, min_size=1, max_size=12), st.data())
def test_the_scan_reads_what_a_decoder_reads(
    frames: list[tuple[int, str, int, Any]], data: st.DataObject
) -> None:
    texts = [discord(*frame) for frame in frames]
    place = data.draw(st.integers(0, len(texts)))
    scan, single = reader(), message_reader()
    got = [*scan.read(texts[:place]), *scan.read(texts[place:])]
    assert scan.fallbacks == 0
    assert flat(got) == expected(frames)
    # Byte for byte: d is what was sent, in both modes and by the decoder.
    assert parts(decode_many(b"".join(texts))) == parts(f for p in got for f in frames_of(p))
    assert parts(f for p in single.read(texts) for f in frames_of(p)) == parts(
        f for p in got for f in frames_of(p)
    )


def frames_of(part: Part) -> list[Frame]:
    assert not isinstance(part, Unplaced)
    return [part] if isinstance(part, Frame) else [Frame(0, n, s, d) for n, s, d in part]


@st.composite
def compressed_streams(draw: st.DrawFn) -> tuple[list[Any], list[bytes], list[int]]:
    """(frames, payloads, ends of slices): a connection of zlib-stream, now and then with another
    order of keys, several frames in a message, a message in several payloads."""
    sent = draw(st.lists(envelopes, min_size=1, max_size=16))
    texts, start = list[bytes](), 0
    while start < len(sent):
        size = draw(st.sampled_from([1, 1, 1, 1, 2, 3]))
        group = sent[start : start + size]
        written = draw(st.sampled_from([discord, discord, other])) if size == 1 else discord
        texts.append(b"".join(written(*frame) for frame in group))
        start += size
    context, payloads = zlib.compressobj(), list[bytes]()
    for text in texts:
        message = context.compress(text) + context.flush(zlib.Z_SYNC_FLUSH)
        cuts = sorted(draw(st.lists(st.integers(1, len(message) - 1), max_size=2, unique=True)))
        ends = [0, *(cuts if draw(st.booleans()) else []), len(message)]
        payloads += [message[a:b] for a, b in itertools.pairwise(ends)]
    return sent, payloads, sorted(draw(st.lists(st.integers(0, len(payloads)), max_size=5)))


@settings(max_examples=250)
@given(compressed_streams())
def test_slices_and_message_by_message_are_equal(
    stream: tuple[list[Any], list[bytes], list[int]],
) -> None:
    """Whatever the bodies try, wherever messages and slices end: the same events, byte for byte."""
    progress()
    frames, payloads, ends = stream
    slices, single = reader(), message_reader()
    slices.connect(ZlibStream())
    single.connect(ZlibStream())
    got: list[Part] = []
    for start, end in itertools.pairwise([0, *ends, len(payloads)]):
        got += slices.read(payloads[start:end])
    by_one = [part for payload in payloads for part in single.read([payload])]
    assert flat(got) == expected(frames)
    assert [f for p in got for f in frames_of(p)] == [f for p in by_one for f in frames_of(p)]


messages = st.one_of(
    st.binary(max_size=30),
    st.lists(envelopes, min_size=1, max_size=3).map(
        lambda frames: b"".join(discord(*frame) for frame in frames)
    ),
    st.tuples(envelopes, st.integers(0, 40), st.binary(max_size=2)).map(
        lambda made: discord(*made[0])[: -made[1] or None] + made[2]
    ),
    st.sampled_from([b'{"op":0,"t":"a","s":1}', b'{"op":0,"t":"A","s":-1}', b"[]", b"1", b" "]),
)


@settings(max_examples=200)
@given(messages)
def test_a_message_alone_is_read_as_one_of_several(message: bytes) -> None:
    """Whatever it is: an event, another frame, several, or none."""

    def outcome(read: Callable[[], list[Part]]) -> list[Part] | type[Exception]:
        try:
            return read()
        except FrameError as error:
            return type(error)

    def alone() -> list[Part]:
        found = reader().one(message)
        return found if isinstance(found, list) else [[found]]

    def among_others() -> list[Part]:
        ack = discord(11, "", 0, None)
        first, *between, last = message_reader().read([ack, message, ack])
        assert first == last == Frame(11, "", -1, b"null")
        return between

    assert outcome(alone) == outcome(among_others)


def test_after_a_corrupt_stream_a_fresh_context_reads_on() -> None:
    """The old one is of no use; what is known of the server's order of keys stays."""
    texts = [discord(0, "X_1", seq, {"n": "owl" * seq}) for seq in range(1, 40)]

    def packed() -> list[bytes]:
        context = zlib.compressobj()
        return [context.compress(text) + context.flush(zlib.Z_SYNC_FLUSH) for text in texts]

    frames = FrameReader()
    frames.connect(ZlibStream())
    sent = packed()
    assert len(flat(frames.read(sent[:10]))) == 10
    broken = [*sent[10:20], b"\x07" + sent[20][1:], *sent[21:]]
    with pytest.raises((InflateError, FrameError)):
        frames.read(broken)
    with pytest.raises((InflateError, FrameError)):
        frames.read(sent[30:])
    frames.connect(ZlibStream())
    assert flat(frames.read(packed())) == [
        (0, "X_1", seq, {"n": "owl" * seq}) for seq in range(1, 40)
    ]
    assert frames.fallbacks == 0


@given(st.lists(envelopes, min_size=1, max_size=6))
def test_other_orders_are_read_too(frames: list[tuple[int, str, int, Any]]) -> None:
    texts = [other(*frame) for frame in frames]
    made = reader()
    for _ in range(MISMATCHES + 1):
        assert flat(made.read(texts)) == expected(frames)
    alone = len(frames) == 1  # it is decoded without a try of the pattern
    assert made.by_message is not alone
    assert made.fallbacks == (0 if alone else MISMATCHES)


@given(st.lists(envelopes, min_size=1, max_size=8), st.data())
def test_mixed_orders(frames: list[tuple[int, str, int, Any]], data: st.DataObject) -> None:
    texts = [(discord if data.draw(st.booleans()) else other)(*frame) for frame in frames]
    assert flat(reader().read(texts)) == expected(frames)


def test_a_frame_behind_a_dispatch_in_its_message_is_no_part_of_it() -> None:
    """As many dispatches as messages, and one frame more: it must not end up in a body."""
    made = reader()
    plain = [discord(0, "A", n, {}) for n in range(8)]
    made.read(plain)
    for frame in (discord(11, "", 0, None), b'{"t":"A","s":1,"op":7,"d":null}'):
        for place in range(8):
            texts = [*plain[:place], plain[place] + frame, *plain[place + 1 :]]
            got = [f for part in made.read(texts) for f in frames_of(part)]
            assert [f.data for f in got if f.op == 0] == [b"{}"] * 8
            assert len(got) == 9


def test_several_frames_in_one_message() -> None:
    frames: list[tuple[int, str, int, Any]] = [(0, "A", 1, {}), (0, "B", 2, []), (11, "", -1, None)]
    joined = b"".join(discord(*frame) for frame in frames)
    for made in (reader(), message_reader()):
        assert flat(made.read([joined])) == frames


def test_a_key_after_d_is_not_taken_for_d() -> None:
    """It passes the count; the strict look at the first of each name finds it."""
    sly = b'{"t":"A","s":1,"op":0,"d":{},"x":{"y":1}}'
    twice = b'{"t":"A","s":1,"op":0,"d":{},"d":{"y":1}}'
    for sent, d in ((sly, b"{}"), (twice, b'{"y":1}')):
        assert reader().read([sent]) == [[("A", 1, d)]]
        assert reader().read([sent, sent]) == [[("A", 1, d), ("A", 1, d)]]
    made = reader()
    plain = [discord(0, "A", n, {}) for n in range(8)]
    made.read(plain)
    # Later ones are found by the moving look at one place of each slice.
    sliced = [*plain[:5], sly, *plain[6:]]
    for _ in range(len(plain)):
        made.read(sliced)
    assert made.fallbacks == 1


def test_the_pattern_is_given_up_only_after_three_in_a_row() -> None:
    made = reader()
    good, bad = [discord(0, "A", 1, {})] * 2, [other(0, "A", 1, {})] * 2
    for _ in range(4):
        for texts in (bad, bad, good):
            assert flat(made.read(texts)) == [(0, "A", 1, {})] * 2
    before = made.by_message
    for _ in range(3):
        made.read(bad)
    made.connect(Plain())  # the server is the same after a reconnect
    assert (before, made.by_message) == (False, True)


@pytest.mark.parametrize("make", [reader, message_reader])
@pytest.mark.parametrize("half", [b'"\\ud800"', b'{"\\uDFFF":"\\ud83d\\ude00\\\\ud800\\ud83d"}'])
def test_half_a_surrogate_pair_is_carried_as_it_came(
    make: Callable[[], FrameReader], half: bytes
) -> None:
    """It is no fault of the stream, which would be read no better on another connection."""
    one = b'{"t":"A","s":1,"op":0,"d":%b}' % half
    turned = b'{"op": 0, "d": %b, "s": 2, "t": "A"}' % half
    ready = b'{"t":"READY","s":1,"op":0,"d":%b}' % half
    made = make()
    assert made.read([one]) == [[("A", 1, half)]]
    assert made.read([turned]) == [[("A", 2, half)]]
    assert made.read([one, one, turned, one]) == [
        [("A", 1, half), ("A", 1, half), ("A", 2, half), ("A", 1, half)]
    ]
    assert made.read([one, ready]) == [[("A", 1, half)], Frame(0, "READY", 1, half)]
    assert made.read([one + turned]) == [[("A", 1, half), ("A", 2, half)]]
    assert made.read([b'{"t":"A\\ud800","s":1,"op":0,"d":{}}']) == [
        Unplaced("A\ufffd", "a dispatch without a usable name")
    ]


surrogates = st.sampled_from(
    [
        "\\ud800",
        "\\uDFFF",
        "\\ufffd",
        "\\ud83d\\ude00",
        "\\\\ud800",
        '\\"',
        "\\n",
        "a",
        "}{",
        '\\",\\"d\\":',
    ]
)
texts = st.lists(surrogates, max_size=4).map(lambda parts: f'"{"".join(parts)}"')
jsons = st.recursive(
    texts,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(texts, inner), max_size=3).map(
            lambda items: "{" + ", ".join(f"{key} :{value}" for key, value in items) + "}"
        ),
    ),
    max_leaves=6,
)
fields = st.tuples(
    st.lists(st.tuples(texts.map(lambda key: f'"x{key[1:]}'), jsons), max_size=4), jsons
)


@settings(deadline=None)
@given(fields, st.data())
def test_d_is_the_bytes_that_came_wherever_half_surrogate_pairs_are(
    drawn: tuple[list[tuple[str, str]], str], data: st.DataObject
) -> None:
    others, body = drawn
    # Another key may have the same text, or one that is the same once its halves are replaced.
    others += [(f'"y{n}"', re.sub(r"\\uDFFF|\\ufffd", r"\\ud800", body)) for n in range(2)]
    named = [('"op"', "0"), ('"t"', '"A"'), ('"s"', "1"), ('"d"', body)]
    members = data.draw(st.permutations(named + others))
    text = "{" + ", ".join(f"{key}: {value}" for key, value in members) + "}"
    assert decode(text.encode()) == Frame(0, "A", 1, body.encode())


def test_a_later_key_whose_text_differs_in_half_a_surrogate_pair_is_not_taken_for_d() -> None:
    text = rb'{"t":"A","s":1,"op":0,"d":"\ud800","x":"\ud801"}'
    assert decode(text) == Frame(0, "A", 1, rb'"\ud800"')


def test_runs_and_frames_keep_their_order() -> None:
    texts = [
        discord(0, "A", 1, 0),
        discord(11, "", 0, None),
        discord(0, "A", 2, 0),
        discord(0, "B", 3, 0),
        discord(0, "RESUMED", 4, {}),
        discord(7, "", 0, None),
    ]
    assert reader().read(texts) == [
        [("A", 1, b"0")],
        Frame(11, "", -1, b"null"),
        [("A", 2, b"0"), ("B", 3, b"0")],
        Frame(0, "RESUMED", 4, b"{}"),
        Frame(7, "", -1, b"null"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"t":"A","s":1,"op":0,"d":{}',
        b'{"t":"A","s":1,"op":0,"d":{}}}',
        b'{"t":"A","s":1,"op":0,"d":\xff}',
        b"[1",
        b'{"t":1,"s":1,"op":0,"d":{}',
        b'{"t":"A","s":1,"op":0,"d":' + b"[" * 100_000,
        b'{"t":"A","s":1,"op":0,"d":NaN}',
    ],
)
def test_what_is_no_frame_is_an_error(text: bytes) -> None:
    for made in (reader(), message_reader()):
        try:
            read = made.read([text])
        except FrameError:
            continue
        assert read == [], "only nothing may come of nothing"
        assert text == b""


NO_NAME, NO_S, NO_OP = (
    "a dispatch without a usable name",
    "a dispatch without a usable s",
    "a frame without a usable op",
)


@pytest.mark.parametrize(
    ("text", "event", "reason"),
    [
        (b'{"t":"guild_x","s":5,"op":0,"d":{}}', "guild_x", NO_NAME),
        (b'{"t":"a.b","s":1,"op":0,"d":{}}', "a.b", NO_NAME),  # would not be a topic
        (b'{"t":"_W","s":1,"op":0,"d":{}}', "_W", NO_NAME),  # the cluster's own topics
        (b'{"t":"A\\u001b[2J","s":1,"op":0,"d":{}}', "A\ufffd[2J", NO_NAME),
        (b'{"t":"%b","s":1,"op":0,"d":{}}' % (b"A" * 9999), "A" * 100, NO_NAME),
        (b'{"t":null,"s":1,"op":0,"d":{}}', "None", NO_NAME),
        (b'{"t":7,"s":1,"op":0,"d":{}}', "7", NO_NAME),
        (b'{"t":["A"],"s":1,"op":0,"d":{}}', "['A']", NO_NAME),
        (b'{"s":1,"op":0,"d":{}}', "None", NO_NAME),
        (b'{"t":"A","s":"5","op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","s":5.0,"op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","s":null,"op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","s":true,"op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","s":-1,"op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","s":1000000000000000000,"op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","s":1e400,"op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","s":{"s":1},"op":0,"d":{}}', "A", NO_S),
        (b'{"t":"A","s":1,"op":"0","d":{}}', "A", NO_OP),
        (b'{"t":"A","s":1,"op":null,"d":{}}', "A", NO_OP),
        (b'{"t":"A","s":1,"op":false,"d":{}}', "A", NO_OP),
        (b'{"t":"A","s":1,"d":{}}', "A", NO_OP),
        (b"{}", "None", NO_OP),
        (b"[]", "", "a frame that is no JSON object"),
        (b"null", "", "a frame that is no JSON object"),
        (b'"}{"', "", "a frame that is no JSON object"),
        (
            b'{"t":"A","s":1,"op":0,"d":' + b"[" * 9999 + b"]" * 9999 + b"}",
            "",
            "a frame that is nested too deep to be read",
        ),
    ],
)
def test_what_is_json_and_no_frame_is_left_out(text: bytes, event: str, reason: str) -> None:
    """It would come the same on another connection: only what it is itself is lost."""
    before, after = discord(0, "A", 1, {}), discord(0, "A", 3, {})
    assert reader().read([text]) == [Unplaced(event, reason)]
    slices, single = reader(), message_reader()
    expected = [[("A", 1, b"{}")], Unplaced(event, reason), [("A", 3, b"{}")]]
    assert single.read([before, text, after]) == expected
    if b"[[" in text:
        return  # the pattern looks into no body, and carries this one
    if text.startswith(b"{"):
        for _ in range(MISMATCHES + 1):
            assert slices.read([before, text, after]) == expected
        assert not slices.by_message, "the server's order is what it was"
        return
    with pytest.raises(FrameError):  # nobody knows where it ends
        slices.read([before, text, after])
    for _ in range(SINGLY):
        assert slices.by_message
        assert slices.read([before, text, after]) == expected, "each is read by itself"
    assert not slices.by_message, "not for ever: that is dearer"


@pytest.mark.parametrize("other_op", [1, 7, 9, 11, 4242])
def test_frames_that_are_no_dispatch_need_no_name_and_no_s(other_op: int) -> None:
    for t, s in ((b"7", b'"x"'), (b"{}", b"1.5"), (b'"a.b"', b"-3"), (b"null", b"true")):
        text = b'{"t":%b,"s":%b,"op":%d,"d":true}' % (t, s, other_op)
        assert reader().read([text]) == [Frame(other_op, "", -1, b"true")]
        assert reader().read([text] * 3) == [Frame(other_op, "", -1, b"true")] * 3


@pytest.mark.parametrize("name", ["READY", "RESUMED"])
def test_what_begins_a_session_needs_no_s(name: str) -> None:
    for s in (b"null", b'"1"', b"-1"):
        text = b'{"t":"%b","s":%b,"op":0,"d":{}}' % (name.encode(), s)
        assert reader().read([text]) == [Frame(0, name, -1, b"{}")]


def test_d_may_be_missing() -> None:
    assert reader().read([b'{"t":"A","s":1,"op":0}'] * 2) == [[("A", 1, b"null")] * 2]


def test_a_message_that_lost_its_end_is_an_error() -> None:
    """It runs into the next one, in letters that may be right: zlib itself need not notice. (There
    are texts, very short and alike, that nobody can tell from what was sent.)"""
    words = ["alpha", "beta", "gamma", "delta", "hello", "owl", "finch", "crane", "koi"]
    draw = random.Random(53)  # with a message whose cut passes for whole if only some are decoded
    bodies = [
        {
            "id": str(draw.getrandbits(60)),
            "content": " ".join(draw.choices(words, k=draw.randrange(12))),
            "roles": [str(draw.getrandbits(60))] * draw.randrange(3),
        }
        for _ in range(12)
    ]
    stream = zlib.compressobj(1)
    sent = [discord(0, "X_1", seq, body) for seq, body in enumerate(bodies, 1)]
    messages = [stream.compress(text) + stream.flush(zlib.Z_SYNC_FLUSH) for text in sent]
    errors = 0
    for broken in range(1, len(messages) - 1):
        for kept in range(1, len(messages[broken])):
            frames = FrameReader()
            frames.connect(ZlibStream())
            assert len(flat(frames.read(messages[:1]))) == 1
            lost = [*messages[1:broken], messages[broken][:kept], *messages[broken + 1 :]]
            try:
                got = flat(frames.read(lost))
            except (FrameError, InflateError):
                errors += 1
            else:  # what was lost is the mark of a flush, and no letter
                assert got == [(0, "X_1", n, body) for n, body in enumerate(bodies, 1)][1:]
    assert errors > 200


def test_letters_that_are_none_are_an_error() -> None:
    frames = reader()
    texts = [discord(0, "X_1", seq, "a" * 9) for seq in range(9)]
    assert len(flat(frames.read(texts))) == 9
    for place in range(9):
        damaged = [*texts[:place], texts[place].replace(b"aaa", b"a\xc3a"), *texts[place + 1 :]]
        with pytest.raises(FrameError):
            frames.read(damaged)
        with pytest.raises(FrameError):
            frames.read(damaged[place : place + 1])


@settings(max_examples=60)
@given(st.lists(st.tuples(envelopes, st.booleans()), min_size=1, max_size=10))
def test_text_messages_stand_beside_the_compressed_stream(
    frames: list[tuple[tuple[int, str, int, Any], bool]],
) -> None:
    """A server may leave the compression out, always or now and then, and says so by the type."""
    context, payloads = zlib.compressobj(), []
    for frame, as_text in frames:
        text = discord(*frame)
        packed = context.compress(text) + context.flush(zlib.Z_SYNC_FLUSH) if not as_text else text
        payloads.append(packed)
    made = FrameReader()
    made.connect(ZlibStream())
    texts = [i for i, (_, as_text) in enumerate(frames) if as_text]
    assert flat(made.read(payloads, texts)) == expected([frame for frame, _ in frames])
