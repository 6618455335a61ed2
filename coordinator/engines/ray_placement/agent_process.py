"""A host agent as a child of its Ray actor, started again when it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Final

from cluster.config.host_spec import HostSpec, encode_spec
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.folders import make_private
from cluster.endpoints.paths import cluster_paths, state_root
from coordinator.children.process import LocalProcess, module_command
from coordinator.children.restarting_process import RestartingProcess
from coordinator.engines.ray_placement.messages import AgentOrder

WORKERS_S: Final = 4.0
"""How long its workers may take to close their sessions when it ends in order."""
STOP_S: Final = 6.0
"""How long the agent may take to end before SIGKILL."""


class AgentProcess(RestartingProcess):
    """Keeps one agent running while `run` does."""

    def __init__(
        self,
        cluster: str,
        key: ClientKeys,
        order: AgentOrder,
        clock: Callable[[], float],
    ) -> None:
        """cluster: namespace of the agents. key: the agent's. clock: monotonic seconds."""
        start = partial(_start, order.module, agent_spec(cluster, key, order))
        super().__init__("host agent", start, clock=clock, stop_s=STOP_S)


def agent_spec(cluster: str, key: ClientKeys, order: AgentOrder) -> HostSpec:
    """Return what an agent is started with on this node."""
    state_dir = state_root() / "hosts" / cluster / key.name
    paths = cluster_paths(f"host-{key.name}", state_dir=state_dir)
    return HostSpec(
        join=[order.join],
        keys=key,
        state_dir=str(paths.state_dir),
        runtime_dir=str(paths.runtime_dir),
        workers=order.workers,
        labels=order.labels,
        stop_seconds=WORKERS_S,
        parent=os.getpid(),
        log_level=order.log_level,
        log_format=order.log_format,
    )


async def _start(module: str, spec: HostSpec) -> LocalProcess:
    """Start an agent. OSError if it can't be started. Whether it joins is not waited for: its
    coordinator may be away."""
    log = spec.paths.log("host")
    make_private(log.parent)
    return await LocalProcess.start(
        module_command(module), encode_spec(spec), log, stdout=asyncio.subprocess.DEVNULL
    )
