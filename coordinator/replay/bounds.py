"""What may be asked, and what is kept for whoever does not read: the same for the replay server,
and for the door that asks several of them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

ANSWERS_HWM: Final = 4
"""How many slices wait in the socket for one reader; past them it gets no answers."""
UNREAD_SECONDS: Final = 10.0
"""Seconds after which an answer is dropped that its reader does not make room for: it asks
again."""
MAX_QUESTION: Final = 64 * 1024
MAX_FRAMES: Final = 3
"""Address and question; for who came through the TCP gate, the address there between them."""
KEPT_FREE: Final = 64
"""Descriptors that readers leave free, for journals and logs."""
STUCK_POLL_MS: Final = 10
NICE: Final = 5
"""With it a process gets some three times less of a busy core than a worker."""


def step_back() -> None:
    """Let live events go first where a core is short."""
    os.nice(NICE)
    # A session of its own may be a scheduling group of its own, in which being nice means nothing.
    with contextlib.suppress(OSError):  # No such thing here.
        Path("/proc/self/autogroup").write_text(str(NICE))
