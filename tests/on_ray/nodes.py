"""A Ray cluster of several nodes, all of them on this machine (ray.cluster_utils, Ray's own way of
testing)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ray.cluster_utils import Cluster

STORE_BYTES: Final = 78 * 1024 * 1024
"""The least that Ray takes for a node's object store, which nobody uses here."""
QUICK: Final = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 200,
    "health_check_failure_threshold": 3,
    "gcs_rpc_server_reconnect_timeout_s": 3,
}
"""Ray misses a node after some 10 s by default, and its head after 60."""


class Nodes:
    """A running Ray cluster. Its head takes no agents: it has no CPUs."""

    def __init__(self) -> None:
        args = {
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "_system_config": QUICK,
        }
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=args)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    @property
    def session(self) -> str:
        """The folder of Ray's logs and sockets."""
        return str(self._cluster.head_node.get_session_dir_path())

    def add(self, **labels: str) -> Any:
        """Add a node of one CPU; return it."""
        return self._cluster.add_node(
            num_cpus=1, object_store_memory=STORE_BYTES, labels=labels or None
        )

    def lose(self, node: Any) -> None:
        """Kill all processes of a node that are Ray's, without a word."""
        self._cluster.remove_node(node, allow_graceful=False)

    def lose_head(self) -> None:
        """Kill the processes of the head, the control service among them, without a word."""
        self._cluster.head_node.kill_all_processes(
            check_alive=False, allow_graceful=False, wait=True
        )

    def processes(self, module: str) -> list[str]:
        """Return the command lines of the processes of a module of ours on the nodes. They have
        DCGW_STATE_DIR as it was when the nodes were started."""
        mark = f"DCGW_STATE_DIR={os.environ['DCGW_STATE_DIR']}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it may end while it is looked at
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if module.encode() in words and mark in (entry / "environ").read_bytes():
                    found.append(f"{entry.name} {b' '.join(words).decode()}")
        return found

    def close(self) -> None:
        self._cluster.shutdown()


@contextlib.contextmanager
def ray_nodes() -> Iterator[Nodes]:
    """Run a Ray cluster without nodes beside its head."""
    nodes = Nodes()
    try:
        yield nodes
    finally:
        nodes.close()
