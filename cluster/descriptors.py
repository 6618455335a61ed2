"""How many descriptors this process may still open.

libzmq ends the process by SIGABRT where a Unix socket is to be accepted and none is left
(ipc_listener.cpp: EMFILE). So whoever lets connections in asks here first.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from typing import Final

EXACT_BELOW: Final = 4096
"""With fewer left they are counted each time; with more that would cost for nothing."""


def open_descriptors() -> int:
    """Return how many this process has open, the one that is opened to count them among them."""
    try:
        return len(os.listdir("/dev/fd"))
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        return descriptor_limit()  # there is none left to count them with


def descriptor_limit() -> int:
    """Return how many it may have open at most; what is unlimited is taken for a million."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


class Descriptors:
    """The descriptors of this process, for several listeners."""

    def __init__(
        self,
        limit: int | None = None,
        count: Callable[[], int] = open_descriptors,
    ) -> None:
        """limit: how many may be open; this process's own limit by default. count: how many are."""
        self.limit = descriptor_limit() if limit is None else limit
        self._count = count
        self._left = 0
        self.spare = max(0, self.limit - count())
        """How many were left when this began: what connections have to share."""

    def take(self, number: int, keep: int) -> bool:
        """Return whether so many can be opened now with `keep` left after them; if so they count as
        open from now on."""
        if self._left - number < max(keep, EXACT_BELOW):
            self._left = self.limit - self._count()
        if self._left - number < keep:
            return False
        self._left -= number
        return True
