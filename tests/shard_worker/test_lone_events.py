"""An event that comes alone is journalled as one that comes in a slice is."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from cluster.discord.close_codes import RESUMABLE_CLOSE
from cluster.wire import topic
from cluster.wire.batch import decode_batch, decode_epoch_end
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.link import IdentifyGrant
from cluster.wire.shard_state import ShardState
from shard_worker.protocol.dispatch_order import MAX_FAR, MAX_JUMP
from shard_worker.protocol.frame import FrameEvent
from shard_worker.shard import CORRUPT, Shard
from shard_worker.transport.compression import KINDS
from tests.progress import progress
from tests.shard_worker.transport.test_hostile_gateway import SAMPLE, Surroundings, shard_in


class Journalled(Surroundings):
    """Makes what a worker journals of what a shard delivers."""

    def __init__(self) -> None:
        super().__init__()
        self.writer = ShardWriter("store", ShardState(shard_id=0, shard_count=1))
        self.records: list[bytes] = []

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        self.writer.begin_epoch(epoch, session_id=session_id, guilds=guilds)

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        self.records += self.writer.drain(events, 7)

    def end_epoch(self, cause: str) -> None:
        self.records += self.writer.end_epoch(cause, 7)


class Outcome(NamedTuple):
    events: list[Any]
    """What a reader of the journal finds, holes and ends of epochs too, in order."""
    state: dict[str, Any]
    report: dict[str, Any]
    sent: list[bytes]
    closed: int


def play(payloads: Sequence[bytes], compress: str, give: Callable[[Shard, int], int]) -> Outcome:
    """give: hands over payloads from this index on, and returns the next index."""

    async def main() -> Outcome:
        around = Journalled()
        loop = asyncio.get_running_loop()
        loop.time = lambda: 1000.0  # type: ignore[method-assign]  # asks at one time get one answer
        shard = shard_in(around)
        shard.on_messages(SAMPLE[:1], [])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        shard._frames.connect(KINDS[compress]())
        place = 0
        while place < len(payloads) and not around.connection.closed:
            place = give(shard, place)
        report = asdict(shard.report())
        del report["silent_s"], report["session_age_s"], report["heartbeat_ms"]
        del report["next_try_s"]  # what the clock says
        found = sorted(event for record in around.records for event in events_of(record))
        state = asdict(around.writer.state)
        del state["began_ns"]
        made = Outcome(found, state, report, around.connection.sent, around.connection.closed)
        shard.stop(logout=False)
        return made

    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(main())
    finally:
        logging.disable(logging.NOTSET)


def events_of(record: bytes) -> list[Any]:
    name, _, payload = topic.split(record)
    if name == topic.EPOCH_END:
        end = decode_epoch_end(payload)
        return [(end.epoch, end.seq, name, end.cause.encode())]
    batch = decode_batch(payload)
    return [(batch.epoch, entry.seq, name, entry.data) for entry in batch.events]


steps = st.sampled_from([1] * 12 + [0, -1, 2, 7, MAX_JUMP, MAX_JUMP + 1])
event_names = st.sampled_from(["A", "B", "B_2", "SESSIONS_REPLACE"])
bodies = st.sampled_from(["{}", '{"a":"\u00e9}{"}', '{"t":"A"}', "[1,2]", "null", '"\\ud800"'])
OTHERS = [
    '{"t":null,"s":null,"op":11,"d":null}',
    '{"t":null,"s":null,"op":1,"d":null}',
    '{"t":"lower","s":5,"op":0,"d":{}}',
    '{"t":"A","s":"5","op":0,"d":{}}',
    '{"op": 0, "d": {"other": "order"}, "s": 3, "t": "A"}',
    '{"t":"A","s":3,"op":0,"d":{}}{"t":"B","s":4,"op":0,"d":{}}',
]
ENDS = [
    '{"t":"RESUMED","s":2,"op":0,"d":{}}',
    '{"t":null,"s":null,"op":7,"d":null}',
    '{"t":null,"s":null,"op":9,"d":false}',
]


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Messages of a connection, from READY on or shortly before it."""
    texts, seq = list[str](), 1
    texts += draw(st.lists(st.just('{"t":"A","s":1,"op":0,"d":{}}'), max_size=1))
    texts.append(SAMPLE[1].decode())
    for _ in range(draw(st.integers(0, 25))):
        if draw(st.integers(0, 7)) == 0:
            texts.append(draw(st.sampled_from(OTHERS)))
            continue
        seq += draw(steps)
        name, body = draw(event_names), draw(bodies)
        texts.append(f'{{"t":"{name}","s":{max(seq, 0)},"op":0,"d":{body}}}')
    if draw(st.booleans()):
        far = range(MAX_FAR + 2) if draw(st.booleans()) else range(2)
        texts += [f'{{"t":"A","s":{10**9 + n},"op":0,"d":{{}}}}' for n in far]
    if draw(st.booleans()):
        texts += [draw(st.sampled_from(ENDS)), f'{{"t":"A","s":{seq + 1},"op":0,"d":1}}']
    return [text.encode() for text in texts]


def packed(texts: Sequence[bytes], compress: str) -> list[bytes]:
    if not compress:
        return list(texts)
    deflate = zlib.compressobj()
    return [deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH) for text in texts]


@settings(max_examples=60, deadline=None)
@given(streams(), st.sampled_from(["", "zlib-stream"]), st.data())
def test_alone_or_in_slices_the_same_events_are_journalled(
    texts: list[bytes], compress: str, data: st.DataObject
) -> None:
    progress()
    payloads = packed(texts, compress)
    cuts = data.draw(st.sets(st.integers(1, len(payloads)), max_size=8))
    ends = sorted(cuts | {len(payloads)})

    def alone(shard: Shard, place: int) -> int:
        shard.on_message(payloads[place])
        return place + 1

    def in_slices(shard: Shard, place: int) -> int:
        end = next(end for end in ends if end > place)
        shard.on_messages(payloads[place:end], [])
        return end

    one, many = play(payloads, compress, alone), play(payloads, compress, in_slices)
    assert one == many


def test_an_event_that_comes_alone_is_a_sign_of_life() -> None:
    async def main() -> None:
        around = Journalled()
        shard = shard_in(around)
        shard.on_messages(SAMPLE[:1], [])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        shard.on_message(SAMPLE[1])
        heartbeat = shard._session._heartbeat
        assert heartbeat is not None
        heartbeat.sent(1000.0)
        shard._loop.time = lambda: 1001.0  # type: ignore[method-assign]
        silent = heartbeat.zombie
        shard.on_message(b'{"t":"A","s":2,"op":0,"d":{}}')
        assert (silent, heartbeat.zombie) == (True, False)
        assert shard.news._dispatched_at == 1001.0
        shard.stop(logout=False)

    asyncio.run(main())


@pytest.mark.parametrize(
    "broken", [b"\x00\x07 no JSON", b'{"t":"A","s":2,"op":0,"d":', b'{"t":"\xff"}']
)
def test_a_stream_that_breaks_is_told_alone_as_in_a_slice(broken: bytes) -> None:
    payloads = [SAMPLE[1], broken]

    def alone(shard: Shard, place: int) -> int:
        shard.on_message(payloads[place])
        return place + 1

    def in_a_slice(shard: Shard, place: int) -> int:
        shard.on_messages([*payloads[place:], SAMPLE[1]], [])
        return len(payloads)

    one, many = play(payloads, "", alone), play(payloads, "", in_a_slice)
    assert one.closed == many.closed == RESUMABLE_CLOSE
    assert one.report["reconnects"] == many.report["reconnects"] == {CORRUPT: 1}
    assert (len(one.events), many.events) == (1, []), "what fails in a slice takes it all along"
