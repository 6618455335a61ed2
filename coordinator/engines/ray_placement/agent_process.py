"""A host agent as a child of its Ray actor, started again when it ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.folders import make_private
from cluster.endpoints.paths import state_root
from coordinator.children.process import LocalProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.start import start_child
from coordinator.engines.ray_placement.messages import AgentOrder


class AgentProcess(RestartingProcess):
    """Keeps one agent running while `run` does."""

    def __init__(
        self,
        cluster: str,
        name: str,
        key: tuple[str, str],
        order: AgentOrder,
        clock: Callable[[], float],
        stop_s: float,
    ) -> None:
        """cluster: namespace of the agents. name: of the agent and its key. key: the public half
        and the secret one. clock: monotonic seconds. stop_s: how long it may take to end before
        SIGKILL."""
        state_dir = state_dir_of(cluster, name)
        public, secret = key
        keys = ClientKeys(
            name=name, server=order.server, public=public, secret=secret, control=order.join
        )
        start = partial(_start, order.module, agent_spec(keys, order, state_dir), state_dir)
        super().__init__("host agent", start, clock=clock, stop_s=stop_s)


def state_dir_of(cluster: str, name: str) -> Path:
    """Return the folder of an agent's journals, logs and lock on its node. No cluster can have the
    name of the folder around it."""
    return state_root() / ".hosts" / cluster / name


def agent_spec(keys: ClientKeys, order: AgentOrder, state_dir: Path) -> bytes:
    """Return the spec of a host agent, in which is the secret half of its key."""
    data = {
        "name": keys.name,
        "keys": keys,
        "join": [order.join],
        "workers": order.workers,
        "labels": order.labels,
        "state_dir": str(state_dir),
        "parent": os.getpid(),
        "process": "host",
        "log_file": str(state_dir / "logs" / "host.log"),
        "log_format": order.log_format,
        "log_level": order.log_level,
    }
    return msgspec.json.encode(data)


async def _start(module: str, spec: bytes, state_dir: Path) -> LocalProcess:
    """Start an agent and wait until it runs. OSError or ClusterError if it does not."""
    log = state_dir / "logs" / "host.log"
    make_private(log.parent)
    process, _ = await start_child("host agent", module, spec, log)
    return process
