"""``python -m benchmarks.floor``: the least that any client must do for an event.

It takes the frames of the recording one by one in a bare loop: zlib-ng inflates, msgspec scans op,
t and s and leaves d as it is. Reads its settings as a line of JSON, writes the CPU microseconds an
event.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
from zlib_ng import zlib_ng

from benchmarks import recording


class Frame(msgspec.Struct):
    """A gateway frame."""

    op: int
    t: str | None
    s: int | None
    d: msgspec.Raw


def microseconds(payloads: list[bytes]) -> float:
    """Return the CPU microseconds that a payload takes."""
    inflate = zlib_ng.decompressobj(-15).decompress
    decode = msgspec.json.Decoder(Frame).decode
    start = time.process_time_ns()
    for payload in payloads:
        decode(inflate(payload))
    return (time.process_time_ns() - start) / len(payloads) / 1000


class Settings(msgspec.Struct):
    """Which events of a recording are read: from ``first`` up to ``last``."""

    folder: str
    events: int
    first: int
    last: int


def main() -> None:
    settings = msgspec.json.decode(sys.stdin.readline(), type=Settings)
    stream = recording.load(settings.events, folder=Path(settings.folder))
    part = stream.segments[settings.first // recording.SEGMENT : settings.last // recording.SEGMENT]
    payloads = [payload for segment in part for payload in recording.payloads(segment.frames)]
    print(msgspec.json.encode({"us": microseconds(payloads)}).decode(), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
