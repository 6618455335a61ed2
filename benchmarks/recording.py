"""A recorded stream: one shard's dispatches, made once from the sandbox's world and compressed.

The stream is cut in segments of SEGMENT dispatches. Each ends in a full flush, so nothing that
follows refers to what came before: a segment can be sent after any other, and what must be said in
between (HELLO, READY, acknowledgements) is a piece of its own in the same zlib stream. No piece has
a zlib header; the first one of a connection gets it.
"""

from __future__ import annotations

import hashlib
import random
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from cluster.gateway_server.frames import BINARY, frame
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world.world import World

SEGMENT: Final = 500
FIRST_SEQ: Final = 2
"""s of the first dispatch: READY has 1."""
ZLIB_HEADER: Final = b"\x78\x9c"
MIX: Final = {
    "PRESENCE_UPDATE": 55.0,
    "TYPING_START": 15.0,
    "MESSAGE_CREATE": 20.0,
    "GUILD_MEMBER_UPDATE": 10.0,
}
FOLDER: Final = Path(__file__).parent / ".cache"
_VERSION: Final = 1
_LEVEL: Final = 6
_START: Final = 1_760_000_000.0
_SEQ: Final = re.compile(rb'"s":[0-9]+')


class Segment(msgspec.Struct, frozen=True):
    """A piece of the stream: SEGMENT dispatches."""

    frames: bytes
    """WebSocket frames, ready to be sent."""
    digest: int
    """The digest of its events, added up."""


class Recording(msgspec.Struct, frozen=True):
    """A stream of dispatches with s from FIRST_SEQ on."""

    segments: list[Segment]
    json_bytes: float
    """Mean size of a dispatch as JSON."""
    compressed_bytes: float
    """Mean size of a dispatch as a WebSocket payload."""

    @property
    def events(self) -> int:
        return len(self.segments) * SEGMENT

    def digest(self, first: int, last: int) -> int:
        """Return the digest of events ``first`` up to ``last`` (multiples of SEGMENT)."""
        part = self.segments[first // SEGMENT : last // SEGMENT]
        return sum(segment.digest for segment in part) % _MODULUS


_MODULUS: Final = 1 << 64


def digest(name: str, seq: int, data: bytes) -> int:
    """Return the digest of one event; those of many are added, so that their order does not
    count."""
    hashed = hashlib.blake2b(b"%d %s " % (seq, name.encode()), digest_size=8)
    hashed.update(data)
    return int.from_bytes(hashed.digest(), "big")


def added(digests: Sequence[int]) -> int:
    """Return the digest of many events."""
    return sum(digests) % _MODULUS


def piece(texts: Sequence[bytes], level: int = _LEVEL) -> list[bytes]:
    """Return the payloads of a piece of a zlib stream, which may stand before and after any
    other."""
    stream = zlib.compressobj(level, wbits=-15)
    last = len(texts) - 1
    return [
        stream.compress(text) + stream.flush(zlib.Z_FULL_FLUSH if i == last else zlib.Z_SYNC_FLUSH)
        for i, text in enumerate(texts)
    ]


def payloads(frames: bytes) -> Iterator[bytes]:
    """Yield the payloads of unmasked frames shorter than 64 KiB."""
    offset = 0
    while offset < len(frames):
        size, start = frames[offset + 1], offset + 2
        if size == 126:
            start += 2
            size = int.from_bytes(frames[offset + 2 : start], "big")
        assert size < 127 or start == offset + 4, "a frame of 64 KiB or more"
        offset = start + size
        yield frames[start:offset]


def single_frames(recording: Recording) -> Iterator[bytes]:
    """Yield the WebSocket frame of each event."""
    for segment in recording.segments:
        for payload in payloads(segment.frames):
            yield frame(BINARY, payload)


def make(events: int, seed: int) -> Recording:
    """Make a recording of the sandbox's world; the same arguments make the same stream."""
    now = _START
    world = World(SandboxOptions(seed=seed, guilds=100), now=lambda: now)
    draw = random.Random(f"{seed}/mix")
    names, weights = list(MIX), list(MIX.values())
    segments: list[Segment] = []
    sizes = [0, 0]
    seq = FIRST_SEQ
    for _ in range(0, events, SEGMENT):
        texts, digests = [], []
        for name in draw.choices(names, weights, k=SEGMENT):
            now += 0.001
            data = next(e.data for e in reversed([*world.emit(name)]) if e.name == name)
            texts.append(b'{"t":"%s","s":%d,"op":0,"d":%s}' % (name.encode(), seq, data))
            digests.append(digest(name, seq, data))
            seq += 1
        made = piece(texts)
        sizes[0] += sum(map(len, texts))
        sizes[1] += sum(map(len, made))
        frames = b"".join(frame(BINARY, payload) for payload in made)
        segments.append(Segment(frames, added(digests)))
    count = seq - FIRST_SEQ
    return Recording(segments, sizes[0] / count, sizes[1] / count)


def load(events: int, seed: int = 1, folder: Path = FOLDER) -> Recording:
    """Return a recording of at least this many events, from the folder if it was made before."""
    events = -(-events // SEGMENT) * SEGMENT
    path = folder / f"stream-{_VERSION}-{seed}-{events}.msgpack"
    if path.exists():
        return msgspec.msgpack.decode(path.read_bytes(), type=Recording)
    made = make(events, seed)
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.msgpack.encode(made))
    partial.replace(path)
    return made


def renumbered(recording: Recording, events: int, first_seq: int) -> list[bytes]:
    """Return segments of ``events`` dispatches that go on from ``first_seq``: the recording over
    and over, compressed anew since s is inside."""
    out: list[bytes] = []
    seq = first_seq
    while len(out) * SEGMENT < events:
        source = recording.segments[len(out) % len(recording.segments)]
        inflate = zlib.decompressobj(-15)
        texts = []
        for payload in payloads(source.frames):
            text = inflate.decompress(payload)
            texts.append(_SEQ.sub(b'"s":%d' % seq, text, count=1))
            seq += 1
        out.append(b"".join(frame(BINARY, payload) for payload in piece(texts, level=1)))
    return out
