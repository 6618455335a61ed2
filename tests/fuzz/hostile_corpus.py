"""Messages of every kind, as they are sent, and what spoils them: for tests and fuzzers."""

from __future__ import annotations

import struct

import msgspec
from hypothesis import strategies as st

from cluster.wire import control, link, replay, watermark
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState
from cluster.wire.states import SessionState
from cluster.wire.status import SubscriberReport

DEEP = b"\x91" * 100_000
NESTED = [b"\x91" * depth + b"\xc0" for depth in range(900, 1000, 7)]
"""Values about as deep as a decoder still reads: whoever looks into them may be too deep then."""
EXTREMES = [
    b"\xdd\xff\xff\xff\xff", b"\xdd\x00\x10\x00\x00", b"\xdf\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x00", b"\xcf" + b"\xff" * 8,
    b"\xd3\x80" + bytes(7), b"\xcb" + struct.pack(">d", float("nan")),
    b"\xcb" + struct.pack(">d", float("inf")), b"\xc0", b"\xc1", b"\xc2", b"\xff", b"\x00", b"\x90",
    b"\x80", b"\xa0", b"\xd4\xff\x00", b"\xd8\x00" + bytes(16), b"\xa1\x00", b"\xa2\xc3\x28",
    b"\x81\x90\x00", b"\x91" * 1500, b"\x81\xa1a" * 1500, b".", b"\x00\x00",
    *NESTED,
]  # fmt: skip


def published() -> list[bytes]:
    """Make what a worker sends: batches of two drains, a hole, an epoch's end, a watermark."""
    state = ShardState(shard_id=1, shard_count=2)
    writer = ShardWriter("0" * 16, state)
    writer.begin_epoch(3)
    sent = writer.drain([("A", 1, b"{}"), ("B", 2, b'{"guild_id":"5"}')], 7)
    sent += writer.drain([("A", 5, b"[1]"), ("B", 6, b"{}")], 8)
    row = watermark.Row(1, 2, 3, None, 6, -1, list(state.last.items()))
    sent.append(watermark.encode("0" * 16, 0, 9, True, [row]))
    return sent + writer.end_epoch("op 9", 10)


PUBLISHED = published()
ASKED = [
    replay.encode(replay.HeadsRequest(id=1)),
    replay.encode(replay.RangeRequest(
        id=2, shard_count=2, shard_id=1, epoch=3, after=-1, upto=None, names=["A"])),
]  # fmt: skip
ANSWERED = [
    replay.encode(
        replay.HeadsAnswer(id=901, cluster="0" * 16, shards=[replay.HeadRow(2, 1, 3, 6, (3, 0))])
    ),
    replay.encode(
        replay.RangeAnswer(
            id=902, messages=PUBLISHED[:2], reached=2, gone=[(0, 0)], more=True, end=None, next=None
        )
    ),
]
SAID = [
    link.encode(link.Hello(
        version=1, slot=0, pid=1, shard_count=1, started_at=1.0, package_version="1",
        shards=[link.ShardReport(shard_id=0, state=SessionState.READY, epoch=1, seq=5, events=1)])),
    link.encode(link.Report(
        slot=0, has=[0, 1], counts=[link.ShardCounts(1, 5, 6, None)], cpu_seconds=1.0, rss_bytes=1,
        events=6, journal_bytes=1, journal_seconds=None, journalling=True, unpublished=0,
        shards=[link.ShardReport(shard_id=0, state=SessionState.READY, epoch=1, seq=5, events=1)])),
    link.encode(link.IdentifySent(shard_id=1, grant_id=2)),
    link.encode(link.IdentifyGrant(shard_id=1, grant_id=2, epoch=3)),
]  # fmt: skip
REPORT = SubscriberReport(id="i", name="n", pid=5, lag=1, events=2, gaps=3, replays=4)
REQUESTED = [
    control.encode(control.Request(id=1, verb=verb, args=args))
    for verb, args in (
        ("status", {"a": [1, {"b": 2}]}),
        ("subscriber", control.as_args(REPORT)),
        ("subscriber", control.as_args(REPORT) | {"id": msgspec.Raw(NESTED[-2])}),
        ("identify", {"ticket": "t", "shard_id": 5}),
        ("identify", {"ticket": msgspec.Raw(NESTED[-2]), "shard_id": 5}),
    )
]


@st.composite
def mutated(draw: st.DrawFn, messages: list[bytes]) -> bytes:
    """Draw random bytes, or a message with some places of it replaced, cut or doubled."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    message = draw(st.sampled_from(messages))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(message)))
        end = start + draw(st.integers(0, 9))
        new = draw(st.sampled_from(EXTREMES) | st.binary(max_size=3))
        message = message[:start] + new + message[end:]
    return message[: draw(st.integers(0, len(message)))] if draw(st.booleans()) else message
