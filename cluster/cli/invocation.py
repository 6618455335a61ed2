"""The command as its reader can type it: what advice on a screen names must be on the PATH."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

COMMAND: Final = "dcgw-cluster"


def own_command(
    program: str | None = None, env: Mapping[str, str] = os.environ, cwd: Path | None = None
) -> str:
    """Return the words with which a shell runs this very command, quoted where it must be.

    That is plain ``dcgw-cluster`` where PATH leads to it, and else the path of its file, relative
    to the current folder where it lies below that: ``.venv/bin/dcgw-cluster`` after `make start`.

    program: how this process was called, sys.argv[0] by default. cwd: the current folder.
    """
    called = Path(sys.argv[0] if program is None else program)
    own = called if called.name == COMMAND else Path(sys.executable).with_name(COMMAND)
    try:
        folder = cwd or Path.cwd()
    except OSError:  # it was removed
        folder = Path("/")
    own = folder / own
    if not os.path.isfile(own):
        return COMMAND  # it runs as a module, or from a program: the installed name is all we know
    on_path = shutil.which(COMMAND, path=env.get("PATH", ""))
    if on_path is not None and own.samefile(folder / on_path):
        return COMMAND
    if own.is_relative_to(folder):
        below = own.relative_to(folder)
        return shlex.quote(str(below) if below.parent.name else f"./{below}")
    return shlex.quote(str(own))
