"""Folders and files that are this user's alone: found, made, and looked at whether others could put
others in their place."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cluster.errors import ClusterError, ConfigError

MOST_LINKS: Final = 40
"""As many as Linux follows in a path (path_resolution(7))."""


def home() -> Path:
    """Return this user's home folder. ConfigError: nothing names one, as in a container whose user
    has no line in passwd."""
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigError(
            f"user {os.getuid()} has no home folder: neither HOME nor passwd names one",
            "set DCGW_STATE_DIR (state_dir) to a folder of this user's, or HOME",
        ) from None


def here() -> Path:
    """Return the folder that this process runs in. ConfigError: it was removed."""
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigError(
            f"the current folder can't be told ({error.strerror})",
            "change to another, or give paths that begin with /",
        ) from None


def expanded(path: str) -> Path:
    """Return a path, its ~ as a home folder. ConfigError: there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"nothing names the home folder that {path} begins with") from None


def make_private(folder: Path) -> None:
    """Create a folder that only this user can enter, and those above it that are not there; refuse
    one that is somebody else's, or that somebody else could put another in the place of.
    ClusterError, OSError."""
    for one in reversed([*missing(folder)]):
        one.mkdir(exist_ok=True, mode=0o700)
    if whose := replaceable(folder):
        raise ClusterError(whose, "give DCGW_STATE_DIR and DCGW_RUNTIME_DIR folders of your own")
    info = folder.lstat()
    if info.st_uid != os.getuid() or folder.is_symlink():
        raise ClusterError(
            f"{folder} is not a folder of this user's", "remove it, or set DCGW_RUNTIME_DIR"
        )
    if info.st_mode & 0o077:
        folder.chmod(0o700)


def write_private(file: Path, data: bytes) -> None:
    """Write a new file that only its owner can read. FileExistsError, and every other OSError."""
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as handle:
        handle.write(data)


def missing(folder: Path) -> Iterator[Path]:
    """Yield the folder and those above it, as far as they are not there."""
    while not os.path.lexists(folder):
        yield folder
        folder = folder.parent


def try_to_make(folder: Path) -> None:
    """Raise the OSError that keeps this user from making a folder, or from writing to it if it is
    there. What is made to see that is removed again."""
    absent = [*missing(folder)]
    if absent:
        absent[-1].mkdir(mode=0o700)
        absent[-1].rmdir()
    elif not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def why_not_made(folder: Path) -> str:
    """Return why this user can't make a folder, or not write to it; empty: it can be done."""
    try:
        try_to_make(folder)
    except OSError as error:
        return not_made(error)
    return ""


def not_made(error: OSError) -> str:
    """Return in words what `try_to_make` has raised."""
    return f"{error.filename} can't be made or written to ({error.strerror})"


def replaceable(path: Path) -> str:
    """Return why others could put another file or folder in this one's place; empty: they can't.

    Each folder on the way is looked at, and each link that the path goes through, as sshd does
    (auth_secure_path): it is this user's or root's, and nobody else may write to it. In a folder
    with the sticky bit (/tmp) everybody may, and take away only what is theirs. A group may whose
    only member is this user: many systems give each one.
    """
    folder, links = Path("/"), 0
    ahead = [*(path if path.is_absolute() else here() / path).parts[1:]]
    while ahead:
        name = ahead.pop(0)
        if name == "..":
            folder = folder.parent
            continue
        if why := _writable_by_others(folder, name):
            return why
        place = folder / name
        try:
            info = place.lstat()
        except FileNotFoundError:
            return ""  # what is not there will be this user's
        except OSError as error:
            return f"{place} can't be looked at ({error.strerror})"
        if info.st_uid not in (0, os.getuid()):
            what = "who could put another in its place" if ahead else "and is not this user's"
            return f"{place} belongs to another user, {what}"
        if not stat.S_ISLNK(info.st_mode):
            folder = place
            continue
        links += 1
        if links > MOST_LINKS:
            return f"{path} goes through too many links"
        target = Path(os.readlink(place))
        ahead = [*target.parts[1:], *ahead] if target.is_absolute() else [*target.parts, *ahead]
        folder = Path("/") if target.is_absolute() else folder
    return ""


def _writable_by_others(folder: Path, name: str) -> str:
    """Return why others could put another entry of this name into a folder; empty: they can't."""
    info = folder.stat()
    if info.st_mode & stat.S_ISVTX:
        return ""
    if info.st_mode & stat.S_IWOTH:
        return f"everybody can write to {folder}, and put another {name} there"
    if info.st_mode & stat.S_IWGRP and not _own_group(info.st_gid):
        return f"the group of {folder} can write to it, and put another {name} there"
    return ""


def _own_group(gid: int) -> bool:
    """Whether a group is this user's own, with nobody else in it; or root's."""
    try:
        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return gid in (0, user.pw_gid) and set(group.gr_mem) <= {user.pw_name, "root"}
