"""The placement process as a test runs it, and the agents that it has placed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.endpoints.curve_keys import Client, KeyFolder
from cluster.wire.start_outcome import StartOutcome, decode_outcome
from tests.on_ray.stand_in import FILE, Runs

PATIENCE_S: Final = 40.0


def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds; return what it returned."""
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.02)
    return value


def is_alive(pid: int) -> bool:
    """Return whether a process runs. One that has ended and is not waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class Placed:
    """One cluster's agents."""

    def __init__(self, folder: Path, namespace: str, **ray: Any) -> None:
        """folder: DCGW_STATE_DIR of all nodes. ray: the keys of [ray]."""
        self.log = folder / f"{namespace}.log"
        self.keys = KeyFolder(folder / namespace / "keys")
        self._agents = folder / "hosts" / namespace
        self._process: subprocess.Popen[bytes] | None = None
        self._spec = {
            "namespace": namespace,
            "ray": ray,
            "keys": str(self.keys.folder),
            "join": "tcp://127.0.0.1:9",
            "module": "tests.on_ray.stand_in",
            "process": "ray",
            "log_file": str(self.log),
            "log_level": "info",
            "parent": os.getpid(),
        }

    def start(self, **changes: Any) -> StartOutcome:
        """Start the placement process; return what it says. changes: of its spec."""
        self._spec |= changes
        self.keys.folder.parent.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "coordinator.engines.ray_placement.placement"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("ab"),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(self._spec) + b"\n")
        self._process.stdin.flush()
        return decode_outcome(self._process.stdout.readline())

    def send(self, *numbers: signal.Signals) -> int:
        """Send signals to the placement process, and return its exit code."""
        assert self._process is not None
        for number in numbers:
            self._process.send_signal(number)
        with self._process:
            return self._process.wait(PATIENCE_S)

    def wait(self) -> int:
        """Wait until it has ended by itself; return its exit code."""
        return self.send()

    @property
    def runs(self) -> dict[str, Runs]:
        """Agents that run, or were killed, by name."""
        found = {}
        for file in self._agents.glob(f"*/{FILE}"):
            try:
                found[file.parent.name] = msgspec.json.decode(file.read_bytes(), type=Runs)
            except FileNotFoundError:
                continue  # it has ended just now
        return found

    @property
    def alive(self) -> dict[str, Runs]:
        """Agents that run, by name."""
        return {name: runs for name, runs in self.runs.items() if is_alive(runs.pid)}

    @property
    def let_in(self) -> dict[str, Client]:
        return {client.name: client for client in self.keys.clients()}

    def words(self) -> str:
        """Return what it has logged."""
        return self.log.read_text()

    def until_run(self, *names: str) -> dict[str, Runs]:
        """Wait until these agents run and no others, by keys that are let in."""

        def run() -> bool:
            alive = self.alive
            return alive.keys() == {*names} == self.let_in.keys() and all(
                self.let_in[name].public == runs.keys.public for name, runs in alive.items()
            )

        until(run)
        return self.alive
