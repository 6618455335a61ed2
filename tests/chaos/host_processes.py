"""The hosts of a chaos run: agents on this machine, each with ways of its own to the coordinator,
which can be cut, and started again as a service manager does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.endpoints.curve_keys import KeyFolder
from cluster.endpoints.paths import ClusterPaths, is_held
from cluster.processes import Owner

ROOT: Final = Path(__file__).parent.parent.parent
LEASE_S: Final = 6.0
WAYS: Final = ("CONTROL", "EVENTS", "REPLAY")


def free_ports(number: int) -> list[int]:
    """Return ports that are free now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class ChaosHost:
    """One host: its agent, its workers, and its ways to the coordinator."""

    def __init__(self, number: int, folder: Path, sockets: Path) -> None:
        self.name = name = f"host-{number}"
        self._address = f"127.0.1.{number}"
        """The end of its ways on its own side: all of 127.0.0.0/8 is this machine on Linux."""
        self.paths = ClusterPaths(
            name=name, state_dir=folder / "hosts" / name, runtime_dir=sockets / name
        )
        self._root = folder
        self._env: Mapping[str, str] = {}
        self._keys: Any = None
        self._join = ""
        self._agent: asyncio.subprocess.Process | None = None
        self._relays: list[asyncio.subprocess.Process] = []

    async def prepare(
        self, env: Mapping[str, str], cluster: ClusterPaths, ports: list[int]
    ) -> None:
        """Make its key and its ways. ports: the coordinator's, in the order of WAYS."""
        self._env = env
        self._keys = KeyFolder(cluster.keys).add(self.name, ("host",), now=0)
        for port in ports:
            relay = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.e2e.on_hosts.relay",
                f"{self._address}:{port}", f"127.0.0.1:{port}",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
            )  # fmt: skip
            assert relay.stdout is not None
            await relay.stdout.readline()
            self._relays.append(relay)
        self._join = f"tcp://{self._address}:{ports[0]}"

    async def start(self) -> None:
        """Start the agent."""
        spec = {
            "join": [self._join],
            "keys": msgspec.to_builtins(self._keys),
            "state_dir": str(self.paths.state_dir),
            "runtime_dir": str(self.paths.runtime_dir),
        }
        with (self._root / f"{self.name}.log").open("ab") as log:
            self._agent = agent = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "host_agent", env=self._env, cwd=self._root,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=log,
            )  # fmt: skip
        assert agent.stdin is not None
        agent.stdin.write(msgspec.json.encode(spec))
        agent.stdin.close()

    def tell(self, **how: float) -> None:
        """Change how its ways are (tests.e2e.on_hosts.relay)."""
        for relay in self._relays:
            assert relay.stdin is not None
            relay.stdin.write(msgspec.json.encode(how) + b"\n")

    def workers(self) -> dict[int, int]:
        """Return slot -> pid of its workers that live."""
        found = {}
        for slot in self.paths.journal_slots():
            lock = self.paths.journal(slot) / "owner.lock"
            owner = Owner.read(lock) if is_held(lock) else None
            if owner is not None:
                found[slot] = owner.pid
        return found

    def agent(self) -> int | None:
        """Return the pid of the agent; None: it does not run."""
        if self._agent is None or self._agent.returncode is not None:
            return None
        return self._agent.pid

    def pids(self) -> list[int]:
        """Return all processes of this host."""
        mark = str(self.paths.state_dir).encode()
        found = {pid for pid in [self.agent(), *self.workers().values()] if pid is not None}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it may end while it is looked at
                links = [os.readlink(fd).encode() for fd in (entry / "fd").iterdir()]
                if any(link.startswith(mark) for link in links):
                    found.add(int(entry.name))
        return sorted(found)

    def signal(self, number: signal.Signals) -> None:
        """Send all its processes a signal."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, number)

    async def die(self) -> None:
        """Kill all its processes, as a loss of power does."""
        while pids := self.pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self._agent is not None:
                await self._agent.wait()
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """End the agent in order."""
        if (pid := self.agent()) is not None and self._agent is not None:
            os.kill(pid, signal.SIGTERM)
            await self._agent.wait()

    async def end(self) -> None:
        """End all that is left of it."""
        await self.die()
        for relay in self._relays:
            with contextlib.suppress(ProcessLookupError):
                relay.kill()
            await relay.wait()
