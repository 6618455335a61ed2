"""Starts a coordinator process, and watches and ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Self

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec, encode_spec
from cluster.decode_errors import MALFORMED
from cluster.endpoints.folders import make_private
from cluster.endpoints.paths import is_held
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.logs.files import Place, ProcessLog
from cluster.logs.log_file import open_log
from cluster.processes import child_environment
from cluster.wire.control import error_of
from cluster.wire.start_outcome import StartOutcome, decode_outcome

START_DEADLINE_S: Final = 120.0
"""How long a coordinator may take until its sandbox is started, Discord's gateway asked (with
retries), and its sockets bound."""
KILL_AFTER_S: Final = 5.0
"""How long a coordinator has between SIGTERM and SIGKILL, past its own deadline."""
POLL_S: Final = 0.05
STANDARD_OUTPUT: Final = 1
MOST_WORDS: Final = 300
"""Characters of the last line of a log in a message."""


class CoordinatorProcess:
    """A coordinator that this command started.

    It runs in a session of its own, so that a Ctrl-C here does not reach it: it is stopped in
    order, over its control endpoint.
    """

    command: ClassVar[list[str]] = [sys.executable, "-P", "-m", "coordinator"]
    """The words that start it. -P: nothing is imported from the folder that they are run in."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, log_start: Place) -> None:
        # Not asyncio's subprocess: that one kills its child when the loop is closed, and a
        # detached cluster outlives this command.
        self.process = process
        self.log = log
        self.notes: list[str] = []
        """What the coordinator said of its start, a line each; known once it is ready."""
        self.standby = ""
        """Why it waits, or has waited, for another coordinator to end; empty: it has not."""
        self._log_start = log_start

    @property
    def pid(self) -> int:
        return self.process.pid

    @classmethod
    def start(cls, spec: CoordinatorSpec) -> Self:
        """Start a coordinator and hand it its spec. The token goes through that pipe only.

        Raises AlreadyRunningError, and ClusterError if it can't be started.
        """
        paths = spec.paths
        if is_held(paths.lock):
            action = "see `dcgw-cluster status`, stop it with `dcgw-cluster stop`, or give --name"
            if spec.standby:
                action = (
                    "whoever stands by has a state folder of its own, as on another host: "
                    "state_dir, or DCGW_STATE_DIR"
                )
            raise AlreadyRunningError(
                f"the cluster {spec.name!r} is already running ({paths.state_dir})", action
            )
        try:
            make_private(paths.state_dir)
            make_private(paths.logs)
            log = paths.log("coordinator")
            spec, passed = _with_output(spec)
            log_start = ProcessLog(log).end()
            with passed, os.fdopen(open_log(log), "ab") as stderr:
                process = subprocess.Popen(
                    cls.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    start_new_session=True,
                    pass_fds=[spec.log_descriptor] if spec.log_descriptor >= 0 else (),
                    env=child_environment(),
                )
        except OSError as error:
            raise ClusterError(
                f"the coordinator can't be started ({error})", f"check {paths.state_dir}"
            ) from error
        started = cls(process, log, log_start)
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died; ready() tells why
            process.stdin.write(encode_spec(spec))
            process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        return started

    async def ready(self, standing_by: Callable[[str], None] | None = None) -> None:
        """Return once its sockets are bound. Raises the ClusterError that kept it from that.
        standing_by: called when it waits, which may take for ever; None: return then."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self.process.stdout
        )
        try:
            outcome = await self._outcome(reader, START_DEADLINE_S)
            while outcome.standby:
                self.standby = outcome.standby
                if standing_by is None:
                    return
                standing_by(outcome.standby)
                outcome = await self._outcome(reader, None)
        finally:
            pipe.close()
        if outcome.error is not None:
            await self.end()
            raise error_of(outcome.error)
        self.notes = outcome.notes

    async def _outcome(self, reader: asyncio.StreamReader, within_s: float | None) -> StartOutcome:
        """Return the next line that it answers with. ClusterError: there is none."""
        try:
            async with asyncio.timeout(within_s):
                answer = await reader.readline()
        except TimeoutError:
            await self.end()
            raise ClusterError(
                f"the coordinator was not ready within {START_DEADLINE_S:g} s", self.last_words()
            ) from None
        if not answer.strip():
            raise await self.died()
        try:
            return decode_outcome(answer)
        except MALFORMED:
            await self.end()
            raise ClusterError(
                "the coordinator answered something else than expected", self.last_words()
            ) from None

    async def wait(self) -> int:
        """Return its exit code once it has ended; a negative one is the signal that ended it."""
        # A process's end is no event of this loop.
        while (code := self.process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        return code

    async def died(self) -> ClusterError:
        """Return why it is gone, with the last line of its log."""
        try:
            code = await asyncio.wait_for(self.wait(), KILL_AFTER_S)
        except TimeoutError:
            await self.end()
            return ClusterError("the coordinator hung up", self.last_words())
        how = (
            f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        )
        return ClusterError(f"the coordinator {how}", self.last_words())

    async def end(self, within_s: float = 0.0) -> None:
        """End it by SIGTERM, on which it stops everything in order within within_s seconds, and by
        SIGKILL when it does not."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                return
            self.process.send_signal(number)
            try:
                await asyncio.wait_for(self.wait(), within_s + KILL_AFTER_S)
            except TimeoutError:
                continue

    def last_words(self) -> str:
        """Return the end of its log as a part of a message."""
        try:
            line = ProcessLog(self.log).last_words(self._log_start)[:MOST_WORDS]
        except OSError:
            line = ""  # who looks where it points to sees why
        return f"its last line was {line!r}, see {self.log}" if line else f"see {self.log}"


def _with_output(spec: CoordinatorSpec) -> tuple[CoordinatorSpec, contextlib.ExitStack]:
    """Return the spec with the descriptor of our standard output in it, if logs are to go there;
    and what closes it here, once the coordinator has it."""
    closing = contextlib.ExitStack()
    if spec.log_to == "stdout":
        descriptor = os.dup(STANDARD_OUTPUT)
        closing.callback(os.close, descriptor)
        spec = msgspec.structs.replace(spec, log_descriptor=descriptor)
    return spec, closing
