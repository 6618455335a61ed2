"""Which clusters of this user run on this host, wherever their configuration keeps their state.

A coordinator writes where its state folder is into each registry of its user that it can: a file
of the runtime folder's name in the folder ``running-<uid>`` of a runtime root. Which roots those
are does not hang on the configuration: what DCGW_RUNTIME_DIR names, or else all that a user may
have. So a program without the cluster's configuration finds it. An entry is nothing but a place to
look: that a cluster runs is told by its lock.

What is in a registry that others can write to, or is not this user's, is not looked at.
"""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from cluster.endpoints.folders import make_private, replaceable, write_private
from cluster.endpoints.paths import LOCK, ClusterPaths, is_held
from cluster.errors import ClusterError
from cluster.plain_text import in_environment

log = logging.getLogger(__name__)

FOLDER: Final = f"running-{os.getuid()}"
MAX_ENTRY_BYTES: Final = 4096
MOST_ENTRIES: Final = 1000


def runtime_roots(env: Mapping[str, str] = os.environ) -> list[Path]:
    """Return the runtime roots in whose registries this user's clusters are."""
    if own := in_environment("DCGW_RUNTIME_DIR", env):
        return [Path(own)]
    uid = os.getuid()
    roots = [Path(f"/run/user/{uid}/dcgw"), Path("/run/dcgw")]
    if base := in_environment("XDG_RUNTIME_DIR", env):
        roots.insert(0, Path(base) / "dcgw")
    roots += [Path(tempfile.gettempdir()) / f"dcgw-{uid}", Path(f"/tmp/dcgw-{uid}")]
    return list(dict.fromkeys(roots))


def enter(paths: ClusterPaths, env: Mapping[str, str] = os.environ) -> list[Path]:
    """Write a cluster into the registries, and remove the entries of those that run no more. Return
    its entries. ClusterError: not even beside its own sockets can one be written."""
    own = paths.runtime_dir.parent
    written = []
    for root in dict.fromkeys([own, *runtime_roots(env)]):
        try:
            if root != own and not root.parent.is_dir():
                continue
            if root == Path("/run/dcgw") and not root.is_dir():
                continue  # a service manager makes it for a service; not even root has one else
            make_private(root / FOLDER)
            _forget_stopped(root / FOLDER)
            written.append(_write(root / FOLDER / paths.runtime_dir.name, paths.state_dir))
        except (OSError, ClusterError) as error:
            if root == own:
                raise ClusterError(
                    f"the cluster can't be entered into {root / FOLDER} ({error})",
                    "check its rights, or set DCGW_RUNTIME_DIR",
                ) from error
            log.info("not entered into %s: %s", root / FOLDER, error)
    return written


def _write(entry: Path, state_dir: Path) -> Path:
    draft = entry.with_name(f".{entry.name}")
    draft.unlink(missing_ok=True)
    write_private(draft, os.fsencode(state_dir))
    draft.replace(entry)
    return entry


def _forget_stopped(folder: Path) -> None:
    for entry in _entries(folder):
        state_dir = _read(entry)
        if state_dir is not None and not is_held(state_dir / LOCK):
            entry.unlink(missing_ok=True)


def entries(paths: ClusterPaths, env: Mapping[str, str] = os.environ) -> list[Path]:
    """Return where the entries of a cluster are, if it left any."""
    roots = dict.fromkeys([paths.runtime_dir.parent, *runtime_roots(env)])
    return [root / FOLDER / paths.runtime_dir.name for root in roots]


def leave(left: Iterable[Path]) -> None:
    """Remove a cluster's entries. A registry stays: another cluster may be about to write there."""
    for entry in left:
        try:
            entry.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s was not removed: %s", entry, error)


def state_folders(env: Mapping[str, str] = os.environ) -> list[Path]:
    """Return the state folders that this user's registries name."""
    found: list[Path] = []
    for root in runtime_roots(env):
        folder = root / FOLDER
        try:
            info = folder.lstat()
        except OSError:
            continue
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or replaceable(folder):
            continue
        if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            log.warning("others can write to %s: nothing in it is looked at", folder)
            continue
        found += [state for entry in _entries(folder) if (state := _read(entry)) is not None]
    return list(dict.fromkeys(found))


def _entries(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(folder))[:MOST_ENTRIES]
    except OSError:
        return
    yield from (folder / name for name in names if not name.startswith("."))


def _read(entry: Path) -> Path | None:
    """Return the state folder that an entry names; None: it is none of ours."""
    try:
        fd = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid():
            return None
        text = os.read(fd, MAX_ENTRY_BYTES + 1)
    finally:
        os.close(fd)
    if len(text) > MAX_ENTRY_BYTES or b"\0" in text:
        return None
    path = Path(os.fsdecode(text))
    return path if path.is_absolute() else None
