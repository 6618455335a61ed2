"""Where a cluster keeps its state and its sockets, and how others on this host find it.

state folder    <state root>/<name>          store, journals, logs, keys, lock; 0700
runtime folder  <runtime root>/<name>-<8 hex of the state folder's path>   ipc sockets; 0700

An ipc path longer than 107 bytes (103 on macOS) can't be bound, so sockets have a short folder of
their own. ``running.json`` in the state folder tells where the sockets are; the cluster is alive
exactly while ``coordinator.lock`` is held (flock), whatever files lie about.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError, ConfigError
from cluster.plain_text import in_environment

CLUSTER_NAME: Final = r"\A[a-z0-9][a-z0-9_-]{0,31}\Z"
IPC_PATH_BYTES: Final = 103 if sys.platform == "darwin" else 107
"""Longest path of a Unix socket (sun_path without its NUL)."""
MAX_RUNNING_BYTES: Final = 64 * 1024
log = logging.getLogger(__name__)
SOCKETS: Final = ("control", "link", "hub", "events", "replay")


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The content of running.json: what a coordinator says of itself once its sockets are bound."""

    name: str
    pid: int
    started_at: float
    state_dir: str
    control_endpoint: str
    hub_endpoint: str
    replay_endpoint: str
    sandbox: bool = False


class ClusterPaths(msgspec.Struct, frozen=True, kw_only=True):
    """The folders and endpoints of one cluster on this host."""

    name: str
    state_dir: Path
    runtime_dir: Path

    @property
    def lock(self) -> Path:
        return self.state_dir / "coordinator.lock"

    @property
    def running(self) -> Path:
        return self.state_dir / "running.json"

    @property
    def store(self) -> Path:
        return self.state_dir / "store.sqlite"

    @property
    def logs(self) -> Path:
        return self.state_dir / "logs"

    @property
    def keys(self) -> Path:
        """The folder of the keys for TCP."""
        return self.state_dir / "keys"

    @property
    def journals(self) -> Path:
        """The folder of the slots' journal folders."""
        return self.state_dir / "journal"

    def journal(self, slot: int) -> Path:
        """Return the journal folder of a worker slot."""
        return self.journals / f"slot-{slot}"

    def journal_slots(self) -> list[int]:
        """Return the slots that have a journal folder, whether or not a worker has them now."""
        names = [folder.name for folder in self.journals.glob("slot-*")]
        return sorted(int(n[5:]) for n in names if n[5:].isascii() and n[5:].isdigit())

    def endpoint(self, socket: str) -> str:
        """Return the ZeroMQ endpoint of a socket in the runtime folder: control, link, hub, events,
        replay."""
        return f"ipc://{self.runtime_dir / socket}"

    @property
    def control(self) -> str:
        return self.endpoint("control")

    @property
    def link(self) -> str:
        return self.endpoint("link")

    @property
    def hub(self) -> str:
        """Where workers publish to: the hub's SUB side."""
        return self.endpoint("hub")

    @property
    def events(self) -> str:
        """Where subscribers connect: the hub's PUB side."""
        return self.endpoint("events")

    @property
    def replay(self) -> str:
        return self.endpoint("replay")


def state_root(env: Mapping[str, str] = os.environ) -> Path:
    """Return DCGW_STATE_DIR, or XDG_STATE_HOME/dcgw-cluster, or ~/.local/state/dcgw-cluster."""
    if own := in_environment("DCGW_STATE_DIR", env):
        return Path(own)
    base = in_environment("XDG_STATE_HOME", env)
    return (Path(base) if base else Path.home() / ".local" / "state") / "dcgw-cluster"


def runtime_root(env: Mapping[str, str] = os.environ) -> Path:
    """Return DCGW_RUNTIME_DIR, or XDG_RUNTIME_DIR/dcgw, or this user's folder in the temporary
    one."""
    if own := in_environment("DCGW_RUNTIME_DIR", env):
        return Path(own)
    if base := in_environment("XDG_RUNTIME_DIR", env):
        return Path(base) / "dcgw"
    return Path(tempfile.gettempdir()) / f"dcgw-{os.getuid()}"


def cluster_paths(
    name: str, env: Mapping[str, str] = os.environ, state_dir: Path | None = None
) -> ClusterPaths:
    """Return the folders of the cluster of this name; nothing is created."""
    state = (state_dir or state_root(env) / name).absolute()
    tag = hashlib.blake2b(str(state).encode(), digest_size=4).hexdigest()
    return ClusterPaths(name=name, state_dir=state, runtime_dir=runtime_root(env) / f"{name}-{tag}")


def check_socket_paths(paths: ClusterPaths) -> int:
    """Return the bytes of the longest socket path. ConfigError: it is too long to be bound."""
    longest = max(len(os.fsencode(paths.runtime_dir / name)) for name in SOCKETS)
    if longest > IPC_PATH_BYTES:
        raise ConfigError(
            f"the runtime folder {paths.runtime_dir} is too long for a socket's path by "
            f"{longest - IPC_PATH_BYTES} bytes",
            "set DCGW_RUNTIME_DIR to a short folder",
        )
    return longest


def make_private(folder: Path) -> None:
    """Create a folder that only this user can enter; refuse one that is somebody else's, or that
    somebody else could put another in the place of. ClusterError, OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if whose := replaceable(folder):
        raise ClusterError(whose, "give DCGW_STATE_DIR and DCGW_RUNTIME_DIR folders of your own")
    info = folder.lstat()
    if info.st_uid != os.getuid() or folder.is_symlink():
        raise ClusterError(
            f"{folder} is not a folder of this user's", "remove it, or set DCGW_RUNTIME_DIR"
        )
    if info.st_mode & 0o077:
        folder.chmod(0o700)


def replaceable(folder: Path) -> str:
    """Return why others could put another folder in this one's place; empty: they can't. A group
    may write to what is above it: many systems give each user a group of its own."""
    above = folder.parent.stat()
    if above.st_uid not in (0, os.getuid()):
        return f"{folder.parent} belongs to another user, who could put another {folder.name} there"
    if above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
        return f"everybody can write to {folder.parent}, and put another {folder.name} there"
    return ""


def is_held(lock: Path) -> bool:
    """Return whether some process holds this lock file (flock)."""
    try:
        fd = os.open(lock, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def running_clusters(env: Mapping[str, str] = os.environ) -> list[Running]:
    """Return the clusters of this user that run on this host, by their locks. What is no
    running.json is left out, and logged."""
    found = []
    for record in sorted(state_root(env).glob("*/running.json")):
        if not is_held(record.parent / "coordinator.lock"):
            continue
        try:
            with record.open("rb") as file:
                found.append(msgspec.json.decode(file.read(MAX_RUNNING_BYTES), type=Running))
        except FileNotFoundError:
            continue  # it stopped just now
        except (OSError, *MALFORMED) as error:
            log.error("%s is not what a running cluster writes there: %s", record, error)
    return found
