"""What is kept for readers, and how much of a core they get, at the replay server, and at the door
that asks several of them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

UNREAD_SECONDS: Final = 10.0
"""Seconds after which an answer is dropped that its reader does not make room for: it asks
again."""
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
