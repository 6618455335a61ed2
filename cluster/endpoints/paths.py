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
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from cluster.endpoints.folders import here, home
from cluster.errors import ConfigError
from cluster.plain_text import in_environment

CLUSTER_NAME: Final = r"\A[a-z0-9][a-z0-9_-]{0,31}\Z"
IPC_PATH_BYTES: Final = 103 if sys.platform == "darwin" else 107
"""Longest path of a Unix socket (sun_path without its NUL)."""
LOCK: Final = "coordinator.lock"
RUNNING: Final = "running.json"
SOCKETS: Final = (
    "control",
    "link",
    "hub-99",
    "events-99",
    "replay",
    "hosts",
    "host-replay",
    "cache",
)


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The content of running.json: what a coordinator says of itself once its sockets are bound, or
    while it waits for another one to end."""

    name: str
    pid: int
    started_at: float
    state_dir: str
    control_endpoint: str
    hub_endpoint: str
    hub_endpoints: list[str] = []
    """Where each hub publishes, that of `hub_endpoint` first; empty: a cluster of before, which has
    no other."""
    replay_endpoint: str
    sandbox: bool = False
    standby: str = ""
    """Why it has bound nothing yet, and waits; empty: it does not."""

    @property
    def hubs(self) -> tuple[str, ...]:
        """Where each hub publishes: whoever wants all events connects to all."""
        return tuple(self.hub_endpoints) or (self.hub_endpoint,)


class ClusterPaths(msgspec.Struct, frozen=True, kw_only=True):
    """The folders and endpoints of one cluster on this host."""

    name: str
    state_dir: Path
    runtime_dir: Path

    @property
    def lock(self) -> Path:
        return self.state_dir / LOCK

    @property
    def running(self) -> Path:
        return self.state_dir / RUNNING

    @property
    def store(self) -> Path:
        return self.state_dir / "store.sqlite"

    @property
    def logs(self) -> Path:
        return self.state_dir / "logs"

    def log(self, process: str) -> Path:
        """Return the log file of a process: "coordinator", "worker-3"."""
        return self.logs / f"{process}.log"

    @property
    def keys(self) -> Path:
        """The folder of the keys for TCP."""
        return self.state_dir / "keys"

    @property
    def checkpoints(self) -> Path:
        """The file of where the sessions of workers on other hosts are."""
        return self.state_dir / "checkpoints"

    @property
    def cache(self) -> Path:
        """The folder of the cache: the bot's guilds."""
        return self.state_dir / "cache"

    @property
    def sandbox_env(self) -> Path:
        """The file of what a bot on the cluster's own sandbox has in its environment."""
        return self.runtime_dir / "sandbox.env"

    @property
    def proxy(self) -> Path:
        """The folder of the gateway proxy's sessions."""
        return self.state_dir / "proxy"

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

    def hub_of(self, number: int) -> str:
        """Return where workers publish to the hub of this number."""
        return self.hub if number == 0 else self.endpoint(f"hub-{number}")

    def events_of(self, number: int) -> str:
        """Return where subscribers connect to the hub of this number."""
        return self.events if number == 0 else self.endpoint(f"events-{number}")

    @property
    def hosts(self) -> str:
        """Where the host gate passes on what host agents say."""
        return self.endpoint("hosts")

    @property
    def host_replay(self) -> str:
        """Where the replay door asks hosts, through the host gate."""
        return self.endpoint("host-replay")

    @property
    def cache_endpoint(self) -> str:
        """Where the cache answers the coordinator."""
        return self.endpoint("cached")

    @property
    def replay(self) -> str:
        return self.endpoint("replay")


def state_root(env: Mapping[str, str] = os.environ) -> Path:
    """Return DCGW_STATE_DIR, or XDG_STATE_HOME/dcgw-cluster, or ~/.local/state/dcgw-cluster."""
    if own := in_environment("DCGW_STATE_DIR", env):
        return Path(own)
    base = in_environment("XDG_STATE_HOME", env)
    return (Path(base) if base else home() / ".local" / "state") / "dcgw-cluster"


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
    state = state_dir or state_root(env) / name
    if not state.is_absolute():
        state = here() / state
    tag = hashlib.blake2b(str(state).encode(), digest_size=4).hexdigest()
    return ClusterPaths(name=name, state_dir=state, runtime_dir=runtime_root(env) / f"{name}-{tag}")


def host_paths(
    name: str, env: Mapping[str, str] = os.environ, state_dir: Path | None = None
) -> ClusterPaths:
    """Return the folders of the agent of the host of this name; nothing is created."""
    return cluster_paths(f"host-{name}", env, state_dir or state_root(env) / "hosts" / name)


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
