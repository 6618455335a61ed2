"""Host agents beside a cluster: on this machine, each on a folder of its own, joined over TCP."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from cluster.endpoints.curve_keys import ClientKeys
from tests.e2e.home import COMMAND_S, Home
from tests.e2e.on_hosts.network import Machine
from tests.progress import progress

LEASE_S: Final = 5.0
"""The shortest lease that there is."""


class Agent:
    """A host agent and its workers."""

    def __init__(self, home: Home, name: str, *, workers: int = 1) -> None:
        self.name = name
        self.machine: Machine | None = None
        """Where it runs; None: here."""
        self.join = home.env["DCGW_HOSTS_CONTROL"]
        """Where it looks for the coordinator."""
        self.standbys: list[str] = []
        """Where it looks for other coordinators of the cluster."""
        self._home = home
        self._workers = workers
        self.folder = home.state / "hosts" / name
        self._sockets = home.sockets / f"h-{name}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the agent, which then seeks the coordinator."""
        home = self._home
        spec = {
            "join": [self.join, *self.standbys],
            "keys": msgspec.json.decode((home.state / f"{self.name}.key").read_bytes()),
            "state_dir": str(self.folder),
            "runtime_dir": str(self._sockets),
            "workers": self._workers,
            "stop_seconds": 10.0,
        }
        words = [sys.executable, "-P", "-m", "host_agent"]
        self.process = process = subprocess.Popen(
            self.machine.words(*words) if self.machine else words,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=home.env, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(spec))
        process.stdin.close()

    def outcome(self) -> bytes:
        """Wait for what it says of its joining, and return it."""
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        progress()
        return line

    def pids(self) -> list[int]:
        """Return the processes of this host: the agent, and its workers, orphans among them."""
        assert self.process is not None
        if self.machine is not None:
            return self.machine.pids()
        mark = str(self.folder).encode()
        found = [self.process.pid]
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended while it was looked at
                links = [os.readlink(fd) for fd in (entry / "fd").iterdir()]
                if any(link.encode().startswith(mark) for link in links):
                    found.append(int(entry.name))
        return sorted(set(found))

    def signal(self, number: signal.Signals) -> None:
        """Send all processes of this host a signal."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, number)

    def die(self) -> None:
        """Kill all processes of this host, as a loss of power does."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(COMMAND_S)
        self.clear()

    def clear(self) -> None:
        """Remove the sockets of an agent that was killed: nobody was left to do it."""
        shutil.rmtree(self._sockets)

    def stop(self) -> None:
        """End the agent in order, as a service manager does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(COMMAND_S)
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()


def offer_hosts(home: Home, lease_s: float = LEASE_S, address: str = "127.0.0.1") -> list[int]:
    """Let the cluster of this home take hosts, on ports that are free now, which are returned."""
    held = [socket.create_server((address, 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in held]
    for one, port, name in zip(held, ports, ("CONTROL", "EVENTS", "REPLAY"), strict=True):
        home.env[f"DCGW_HOSTS_{name}"] = f"tcp://{address}:{port}"
        one.close()
    home.env |= {"DCGW_ENGINE": "join", "DCGW_HOSTS_LEASE_SECONDS": str(lease_s)}
    return ports


def add_key(home: Home, name: str, *rights: str, address: str = "127.0.0.1") -> ClientKeys:
    """Make a key, and its file in the home's state folder. address: by which whoever has it reaches
    the cluster."""
    home.state.mkdir(exist_ok=True)
    file = home.state / f"{name}.key"
    may = [word for right in rights for word in ("--may", right)]
    made = home.cli("keys", "add", name, *may, "--host", address, "--out", str(file))
    assert made.returncode == 0, made.stderr
    return ClientKeys.read(file)


@contextlib.contextmanager
def agents(home: Home, *names: str, workers: int = 1) -> Iterator[list[Agent]]:
    """Make agents with a key each, not started yet; all of them have ended with the block."""
    made = []
    for name in names:
        add_key(home, name, "host")
        made.append(Agent(home, name, workers=workers))
    try:
        yield made
    finally:
        for agent in made:
            if agent.process is not None:
                agent.signal(signal.SIGCONT)
                agent.stop()
