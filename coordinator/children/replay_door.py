"""The replay door as a child of the coordinator, in place of the replay server, where journals lie
on other hosts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Self

import msgspec

from cluster.endpoints.paths import ClusterPaths
from coordinator.children.process import module_command
from coordinator.children.replay import ReplayProcess


class ReplayDoorProcess(ReplayProcess):
    """Keeps one replay door running while `run` does."""

    @classmethod
    def for_cluster(
        cls,
        paths: ClusterPaths,
        store_id: str,
        clock: Callable[[], float],
        stop_s: float,
        log: Mapping[str, str] = {},
    ) -> Self:
        """Make the one of a cluster. log: how it logs (log_settings)."""
        spec = {
            "endpoint": paths.replay,
            "hosts": paths.host_replay,
            "control": paths.control,
            "notes": str(paths.journals),
            "cluster": store_id,
            "parent": os.getpid(),
            **log,
        }
        door = cls(
            module_command("coordinator.replay_door.server"), msgspec.json.encode(spec),
            paths.logs, clock=clock, stop_s=stop_s, journals=paths.journals,
        )  # fmt: skip
        door.name = "replay door"
        return door

    def unreadable(self) -> list[str]:
        """Return nothing: it reads no journals. Hosts report what is wrong with theirs."""
        return []
