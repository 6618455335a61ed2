"""All processes beside the workers, made and begun together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Self

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.wire.happenings import HappeningKind
from coordinator.children.http_server import HttpProcess
from coordinator.children.replay import ReplayProcess
from coordinator.children.sandbox import SandboxProcess
from coordinator.children.start import log_settings
from coordinator.children.tcp_gate import TcpGateProcess
from coordinator.happenings.record import HappeningRecord
from coordinator.lifetime import Lifetime

GATE_SHARE: Final = 0.04
REPLAY_SHARE: Final = 0.15
"""Shares of the time that a stop may take."""


class Children(NamedTuple):
    """The processes beside the workers."""

    replay: ReplayProcess
    sandbox: SandboxProcess | None
    tcp_gate: TcpGateProcess | None
    http: HttpProcess | None

    @classmethod
    def make(
        cls,
        spec: CoordinatorSpec,
        store_id: str,
        sandbox: SandboxProcess | None,
        record: HappeningRecord,
        clock: Callable[[], float],
    ) -> Self:
        """Make those that this cluster has; only the sandbox runs already. record: takes note of
        those that end. clock: monotonic seconds."""
        stop_s = spec.stop_seconds
        settings = log_settings("replay", spec)
        replay = ReplayProcess.for_cluster(
            spec.paths, store_id, clock, stop_s * REPLAY_SHARE, settings
        )
        gate = TcpGateProcess(spec, clock, stop_s * GATE_SHARE) if spec.tcp.offered else None
        http = HttpProcess(spec, clock, stop_s * GATE_SHARE) if spec.http.listen else None
        for child in filter(None, (replay, gate, http)):
            child.on_ended = partial(_tell_end, record, child.name)
        return cls(replay, sandbox, gate, http)

    async def begin(self, lifetime: Lifetime) -> None:
        """Start them, and keep them running for so long. ClusterError: the TCP gate, or the HTTP
        server, can't listen."""
        lifetime.background(self.replay.run(), "replay server")
        for child in (self.tcp_gate, self.http):
            if child is not None:
                await child.start()
                lifetime.parts.push_async_callback(child.close)
                lifetime.background(child.run(), child.name)

    @property
    def url(self) -> str:
        """Where HTTP is served; empty: it is not."""
        return self.http.url if self.http else ""


def _tell_end(record: HappeningRecord, name: str, why: str) -> None:
    record.tell(HappeningKind.CHILD_ENDED, name, cause=why)
