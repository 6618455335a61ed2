"""The LMDB environments that this process reads, each opened once: LMDB must not be opened twice in
one process, nor be taken across fork.

Source: LMDB's documentation, "Caveats".
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final
from weakref import WeakSet

import lmdb

from cluster.cache import schema
from cluster.cache.errors import CacheError
from cluster.cache.opening import open_databases, open_for_reading
from cluster.cache.reading.snapshot import Snapshot

_lock: Final = threading.Lock()
_open: Final[dict[Path, Environment]] = {}


class Environment:
    """An environment that is open to read, shared by all who read it in this process."""

    def __init__(self, folder: Path, env: lmdb.Environment) -> None:
        self._folder = folder
        self._env = env
        self._databases: schema.Databases = open_databases(env)
        self._inode = (folder / schema.DATA).stat().st_ino
        self._pid = os.getpid()
        self._readers = 0
        self._snapshots: WeakSet[Snapshot] = WeakSet()

    def take(self) -> Environment:
        """Count one more who reads it."""
        self._readers += 1
        return self

    def release(self) -> None:
        """Close it with its last reader."""
        with _lock:
            self._readers -= 1
            if self._readers or self._pid != os.getpid():
                return
            if _open.get(self._folder) is self:
                del _open[self._folder]
            self._env.close()

    def is_current(self) -> bool:
        """Return whether it is the file that is there. Raises CacheError where it is the process's
        that this one was forked from: closed here, that one would lose its place among the readers;
        and it can't be opened beside it."""
        if self._pid != os.getpid():
            raise CacheError(
                "the cache was opened before this process was forked",
                "open a Cache in each process, after the fork, or start processes by spawning",
            )
        try:
            inode = (self._folder / schema.DATA).stat().st_ino
        except FileNotFoundError:
            return False
        return inode == self._inode

    def snapshot(self) -> Snapshot:
        """Return the cache as it is now. Raises CacheError and lmdb.Error."""
        with _lock:
            try:
                txn = self._env.begin()
            except lmdb.MapResizedError:
                self._grow()
                txn = self._env.begin()
            made = Snapshot(txn, self._databases)
            self._snapshots.add(made)
        return made

    def _grow(self) -> None:
        """Map the file anew: `cache.bytes` was raised, and it has grown beyond what it was."""
        if any(one.is_open for one in self._snapshots):
            raise CacheError(
                "the cache is larger than it might become when this process opened it",
                "close the other snapshots of this process first",
            )
        self._env.set_mapsize(0)


def opened(folder: Path) -> Environment:
    """Return the environment in a folder, opened unless it is; it is to be released. Raises
    CacheError."""
    with _lock:
        env = _open.get(folder)
        if env is None or not env.is_current():
            try:
                env = Environment(folder, open_for_reading(folder))
            except lmdb.Error as error:
                raise CacheError(f"the cache in {folder} can't be opened: {error}") from None
            _open[folder] = env
        return env.take()
