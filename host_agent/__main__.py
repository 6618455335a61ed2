"""``python -m host_agent``: runs a host's workers for a coordinator elsewhere until it is told to
stop.

Reads one HostSpec as JSON from standard input, to its end. To standard output it writes one
StartOutcome as a JSON line, when it has joined or can't; or what happens, in words
(HostSpec.tells). Logs to <state folder>/logs/host.log.

Exit codes: 0 stopped as told; otherwise those of cluster.errors. SIGTERM and SIGINT stop it in
order; a second one does not hurry it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import Final

from cluster.child_process import write_outcome
from cluster.config.host_spec import HostSpec, decode_spec
from cluster.decode_errors import MALFORMED
from cluster.endpoints.folders import make_private
from cluster.errors import ClusterError, ConfigError
from cluster.logs.log_file import LogFile
from cluster.logs.setup import log_lines
from cluster.own_process import prepare
from cluster.wire.control import failure_of
from cluster.wire.start_outcome import StartOutcome
from host_agent.agent import HostAgent

log = logging.getLogger("host_agent")

MAX_SPEC_BYTES: Final = 1024 * 1024


class Teller:
    """Tells whoever has started this process how it fares."""

    def __init__(self) -> None:
        self.words = False
        """Whether that is told in words, for people."""
        self._told = False

    def say(self, line: str) -> None:
        """Say what happens, in a line."""
        log.info("%s", line)
        if self.words:
            _write(sys.stdout.fileno(), line)

    def joined(self) -> None:
        """Say that it has joined."""
        self._outcome(StartOutcome(ready=True))

    def failed(self, error: ClusterError) -> None:
        """Say why it ends."""
        log.error("%s", error)
        if self.words:
            _write(sys.stderr.fileno(), f"Error: {error}")
        self._outcome(StartOutcome(error=failure_of(error)))

    def _outcome(self, outcome: StartOutcome) -> None:
        if not self.words and not self._told:
            self._told = True
            write_outcome(outcome)


def _write(descriptor: int, line: str) -> None:
    """Write a line for people; that nobody can read it is no failure of the agent's."""
    try:
        os.write(descriptor, f"{line}\n".encode("utf-8", "backslashreplace"))
    except OSError as error:
        log.warning("a line can't be written: %s", error.strerror)


def read_spec(data: bytes) -> HostSpec:
    """Decode and check a spec. ConfigError, which names the field and never a secret."""
    try:
        spec = decode_spec(data)
    except MALFORMED as error:
        raise ConfigError(f"the host agent's spec can't be read ({error})") from None
    spec.check()
    return spec


def log_to_file(spec: HostSpec) -> None:
    """Log to the file of this process. ClusterError if it can't be written."""
    try:
        for folder in (spec.paths.state_dir, spec.paths.logs):
            make_private(folder)
        handler = LogFile(spec.paths.log("host"))
    except OSError as error:
        raise ClusterError(
            f"{error.filename} can't be written ({error.strerror})", "give another --state-dir"
        ) from error
    log_lines("host", spec.log_format, spec.log_level, secret=spec.keys.secret, handler=handler)


async def run(spec: HostSpec, teller: Teller) -> None:
    """Run until told to stop. ClusterError: why it can't go on."""
    agent = HostAgent(spec, on_joined=teller.joined, say=teller.say)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, agent.request_stop)
    await agent.run()


def main() -> int:
    """Run this process; return its exit code."""
    prepare()
    log_lines("host")
    os.umask(0o077)  # what it and its children write, logs that are rotated too, is its user's
    teller = Teller()
    try:
        spec = read_spec(sys.stdin.buffer.read(MAX_SPEC_BYTES))
        teller.words = spec.tells == "words"
        log_to_file(spec)
        asyncio.run(run(spec, teller))
    except ClusterError as error:
        teller.failed(error)
        return error.exit_code
    teller.say("Ended.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
