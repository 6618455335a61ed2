"""Starts a child of ours and waits for the one line in which it says how that went."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from cluster.wire.control import error_of
from cluster.wire.start_outcome import StartOutcome, decode_outcome
from coordinator.children.process import LocalProcess, module_command

START_S: Final = 60.0
"""Seconds after which a child hangs. On a machine that is full, one has taken more than 20."""
STOP_S: Final = 2.0


def log_settings(process: str, spec: CoordinatorSpec) -> dict[str, str]:
    """Return the fields of a ChildSpec that say how a child logs."""
    return {
        "process": process,
        "log_file": str(spec.paths.log(process)),
        "log_format": spec.log_format,
        "log_level": spec.log_level,
    }


async def start_child(
    name: str, module: str, spec: bytes, log: Path, descriptors: Sequence[int] = ()
) -> tuple[LocalProcess, StartOutcome]:
    """Start a process of cluster.child_process; return it, and what it said, once it is up.
    ClusterError if it does not come up; nothing of it is left then. name: for people. descriptors:
    those of ours that it has, too."""
    process = await LocalProcess.start(
        module_command(module), spec, log, stdout=asyncio.subprocess.PIPE, keep_input=True,
        descriptors=descriptors,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            outcome = decode_outcome(await process.stdout.readline())
    except (TimeoutError, ValueError, msgspec.DecodeError) as error:
        await process.stop(STOP_S)
        silent = f"it said nothing for {START_S:.0f} s"
        words = process.last_words() or (
            silent if isinstance(error, TimeoutError) else type(error).__name__
        )
        raise ClusterError(f"the {name} did not start: {words}", f"see {log}") from error
    except BaseException:
        await process.stop(STOP_S)
        raise
    if outcome.error is not None:
        await process.wait()
        raise error_of(outcome.error)
    return process, outcome
