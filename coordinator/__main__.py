"""``python -m coordinator``: runs a cluster until it is told to stop.

Reads one CoordinatorSpec as JSON from standard input, to its end; writes one StartOutcome as a
JSON line to standard output. Logs to <state folder>/logs/coordinator.log.

Exit codes: 0 stopped as told; otherwise those of cluster.errors, with the error as the outcome.
SIGTERM and SIGINT stop it in order; a second one does not hurry it. SIGHUP lets it read again what
may change of its configuration (coordinator.upkeep.reloading).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from cluster.child_process import write_line, write_outcome
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from cluster.logs.log_file import LogFile
from cluster.logs.setup import log_lines
from cluster.own_process import prepare
from cluster.wire.control import failure_of
from cluster.wire.start_outcome import StartOutcome
from coordinator.coordinator import Coordinator
from coordinator.spec_input import MAX_SPEC_BYTES, read_spec
from coordinator.upkeep.log_copy import LogCopy

log = logging.getLogger("coordinator")


def log_to_file(logs: Path, spec: CoordinatorSpec) -> None:
    """Log to the file of this process. OSError if it can't be written."""
    handler = LogFile(logs / "coordinator.log")
    log_lines("coordinator", spec.log_format, spec.log_level, secret=spec.token, handler=handler)


def begin_log(logs: Path, spec: CoordinatorSpec, at_end: ExitStack) -> None:
    """Log to a file, and copy the logs of all processes if that is wanted. OSError if it can't be
    done. at_end: what is done at the end of this process."""
    if spec.log_descriptor >= 0:
        copy = LogCopy(logs, spec.log_descriptor, spec.log_format)
        copy.start()
        at_end.callback(copy.close)
    log_to_file(logs, spec)


def stand_by(why: str) -> None:
    """Tell whoever started this that it waits for the store, and why."""
    log.info("standing by: %s", why)
    write_line(StartOutcome(standby=why))


async def run(spec: CoordinatorSpec, at_end: ExitStack) -> Coordinator:
    """Start, run and stop. ClusterError if it does not start; nothing is left running then. at_end:
    what is done at the end of this process."""
    coordinator = Coordinator(
        spec,
        on_locked=lambda logs: begin_log(logs, spec, at_end),
        keep_lock=True,
        on_standby=stand_by,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, coordinator.request_stop)
    loop.add_signal_handler(signal.SIGHUP, coordinator.reload)
    async with coordinator:
        write_outcome(StartOutcome(ready=True, notes=coordinator.notes))
        await coordinator.until_stopped()
    return coordinator


def main() -> int:
    """Run this process; return its exit code."""
    prepare()
    log_lines("coordinator")
    os.umask(0o077)  # what it and its children write, logs that are rotated too, is its user's
    with ExitStack() as at_end:
        try:
            spec = read_spec(sys.stdin.buffer.read(MAX_SPEC_BYTES))
            coordinator = asyncio.run(run(spec, at_end))
        except ClusterError as error:
            log.error("%s", error)
            write_outcome(StartOutcome(error=failure_of(error)))
            return error.exit_code
    code = 0
    if coordinator.lease_lost is not None:
        log.error("%s", coordinator.lease_lost)
        code = coordinator.lease_lost.exit_code
    if coordinator.keeps_workers:
        logging.shutdown()
        os._exit(code)  # asyncio kills its child processes when their objects are collected
    return 0


if __name__ == "__main__":
    sys.exit(main())
