"""The lock of a folder that one process at a time may write: the journal of a slot, with its
shards; the cache."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

from cluster.endpoints.folders import make_private
from cluster.errors import AlreadyRunningError
from cluster.processes import Owner

log = logging.getLogger(__name__)


class FolderLock:
    """Held from its making until ``release``, or until the process ends."""

    def __init__(self, folder: Path, who: str) -> None:
        """folder: made if it is not there. who: what holds it, for people. Raises
        AlreadyRunningError if another process has it, and OSError."""
        make_private(folder)
        file = folder / "owner.lock"
        fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise AlreadyRunningError(
                f"another {who} holds {folder}", "wait for it to exit, or stop it"
            ) from None
        owner = Owner.from_pid(os.getpid()).line()  # for whoever finds it locked
        try:
            os.pwrite(fd, owner, 0)  # over what is there, which needs no room on a full disk
            os.ftruncate(fd, len(owner))
        except OSError as error:
            log.warning("%s does not say who holds it: %s", file, error)
        self._fd: int | None = fd

    @property
    def held(self) -> bool:
        """Whether it was not let go yet."""
        return self._fd is not None

    def release(self) -> None:
        """Let go of the folder. Calling it again does nothing."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
