"""Shared by all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# On a busy machine a first example takes longer than hypothesis allows; that proves nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

# A suite that a shell runs in the background ignores Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
