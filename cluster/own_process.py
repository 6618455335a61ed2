"""What every process of ours does first: its descriptors, and what becomes of its memory if it
crashes.

The entry of the command imports this before anything else, so it stands on nothing that takes time
to import.
"""

from __future__ import annotations

import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MOST_DESCRIPTORS: Final = 1 << 20
"""More are not asked for: Linux gives a process no more (nr_open) unless told otherwise."""
FEWER_DESCRIPTORS: Final = 10_240
"""As many as macOS gives a process whose limit says unlimited (OPEN_MAX)."""
PR_SET_DUMPABLE: Final = 4


def prepare() -> None:
    """Do what each process does first. A limit that the system refuses stays as it was."""
    open_standard_descriptors()
    raise_descriptor_limit()
    leave_no_core()


def open_standard_descriptors() -> None:
    """Open the null device in the place of each of standard input, output and error that is closed:
    else the next file or socket would get its number, and what is written to it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            how = os.O_RDONLY if number == 0 else os.O_WRONLY
            null = os.open(os.devnull, how)  # the lowest number that is free: this one
            os.set_inheritable(null, True)


def raise_descriptor_limit() -> None:
    """Allow this process, and those that it starts, as many descriptors as the hard limit does: the
    soft one is 1,024 at most places, and a subscriber takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    for wanted in (most, min(most, FEWER_DESCRIPTORS)):
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            continue  # macOS refuses what its kernel has no room for
        return


def leave_no_core() -> None:
    """Leave no image of the memory, in which the token is, when this process crashes.

    RLIMIT_CORE is for a file. A program that the kernel hands the image to (a core_pattern that
    begins with |) gets it whatever that limit is, unless the process is not dumpable; then, too,
    no other process of this user can read the memory. Source: core(5), prctl(2).
    """
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        import ctypes  # some milliseconds, where nothing comes of it

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
