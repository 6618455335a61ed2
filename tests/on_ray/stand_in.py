"""A program in the place of a host agent: it writes down that it runs, and what it was told."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from cluster.config.host_spec import decode_spec
from cluster.endpoints.curve_keys import ClientKeys

FILE: Final = "runs.json"


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file, which is there while the program runs, or after it was killed."""

    name: str
    pid: int
    parent: int
    keys: ClientKeys
    join: str


def main() -> None:
    """Write the file, and remove it when this process ends in order."""
    spec = decode_spec(sys.stdin.buffer.read())
    spec.check()
    told = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    file = Path(spec.state_dir) / FILE
    runs = Runs(
        name=spec.name, pid=os.getpid(), parent=spec.parent, keys=spec.keys, join=spec.join[0]
    )
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(runs))
    draft.replace(file)
    while not told and os.getppid() == spec.parent:
        time.sleep(0.02)
    if told:
        file.unlink()


if __name__ == "__main__":
    main()
