"""A PostgreSQL of our own for tests: Debian's programs, a folder in /tmp, a port of 127.0.0.1.

Nothing is fsynced: these servers die by signals, not by a loss of power. As root they run as the
user postgres, since they refuse to be root.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final, Self

PASSWORD: Final = "p4ss:w%rd-of-a-test"
_QUOTED: Final = "p4ss%3Aw%25rd-of-a-test"
_SETTINGS: Final = (
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=40",
    "wal_level=replica",
    "max_wal_senders=4",
    "autovacuum=off",
    "listen_addresses=127.0.0.1",
)


def programs() -> Path | None:
    """Return the folder of the newest server's programs here; None: there is none, or no user that
    can run it."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3])
    )
    if folders and (os.geteuid() or _has_user("postgres")):
        return folders[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found and os.geteuid() else None


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class PostgresServer:
    """One server. Close it when done."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def make(cls) -> Self:
        """Make a server and start it."""
        server = cls._empty()
        words = server.folder / "password"
        words.write_text(PASSWORD)
        server._give(words)
        server._run(
            "initdb", "-D", server.data, "-U", "dcgw", "-A", "scram-sha-256", f"--pwfile={words}",
            "-N", "-E", "UTF8", "--no-locale", "--no-instructions",
        )  # fmt: skip
        server._run("cp", "-a", server.data, f"{server.data}.new")
        server.start()
        return server

    def another(self) -> PostgresServer:
        """Make a server like this one, of what it was made of, and start it."""
        other = PostgresServer._empty()
        # A copy is cheaper than initdb, of which there are as many as tests that stop their server.
        other._run("cp", "-a", f"{self.data}.new", other.data)
        other.start()
        return other

    @classmethod
    def _empty(cls) -> Self:
        folder = Path(tempfile.mkdtemp(prefix="dcgw-pg-", dir="/tmp"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = cls(folder, port)
        server._give(folder)
        return server

    def replica(self) -> PostgresServer:
        """Make a server that follows this one, and start it."""
        other = PostgresServer._empty()
        url = self.url("postgres")
        other._run("pg_basebackup", "-D", other.data, "-R", "-c", "fast", "-N", "-d", url)
        other.start()
        return other

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def url(self, database: str) -> str:
        return f"postgresql://dcgw:{_QUOTED}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it lets clients in."""
        words = [str(_bin() / "postgres"), "-D", self.data, "-p", str(self.port)]
        words += ["-k", str(self.folder)]
        for setting in _SETTINGS:
            words += ["-c", setting]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                words, stdout=log, stderr=log, start_new_session=True, **_owner()
            )
        status = Path(self.data) / "postmaster.pid"
        deadline = time.monotonic() + 30
        while not (status.exists() and status.read_text().rstrip().endswith(("ready", "standby"))):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop it: clients are cut off (SIGINT), or it ends at once (SIGQUIT)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def freeze(self) -> None:
        """Stop all of its processes in the midst of what they do, until `thaw`."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def promote(self) -> None:
        """Make a replica the one that takes writes."""
        self._run("pg_ctl", "promote", "-D", self.data, "-w")

    def new_database(self) -> str:
        """Make a database; return its URL."""
        name = f"test_{secrets.token_hex(4)}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, database: str, statement: str) -> str:
        """Execute a statement, and return what psql prints of it."""
        words = [str(_bin() / "psql"), "-XAtq", "-d", self.url(database), "-c", statement]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        # Each of its processes has a group of its own.
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True
        ).stdout.split()
        for pid in (self._process.pid, *map(int, children)):
            os.kill(pid, number)

    def _give(self, path: Path) -> None:
        if owner := _owner():
            shutil.chown(path, owner["user"])

    def _run(self, program: str, *words: str) -> None:
        path = _bin() / program
        command = [str(path) if path.exists() else program, *words]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **_owner())


def _bin() -> Path:
    found = programs()
    assert found is not None
    return found


def _owner() -> dict[str, Any]:
    """Return as whom its programs run."""
    return {} if os.geteuid() else {"user": "postgres", "group": "postgres"}
