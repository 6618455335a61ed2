"""A program in the place of a host agent: it writes down that it runs, and what it was told."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from cluster.endpoints.curve_keys import ClientKeys
from coordinator.child_process import Child, ChildSpec, run_child

FILE: Final = "runs.json"


class StandInSpec(ChildSpec, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Some of what a host agent is told."""

    name: str
    keys: ClientKeys
    state_dir: str


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file, which is there while the program runs, or after it was killed."""

    name: str
    pid: int
    parent: int
    keys: ClientKeys


def work(spec: StandInSpec, child: Child) -> None:
    """Write the file, and remove it when this process ends in order."""
    file = Path(spec.state_dir) / FILE
    runs = Runs(name=spec.name, pid=os.getpid(), parent=os.getppid(), keys=spec.keys)
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(runs))
    draft.replace(file)
    child.ready()
    while not child.is_ending():
        time.sleep(0.02)
    if os.getppid() == runs.parent:
        file.unlink()


if __name__ == "__main__":
    sys.exit(run_child(StandInSpec, work))
