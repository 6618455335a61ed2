"""Real processes: a sandbox Discord of its own, and the command line on a folder of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from cluster.sandbox import SandboxInfo
from tests.progress import progress

COMMAND_S = 60.0
"""How long a command may take before the test gives it up."""


class Home:
    """A user's home: environment, state and sockets, apart from everybody else's."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.state = folder / "state"
        self.sockets = sockets
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("DCGW_") and not name.lower().endswith("_proxy")
        }
        self.env = inherited | {
            "HOME": str(folder),
            "DCGW_STATE_DIR": str(self.state),
            "DCGW_RUNTIME_DIR": str(sockets),
            # A process more, which most tests have no use for.
            "DCGW_HTTP_LISTEN": "",
        }

    def use(self, sandbox: SandboxInfo) -> None:
        """Point the cluster of this home at a sandbox."""
        self.env |= {
            "DCGW_API_URL": sandbox.api_url,
            "DCGW_CA_FILE": sandbox.ca_file,
            "DCGW_TOKEN": sandbox.token,
            "DCGW_INTENTS": "all",
        }

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``dcgw-cluster`` to its end."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cluster", *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        progress()
        return done

    def processes(self) -> list[str]:
        """Command lines of this home's processes that still run, known by their environment."""
        mark = f"DCGW_STATE_DIR={self.state}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            # A process may end while it is looked at.
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def leftovers(self) -> list[str]:
        """Processes and sockets that are left, in words."""
        # Unlike Path.rglob, walk goes on when a folder is removed meanwhile.
        paths = [Path(folder, name) for folder, _, names in os.walk(self.sockets) for name in names]
        return self.processes() + [str(path) for path in paths if path.is_socket()]


def offer(home: Home, address: str = "127.0.0.1") -> None:
    """Let the cluster of this home offer all that it can over TCP, on ports that are free now."""
    held = [socket.create_server((address, 0)) for _ in range(3)]
    for one, name in zip(held, ("EVENTS", "REPLAY", "CONTROL"), strict=True):
        home.env[f"DCGW_TCP_{name}"] = f"tcp://{address}:{one.getsockname()[1]}"
        one.close()


@contextlib.contextmanager
def run_sandbox(**options: Any) -> Iterator[SandboxInfo]:
    """Run ``python -m cluster.sandbox`` until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cluster.sandbox", "--with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(options))
        process.stdin.close()
        line = process.stdout.readline()
        assert line, f"the sandbox did not start: it ended with {process.wait(COMMAND_S)}"
        progress()
        yield msgspec.json.decode(line, type=SandboxInfo)
    finally:
        process.terminate()
        process.wait(COMMAND_S)
        process.stdout.close()
