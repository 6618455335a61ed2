"""``python -m shard_worker.gateway_check``: connects to the gateway as a shard would, for `doctor`,
waits for HELLO and closes. No IDENTIFY is sent, so none is spent.

Reads one GatewayCheck as JSON from standard input, writes one cluster.wire.checks.Outcome.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

import msgspec
import uvloop

from cluster.decode_errors import MALFORMED
from cluster.discord.opcodes import Op
from cluster.errors import ClusterError, ConfigError
from cluster.own_process import prepare
from cluster.wire import checks
from cluster.wire.control import failure_of
from shard_worker.protocol.frame import Frame, FrameError
from shard_worker.protocol.frame_reader import FrameReader
from shard_worker.protocol.gateway_url import gateway_url
from shard_worker.transport.compression import KINDS, InflateError
from shard_worker.transport.transport import Transport

MAX_CHECK_BYTES: Final = 64 * 1024
HELLO_S: Final = 10.0
"""Seconds that HELLO may take after the handshake, which has its own limit."""


class _Hello(msgspec.Struct):
    heartbeat_interval: float


class _HelloReceiver:
    """A Receiver that waits for HELLO."""

    def __init__(self, compress: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader()
        self._frames.connect(KINDS[compress]())
        self.interval: asyncio.Future[float] = self._loop.create_future()
        """Seconds between heartbeats, once HELLO has said it; ClusterError: it did not come."""

    def on_connected(self) -> None:
        self._loop.call_later(HELLO_S, self._fail, f"no HELLO within {HELLO_S:g} s")

    def on_connect_failed(self, cause: str, *, denied: bool) -> None:
        self._fail(cause)

    def on_message(self, payload: bytes) -> None:
        self.on_messages([payload], [])

    def on_messages(self, messages: list[bytes], texts: list[int]) -> None:
        try:
            for part in self._frames.read(messages, texts):
                if isinstance(part, Frame) and part.op == Op.HELLO and not self.interval.done():
                    hello = msgspec.json.decode(part.data, type=_Hello)
                    self.interval.set_result(hello.heartbeat_interval / 1000)
        except InflateError as error:
            self._fail(str(error), "give `compress` another value")
        except (FrameError, *MALFORMED) as error:
            self._fail(f"what came is no HELLO ({error})")

    def on_closed(self, code: int | None, cause: str) -> None:
        self._fail(f"closed {code}" if code is not None else cause)

    def on_broken(self, cause: str) -> None:
        self._fail(cause)

    def _fail(self, cause: str, action: str = "check the network, gateway_url and ca_file") -> None:
        if not self.interval.done():
            self.interval.set_exception(
                ClusterError(f"the gateway gave no HELLO ({cause})", action)
            )


async def check(spec: checks.GatewayCheck) -> checks.GatewayAnswer:
    """Connect, wait for HELLO and close. Raises ClusterError."""
    loop = asyncio.get_running_loop()
    url = gateway_url(spec.gateway_url, spec.api_version, spec.compress)
    transport = Transport(ca_file=spec.ca_file)
    begun = loop.time()
    try:
        receiver = _HelloReceiver(spec.compress)
        connection = transport.connect(url, receiver)
        interval = await receiver.interval
        took = loop.time() - begun
        connection.close(1000)  # there is no session that this could end
    finally:
        await transport.close()
    return checks.GatewayAnswer(seconds=took, heartbeat_interval_s=interval)


def main() -> int:
    """Run the process. Returns its exit code."""
    prepare()
    try:
        spec = checks.decode_gateway_check(sys.stdin.buffer.read(MAX_CHECK_BYTES))
        outcome = checks.Outcome(gateway=uvloop.run(check(spec)))
    except MALFORMED as error:
        failed = ConfigError(f"the check can't be read ({error})")
        outcome = checks.Outcome(error=failure_of(failed))
    except ClusterError as error:
        outcome = checks.Outcome(error=failure_of(error))
    sys.stdout.buffer.write(checks.encode(outcome) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
