"""A command that does something to its own process first."""

from __future__ import annotations

import sys


def prepared(steps: str, *command: str) -> list[str]:
    """Return the command that runs these Python statements, then becomes the other one.

    It is in place of ``preexec_fn``, which runs between fork and exec, where whatever another
    thread held stays held for ever (subprocess, "Popen Constructor").
    """
    code = f"{steps}\nimport os, sys\nos.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-P", "-c", code, *command]
