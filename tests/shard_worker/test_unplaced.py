"""One dispatch of a stream that is not as it should be: it costs itself, and no session."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.wire.link import IdentifyGrant
from cluster.wire.states import SessionState
from shard_worker.client.event_queue import received
from shard_worker.protocol.dispatch_order import MAX_FAR, MAX_JUMP
from shard_worker.shard import Shard
from shard_worker.shard_log import MAX_NAMED
from shard_worker.transport.compression import ZlibStream
from tests.progress import progress
from tests.shard_worker.transport.test_hostile_gateway import (
    SAMPLE,
    Surroundings,
    dispatch,
    shard_in,
)

COUNT = 9
"""Dispatches of a stream: of s 2 to 10."""
GONE = object()
"""A field that is not there."""
numbers = st.integers(-3, 14) | st.sampled_from([MAX_JUMP + 100, 10**17, 10**18, 2**64, 2**80])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
fields = st.tuples(
    st.sampled_from(["t", "s", "op", "d", "other"]),
    json_values | st.sampled_from([GONE, "guild_x", "A.B", "_W", "A" * 101, "}{", '}{"t":']),
).filter(lambda field: field[0] != "op" or field[1] not in (7, 9, 10))  # these end connections


def with_field(frame: bytes, key: str, value: Any, *, reordered: bool) -> bytes:
    """Return the frame with another value of this key."""
    made: dict[str, Any] = json.loads(frame)
    if value is GONE:
        made.pop(key, None)
    else:
        made[key] = value
    if reordered:
        made = dict(reversed(made.items()))
    return json.dumps(made, separators=(",", ":")).encode()


def placed(frame: bytes, last: int) -> int | None:
    """Return the s of a dispatch that can be used, or None: a model of its own."""
    made = json.loads(frame)
    name, seq = made.get("t"), made.get("s")
    if made.get("op") != 0 or isinstance(made.get("op"), bool):
        return None
    if not isinstance(name, str) or not name.replace("_", "A").isalnum() or not name.isascii():
        return None
    if name != name.upper() or name[0] == "_" or len(name) > 100:
        return None
    if type(seq) is not int or not last < seq <= last + MAX_JUMP:
        return None
    return seq


def begin(around: Surroundings) -> Shard:
    shard = shard_in(around)
    shard.on_messages(SAMPLE[:1], [])
    shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
    shard.on_messages(SAMPLE[1:2], [])
    assert shard.state is SessionState.READY
    return shard


@settings(max_examples=200)
@given(
    st.integers(0, COUNT - 1), fields, st.booleans(),
    st.sets(st.integers(1, COUNT - 1), max_size=4), st.sampled_from(["", "zlib-stream"]),
)  # fmt: skip
def test_one_of_a_stream_that_is_changed_costs_no_session(
    place: int, field: tuple[str, Any], reordered: bool, cuts: set[int], compress: str
) -> None:
    frames = [dispatch(seq, b'{"n":%d}' % seq) for seq in range(2, 2 + COUNT)]
    frames[place] = with_field(frames[place], *field, reordered=reordered)
    progress()

    async def main() -> None:
        around = Surroundings()
        shard = begin(around)
        around.delivered.clear()
        packed = frames
        if compress:
            shard._frames.connect(ZlibStream())
            deflate = zlib.compressobj()
            packed = [deflate.compress(f) + deflate.flush(zlib.Z_SYNC_FLUSH) for f in frames]
        ends = [0, *sorted(cuts), COUNT]
        for start, end in itertools.pairwise(ends):
            shard.on_messages(packed[start:end], [])
        expected, last = list[int](), 1
        for frame in frames:
            if (seq := placed(frame, last)) is not None:
                expected.append(seq)
                last = seq
        assert [seq for _, seq, _ in around.delivered] == expected
        assert shard.state is SessionState.READY
        assert not around.connection.closed
        shard.stop(logout=False)

    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(main())
    finally:
        logging.disable(logging.NOTSET)


def on_a_loop(scenario: Callable[[Shard, Surroundings], None]) -> None:
    async def main() -> None:
        around = Surroundings()
        shard = begin(around)
        scenario(shard, around)
        shard.stop(logout=False)

    asyncio.run(main())


def test_it_is_counted_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    def scenario(shard: Shard, around: Surroundings) -> None:
        for seq in range(2, 6):
            shard.on_messages([b'{"t":"guild_x","s":%d,"op":0,"d":{}}' % seq], [])
        shard.on_messages([b'{"t":"A","s":"6","op":0,"d":{}}', dispatch(7, b"1")], [])
        shard.on_messages([b"[]"], [])
        assert around.delivered[-1] == ("A", 7, b"1")
        assert shard.report().unplaced == 6
        assert shard.report().reconnects == {}

    with caplog.at_level(logging.WARNING):
        on_a_loop(scenario)
    told = "is left out; `status` counts more of its kind"
    assert [record.getMessage() for record in caplog.records] == [
        f'shard 0: a dispatch without a usable name ("guild_x") {told}',
        f'shard 0: a dispatch without a usable s ("A") {told}',
        f"shard 0: a frame that is no JSON object {told}",
    ]


def test_a_flood_of_them_writes_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    def scenario(shard: Shard, around: Surroundings) -> None:
        for n in range(500):
            shard.on_messages([b'{"t":"x%d","s":2,"op":0,"d":{}}' % n], [])
        assert shard.report().unplaced == 500

    with caplog.at_level(logging.WARNING):
        on_a_loop(scenario)
    assert len(caplog.records) == MAX_NAMED


def test_its_subscribers_see_a_hole() -> None:
    """The next event tells of it: the journal's writer and a client's queue both see the jump."""

    def scenario(shard: Shard, around: Surroundings) -> None:
        shard.on_messages([dispatch(2, b"1"), b'{"t":"x","s":3,"op":0,"d":{}}'], [])
        shard.on_messages([dispatch(4, b"1")], [])
        names = [(item.name, item.data) for item in received(around.delivered[1:], 1, 1)]
        assert names == [("A", b"1"), ("_SKIPPED", b'{"first":3,"last":3}'), ("A", b"1")]

    on_a_loop(scenario)


def test_an_s_that_is_far_beyond_the_last_hides_nothing_that_follows() -> None:
    def scenario(shard: Shard, around: Surroundings) -> None:
        shard.on_messages([dispatch(2, b"1"), dispatch(10**17, b"1"), dispatch(3, b"1")], [])
        shard.on_messages([dispatch(3 + MAX_JUMP, b"1")], [])
        shard.on_messages([dispatch(4 + 2 * MAX_JUMP, b"1")], [])
        assert [seq for _, seq, _ in around.delivered[1:]] == [2, 3, 3 + MAX_JUMP]
        assert shard.report().unplaced == 2

    on_a_loop(scenario)


def test_now_and_then_one_far_beyond_is_left_out_however_many_there_were() -> None:
    """One that was taken would hide all that follows."""

    def scenario(shard: Shard, around: Surroundings) -> None:
        for seq in range(2, 2 + 3 * MAX_FAR):
            shard.on_messages([dispatch(10**9, b"1")], [])
            shard.on_messages([dispatch(seq, b"1")], [])
        assert shard.report().unplaced == 3 * MAX_FAR
        seqs = [seq for _, seq, _ in around.delivered[1:]]
        assert seqs == list(range(2, 2 + 3 * MAX_FAR))

    on_a_loop(scenario)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_session_that_goes_on_far_beyond_is_followed(size: int) -> None:
    """Else nothing of it would ever be taken again."""

    def scenario(shard: Shard, around: Surroundings) -> None:
        for start in range(0, 100, size):
            events = range(start, min(start + size, 100))
            shard.on_messages([dispatch(10**9 + n, b"1") for n in events], [])
        seqs = [seq for _, seq, _ in around.delivered[1:]]
        assert seqs == list(range(10**9 + MAX_FAR, 10**9 + 100))
        assert shard.report().unplaced == MAX_FAR

    on_a_loop(scenario)


@pytest.mark.parametrize("s", [b"null", b'"1"', b"-7", b"1.0"])
def test_what_begins_a_session_is_worth_more_than_its_s(s: bytes) -> None:
    async def main() -> None:
        around = Surroundings()
        shard = shard_in(around)
        shard.on_messages(SAMPLE[:1], [])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        shard.on_messages([dispatch(1, b"{}")], [])  # before there is a session
        assert (shard.state, shard.report().unplaced) == (SessionState.IDENTIFYING, 1)
        shard.on_messages([SAMPLE[1].replace(b'"s":1', b'"s":' + s)], [])
        assert shard.state is SessionState.READY
        shard.on_messages([dispatch(2, b"1")], [])
        assert [seq for _, seq, _ in around.delivered] == [0, 2]
        shard.on_closed(1006, "cut")
        shard.reconnect()
        shard._tick()
        shard.on_connected()
        shard.on_messages(SAMPLE[:1], [])
        shard.on_messages([dispatch(3, b"1"), b'{"t":"RESUMED","s":%b,"op":0,"d":{}}' % s], [])
        assert shard.state is SessionState.READY
        assert [seq for _, seq, _ in around.delivered] == [0, 2, 3]
        shard.stop(logout=False)

    asyncio.run(main())
