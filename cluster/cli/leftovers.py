"""What a stopped cluster leaves on this host: found by name, counted, removed.

Only files whose names a cluster writes are its leftovers. Everything else in its folders is kept
and named: notes, a token file, a link that an operator made. No link is followed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from cluster.endpoints.paths import (
    LOCK,
    SOCKETS,
    ClusterPaths,
    cluster_paths,
    host_paths,
    is_held,
    state_root,
)
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.logs.files import NAME

BLOCK_BYTES: Final = 512
"""Unit of st_blocks (POSIX leaves it open; Linux and macOS count so)."""

OWN_FILES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "": (
        (r"store\.sqlite(-wal|-shm|-journal)?", "store"),
        (r"checkpoints(\.new)?", "store"),
        (r"running\.(json|new)|coordinator\.lock|ca\.(pem|new)", "records"),
    ),
    "journal": ((r"reading", "journals"),),
    "journal/slot-N": (
        (r"(aside-)?(data\.mdb|lock\.mdb|journal\.json)", "journals"),
        (r"journal\.json\.[0-9]+|looking\.json|died\.txt|owner\.lock", "journals"),
    ),
    "cache": (
        (r"(aside-)?(data\.mdb|lock\.mdb|cache\.json)", "cache"),
        (r"cache\.json\.[0-9]+|died\.txt|owner\.lock", "cache"),
    ),
    "proxy": (
        (r"(aside-)?(sessions\.sqlite3|requests\.db)(-wal|-shm|-journal)?", "proxy"),
        (r"[0-9a-f]{16}\.lock", "proxy"),
    ),
    "logs": ((rf"{NAME.pattern}(\.[0-9]+)?", "logs"),),
    "keys": ((r"(server|clients)\.(json|new)", "keys"),),
}
"""For each kind of folder, "" being the state folder itself: patterns of the names of files that a
cluster writes in it, and the part that they belong to."""
ENVIRONMENT: Final = "sandbox.env"
"""What a bot on the cluster's sandbox has in its environment; the sockets are beside it."""
SLOT: Final = re.compile(r"slot-[0-9]+")
NUMBER: Final = r"-[0-9]+$"
"""What tells the sockets of several hubs apart."""
HOSTS: Final = "hosts"
"""The folder, among those of the clusters, of the hosts whose agents run here."""


class Left(NamedTuple):
    """One file or folder that a cluster wrote."""

    path: Path
    part: str
    """"journals", "store", "cache", "proxy", "logs", "keys", "records" or "sockets"; empty for a
    folder."""
    disk_bytes: int
    is_folder: bool


class Leftovers(NamedTuple):
    """What is in the folders of one cluster."""

    own: list[Left]
    """What the cluster wrote; a folder comes after what is in it."""
    foreign: list[Path]
    """What it did not write, and links, whatever their names are."""

    def disk_bytes(self, part: str | None = None) -> int:
        """Return the bytes on disk of a part, or of all parts."""
        return sum(left.disk_bytes for left in self.own if part in (None, left.part))


def names_left(env: Mapping[str, str]) -> list[str]:
    """Return the names of the clusters that left something, running ones among them, and of hosts,
    as "hosts/NAME"."""
    root = state_root(env)
    files = [file for name in (LOCK, "store.sqlite") for file in root.glob(f"*/{name}")]
    files += root.glob(f"{HOSTS}/*/{LOCK}")
    folders = {file.parent for file in files if not file.parent.is_symlink()}
    return sorted(str(folder.relative_to(root)) for folder in folders)


def paths_left(name: str, env: Mapping[str, str]) -> ClusterPaths:
    """Return the folders of what has left something, by its name in `names_left`."""
    host = name.removeprefix(f"{HOSTS}/")
    return cluster_paths(name, env) if host == name else host_paths(host, env)


def owner(paths: ClusterPaths) -> tuple[str, str]:
    """Return whose folders these are: "cluster" or "host", and its name."""
    host = paths.state_dir.name
    return ("host", host) if paths.name == f"host-{host}" else ("cluster", paths.name)


def leftovers(paths: ClusterPaths) -> Leftovers:
    """Look at the folders of a cluster, whether it runs or not. Raises OSError."""
    found = Leftovers([], [])
    if _is_folder(paths.state_dir):
        _look(paths.state_dir, "", found)
    if _is_folder(paths.runtime_dir):
        with os.scandir(paths.runtime_dir) as entries:
            for entry in entries:
                info = entry.stat(follow_symlinks=False)
                is_socket = _is_socket_name(entry.name) and stat.S_ISSOCK(info.st_mode)
                if is_socket or (entry.name == ENVIRONMENT and stat.S_ISREG(info.st_mode)):
                    found.own.append(Left(Path(entry.path), "sockets", 0, is_folder=False))
                else:
                    found.foreign.append(Path(entry.path))
        found.own.append(Left(paths.runtime_dir, "", 0, is_folder=True))
    return found


def _is_socket_name(name: str) -> bool:
    """Whether a coordinator makes sockets of this name: those of SOCKETS, and what becomes one of
    them a moment later (coordinator.ipc_listener)."""
    begun = "".join(socket[0] for socket in SOCKETS)
    plain = {re.sub(NUMBER, "", socket) for socket in SOCKETS}
    return re.sub(NUMBER, "", name) in plain or re.fullmatch(rf"[{begun}][0-9]+", name) is not None


def _is_folder(path: Path) -> bool:
    """Whether this is a folder and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _look(folder: Path, kind: str, found: Leftovers) -> None:
    """Sort what is in a folder of this kind (a key of OWN_FILES) into own and foreign."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = Path(entry.path)
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode) and (below := _folder_kind(kind, entry.name)):
                _look(path, below, found)
            elif stat.S_ISREG(info.st_mode) and (part := _part_of(kind, entry.name)):
                disk_bytes = info.st_blocks * BLOCK_BYTES
                found.own.append(Left(path, part, disk_bytes, is_folder=False))
            else:
                found.foreign.append(path)
    found.own.append(Left(folder, "", 0, is_folder=True))


def _folder_kind(kind: str, name: str) -> str | None:
    """Return the kind of a folder of this name in one of that kind; None: it is not ours."""
    if kind == "journal" and SLOT.fullmatch(name):
        return "journal/slot-N"
    return name if kind == "" and name in OWN_FILES else None


def _part_of(kind: str, name: str) -> str | None:
    """Return the part that a file of this name belongs to; None: no cluster writes it there."""
    return next((part for form, part in OWN_FILES[kind] if re.fullmatch(form, name)), None)


@contextlib.contextmanager
def stopped(paths: ClusterPaths) -> Iterator[None]:
    """Hold the cluster's lock while the block runs, so that it can't start meanwhile.

    Raises AlreadyRunningError if it runs, or one of its workers does; OSError.
    """
    what, name = owner(paths)
    try:
        fd = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ClusterError(f"{paths.lock} can't be opened ({error.strerror})") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if what == "host":
                raise AlreadyRunningError(
                    f"the agent of host {name!r} is running", "end it first: Ctrl-C, or SIGTERM"
                ) from None
            raise AlreadyRunningError(
                f"the cluster {paths.name!r} is running",
                f"stop it first: `dcgw-cluster stop --name {paths.name}`",
            ) from None
        for slot in paths.journal_slots():
            if is_held(paths.journal(slot) / "owner.lock"):
                raise AlreadyRunningError(
                    f"worker {slot} of the {what} {name!r} is still running",
                    "it ends by itself a while after its coordinator did: adopt_seconds (60 unless "
                    "configured), on another host hosts.lease_seconds (15)",
                )
        yield
    finally:
        os.close(fd)


def remove(found: Leftovers, *, keys: bool = False) -> int:
    """Remove what a cluster wrote and return the bytes on disk that were freed.

    keys: its keys for TCP too. A folder in which something is left stays. Call it in `stopped`.
    Raises OSError.
    """
    freed = 0
    # The lock goes last: until then nobody else can start in this folder.
    for left in sorted(found.own, key=lambda left: left.path.name == LOCK):
        if left.is_folder or (left.part == "keys" and not keys):
            continue
        left.path.unlink(missing_ok=True)
        freed += left.disk_bytes
    for left in found.own:
        if left.is_folder and not any(left.path.iterdir()):
            left.path.rmdir()
    return freed
