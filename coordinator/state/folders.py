"""The state and runtime folders of a running coordinator: made, locked, told of, cleared."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.endpoints.folders import make_private
from cluster.endpoints.paths import ClusterPaths, Running, check_socket_paths, is_held
from cluster.errors import AlreadyRunningError, ClusterError

log = logging.getLogger(__name__)

RETIRED_S: Final = 86_400.0
"""How long the journal of a slot that is no more is kept."""
_LOCK_TRIES: Final = 20
_LOCK_WAIT_S: Final = 0.05


def make(paths: ClusterPaths) -> None:
    """Create both folders, for this user only. ConfigError: a path that is too long for a socket.
    ClusterError: a folder that can't be made."""
    check_socket_paths(paths)
    try:
        for folder in (paths.state_dir, paths.logs, paths.runtime_dir):
            make_private(folder)
    except OSError as error:
        raise ClusterError(
            f"the folder {error.filename} can't be made ({error.strerror})",
            "check its rights, or set DCGW_STATE_DIR and DCGW_RUNTIME_DIR",
        ) from error


async def lock(paths: ClusterPaths) -> int:
    """Take the state folder for this process. Return a descriptor to keep open.
    AlreadyRunningError: another process has it.

    This is tried for a second: who only asks whether it is held takes it for an instant.
    """
    for _ in range(_LOCK_TRIES):
        fd = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(fd, paths.lock):
                return fd
        except BlockingIOError:
            await asyncio.sleep(_LOCK_WAIT_S)
        os.close(fd)
    pid = _pid(paths.running)
    raise AlreadyRunningError(
        f"cluster {paths.name!r} is running already ({pid}, state in {paths.state_dir})",
        f"stop it with `dcgw-cluster stop --name {paths.name}`, or give this one another name",
    )


def _is_at(fd: int, path: Path) -> bool:
    """Whether the open file is the one at this path: `dcgw-cluster clean` may have removed it
    between the two, and a lock on a file that nobody finds keeps nobody out."""
    try:
        found, held = path.stat(), os.fstat(fd)
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)


def _pid(running: Path) -> str:
    try:
        return f"pid {msgspec.json.decode(running.read_bytes(), type=Running).pid}"
    except (OSError, *MALFORMED):
        return "it is just starting"


def write_running(paths: ClusterPaths, running: Running) -> None:
    """Write running.json, whole or not at all."""
    draft = paths.running.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(running))
    draft.chmod(0o600)
    draft.replace(paths.running)


def clear(paths: ClusterPaths) -> None:
    """Remove running.json and the sockets. The lock file stays: removing it would let two hold
    locks of one name."""
    with contextlib.suppress(FileNotFoundError):  # it was not written yet
        paths.running.unlink()
    shutil.rmtree(paths.runtime_dir, onerror=_not_removed)


def clear_retired(
    paths: ClusterPaths, in_use: Collection[int], since: dict[int, float], now: float
) -> list[int]:
    """Remove the journals of slots that no plan has, RETIRED_S after they were first found so;
    until then their history is there to be asked for. Return these slots. since: when each was
    found so; kept up. now: by the store's time, as in `since`: a file's own is the wall clock's."""
    retired = [
        slot
        for slot in paths.journal_slots()
        if slot not in in_use and not is_held(paths.journal(slot) / "owner.lock")
    ]
    for slot in set(since).difference(retired):
        del since[slot]
    removed = []
    for slot in retired:
        if now - since.setdefault(slot, now) > RETIRED_S:
            log.info("the journal of slot %d, which is no more, is removed", slot)
            shutil.rmtree(paths.journal(slot), onerror=_not_removed)
            removed.append(slot)
    return removed


def _not_removed(_: object, path: str, info: object) -> None:
    log.warning("%s was not removed", path)
