"""Machines with addresses of their own: network namespaces on one bridge, which this process is on
too, at HERE. The way between it and each of them can be cut, in one direction or both.

Source: ip-netns(8), veth(4), iptables(8).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.progress import progress

NET: Final = f"10.{64 + os.getpid() // 250 % 64}.{os.getpid() % 250}"
"""The first three bytes of all addresses: other ones in processes that run beside this."""
ROOT: Final = Path(__file__).parent.parent.parent.parent
HERE: Final = f"{NET}.1"
"""Address of this process's machine."""
COMMAND_S: Final = 20.0
_numbers = itertools.count()


def why_not() -> str:
    """Return why there can be no machines here; empty: there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    for tool in ("ip", "iptables"):
        if shutil.which(tool) is None:
            return f"`{tool}` is not installed"
    name = f"dcgw-try-{os.getpid()}"
    tried = _try("ip", "netns", "add", name)
    if tried:
        return f"network namespaces are not permitted: {tried}"
    try:
        inside = _try("ip", "netns", "exec", name, "iptables", "-S")
        link = f"dcgwt{os.getpid()}"
        bridge = _try("ip", "link", "add", link, "type", "bridge")
        if not bridge:
            run("ip", "link", "del", link)
        return inside or bridge
    finally:
        run("ip", "netns", "del", name)


def _try(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    return done.stderr.strip() if done.returncode else ""


def run(*words: str) -> None:
    """Run a command to its end; AssertionError with what it said if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


class Machine:
    """A network namespace with one address."""

    def __init__(self, bridge: str, name: str, number: int) -> None:
        self.name = name
        self.address = f"{NET}.{number}"
        self._space = f"{bridge}-{name}"
        self._processes: list[subprocess.Popen[bytes]] = []
        outer, inner = f"{bridge}o{number}", f"{bridge}i{number}"
        run("ip", "netns", "add", self._space)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner)
        run("ip", "link", "set", inner, "netns", self._space)
        run("ip", "link", "set", outer, "master", bridge, "up")
        self.inside("ip", "addr", "add", f"{self.address}/24", "dev", inner)
        self.inside("ip", "link", "set", inner, "up")
        self.inside("ip", "link", "set", "lo", "up")

    def words(self, *words: str) -> list[str]:
        """Return the command line that runs words on this machine."""
        return ["ip", "netns", "exec", self._space, *words]

    def inside(self, *words: str) -> None:
        """Run a command on this machine to its end."""
        run(*self.words(*words))

    def cut(self, ports: Sequence[int], *, to_here: bool = True, from_here: bool = True) -> None:
        """Let packets between it and these TCP ports of HERE vanish, without a word to either end.
        to_here: those that it sends; from_here: those that it gets."""
        for port in ports:
            if to_here:
                self.inside("iptables", "-A", "OUTPUT", "-p", "tcp", "--dport", str(port),
                            "-d", HERE, "-j", "DROP")  # fmt: skip
            if from_here:
                self.inside("iptables", "-A", "INPUT", "-p", "tcp", "--sport", str(port),
                            "-s", HERE, "-j", "DROP")  # fmt: skip

    def mend(self) -> None:
        """Let everything through again."""
        self.inside("iptables", "-F")

    def start(self, *words: str, data: bytes = b"", **options: Any) -> subprocess.Popen[bytes]:
        """Start a process on this machine; it has ended when the machine is gone. data: for its
        standard input."""
        process = subprocess.Popen(
            self.words(*words), stdin=subprocess.PIPE, start_new_session=True, **options
        )
        self._processes.append(process)
        assert process.stdin is not None
        process.stdin.write(data)
        process.stdin.close()
        return process

    def pids(self) -> list[int]:
        """Return all processes of this machine."""
        listed = subprocess.run(
            ["ip", "netns", "pids", self._space],
            capture_output=True, text=True, timeout=COMMAND_S, check=True,
        )  # fmt: skip
        return [int(pid) for pid in listed.stdout.split()]

    def signal(self, number: signal.Signals, spared: Sequence[int] = ()) -> None:
        """Send all processes of this machine a signal."""
        for pid in self.pids():
            if pid not in spared:
                with contextlib.suppress(ProcessLookupError):  # it ended by itself
                    os.kill(pid, number)

    def remove(self) -> None:
        """End what runs there, and take the machine away."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        for process in self._processes:
            process.wait(COMMAND_S)
        run("ip", "netns", "del", self._space)


class Relay:
    """A way for TCP from a port to another address, which can be slow, or stand still."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, **how: float) -> None:
        """Change how it relays. delay: seconds by which all comes later. stalled: 1: nothing
        passes."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(how) + b"\n")
        self._process.stdin.flush()

    @classmethod
    def start(cls, listen: str, to: str, machine: Machine | None = None) -> Relay:
        """Start one on a machine, or here. listen, to: "ADDRESS:PORT"."""
        words = [sys.executable, "-m", "tests.e2e.on_hosts.relay", listen, to]
        process = subprocess.Popen(
            machine.words(*words) if machine else words,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"listens\n"
        return cls(process)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def network(*names: str) -> Iterator[dict[str, Machine]]:
    """Make machines with these names until the block ends."""
    bridge = f"dg{os.getpid() % 100_000}{next(_numbers)}"
    run("ip", "link", "add", bridge, "type", "bridge")
    machines: dict[str, Machine] = {}
    try:
        run("ip", "addr", "add", f"{HERE}/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        for number, name in enumerate(names, 2):
            machines[name] = Machine(bridge, name, number)
        progress()
        yield machines
    finally:
        for machine in machines.values():
            machine.remove()
        run("ip", "link", "del", bridge)
