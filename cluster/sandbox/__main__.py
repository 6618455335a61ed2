"""``python -m cluster.sandbox [--with-parent[=PID]] [--log-json] [--log-file=PATH]``: a sandbox in
a process of its own.

Standard input: SandboxOptions as one JSON object up to its end (nothing: the defaults). Standard
output: SandboxInfo as one line of JSON once it serves. SIGTERM and SIGINT stop it. With
``--with-parent`` it stops too when the process that started it is gone. It logs to standard error,
with ``--log-json`` a line of JSON a record, with ``--log-file`` to that file, which standard error
is, too.

Exit codes: 0 stopped, 2 options that can't be used, 4 a port can't be had.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from cluster.errors import AlreadyRunningError
from cluster.logs.log_file import LogFile
from cluster.logs.setup import log_lines
from cluster.own_process import prepare
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.sandbox import Sandbox

_PARENT_LOOK_S = 0.5
_USAGE = (
    "usage: python -m cluster.sandbox [--with-parent[=PID]] [--log-json] [--log-file=PATH] "
    "< options.json"
)


async def _parent_gone(parent: int) -> None:
    # Asked by polling: it works alike on Linux and macOS, and stdin is used up by the options.
    while os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(_PARENT_LOOK_S)


async def _serve(options: SandboxOptions, parent: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Sandbox(options) as sandbox:
        print(msgspec.json.encode(sandbox.info).decode(), flush=True)
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(stop.wait())]
        if parent is not None:
            waits.append(asyncio.ensure_future(_parent_gone(parent)))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _log(arguments: list[str]) -> list[str]:
    """Log as these arguments say; return those that are not known."""
    as_json, file, unknown = False, "", []
    for argument in arguments:
        flag, _, value = argument.partition("=")
        if argument == "--log-json":
            as_json = True
        elif flag == "--log-file" and value:
            file = value
        else:
            unknown.append(argument)
    handler = LogFile(Path(file)) if file else None
    log_lines("sandbox", "json" if as_json else "logfmt", handler=handler)
    return unknown


def _parent(arguments: list[str]) -> tuple[int | None, list[str]]:
    """The process to live with, if there is one, and the arguments that are not known.

    Where its number is given, it is noticed too that it died while this process was starting.
    """
    parent, unknown = None, []
    for argument in arguments:
        flag, _, number = argument.partition("=")
        if flag == "--with-parent" and (not number or (number.isascii() and number.isdigit())):
            parent = int(number) if number else os.getppid()
        else:
            unknown.append(argument)
    return parent, unknown


def main() -> int:
    prepare()
    parent, unknown = _parent(sys.argv[1:])
    if _log(unknown):
        print(_USAGE, file=sys.stderr)
        return 2
    try:
        given = sys.stdin.buffer.read()
        options = msgspec.json.decode(given.strip() or b"{}", type=SandboxOptions)
        uvloop.run(_serve(options, parent))
    except (msgspec.DecodeError, ValueError) as error:
        print(f"sandbox options: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"it can't listen on {error.strerror}", file=sys.stderr)
        return AlreadyRunningError.exit_code
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
