"""``python -m coordinator``: runs a cluster until it is told to stop.

Reads one CoordinatorSpec as JSON from standard input, to its end; writes one StartOutcome as a
JSON line to standard output. Logs to <state folder>/logs/coordinator.log.

Exit codes: 0 stopped as told; otherwise those of cluster.errors, with the error as the outcome.
SIGTERM, SIGINT and SIGHUP stop it in order; a second one does not hurry it.
"""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import signal
import sys
from pathlib import Path
from typing import Final

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from cluster.logs.setup import log_lines
from cluster.own_process import prepare
from cluster.wire.control import failure_of
from cluster.wire.start_outcome import StartOutcome
from coordinator.child_process import write_outcome
from coordinator.coordinator import Coordinator
from coordinator.spec_input import MAX_SPEC_BYTES, read_spec

LOG_BYTES: Final = 10 * 1024 * 1024
LOG_FILES: Final = 3

log = logging.getLogger("coordinator")


def log_to_file(logs: Path, spec: CoordinatorSpec) -> None:
    """Log to a rotating file. OSError if it can't be written."""
    handler = logging.handlers.RotatingFileHandler(
        logs / "coordinator.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES
    )
    log_lines("coordinator", spec.log_format, spec.log_level, secret=spec.token, handler=handler)


async def run(spec: CoordinatorSpec) -> Coordinator:
    """Start, run and stop. ClusterError if it does not start; nothing is left running then."""
    coordinator = Coordinator(
        spec,
        on_locked=lambda logs: log_to_file(logs, spec),
        keep_lock=True,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, coordinator.request_stop)
    async with coordinator:
        write_outcome(StartOutcome(ready=True, notes=coordinator.notes))
        await coordinator.until_stopped()
    return coordinator


def main() -> int:
    """Run this process; return its exit code."""
    prepare()
    log_lines("coordinator")
    os.umask(0o077)  # what it and its children write, logs that are rotated too, is its user's
    try:
        coordinator = asyncio.run(run(read_spec(sys.stdin.buffer.read(MAX_SPEC_BYTES))))
    except ClusterError as error:
        log.error("%s", error)
        write_outcome(StartOutcome(error=failure_of(error)))
        return error.exit_code
    if coordinator.keeps_workers:
        logging.shutdown()
        os._exit(0)  # asyncio kills its child processes when their objects are collected
    return 0


if __name__ == "__main__":
    sys.exit(main())
