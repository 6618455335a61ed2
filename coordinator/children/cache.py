"""The cache as a child of the coordinator: started once the workers have been, started again when
it ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from cluster.config.cache import kept
from cluster.config.coordinator_spec import CoordinatorSpec
from coordinator.children.process import LocalProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.start import log_settings, start_child
from coordinator.host import boot_id


class CacheProcess(RestartingProcess):
    """Keeps the cache running while `run` does."""

    def __init__(
        self, spec: CoordinatorSpec, store_id: str, clock: Callable[[], float], stop_s: float
    ) -> None:
        """clock: monotonic seconds. stop_s: how long it may take to stop before SIGKILL."""
        start = partial(_start, cache_spec(spec, store_id), spec.paths.logs)
        super().__init__("cache", start, clock=clock, stop_s=stop_s)


def cache_spec(spec: CoordinatorSpec, store_id: str) -> bytes:
    """Return the spec of a cache, in which is no secret."""
    paths = spec.paths
    data = {
        "folder": str(paths.cache),
        "keep": kept(spec),
        "max_bytes": spec.cache.bytes,
        "cluster": store_id,
        "boot_id": boot_id(),
        "events": [paths.events_of(number) for number in range(spec.hubs)],
        "replay": paths.replay,
        "control": paths.control,
        "endpoint": paths.cache_endpoint,
        "parent": os.getpid(),
        **log_settings("cache", spec),
    }
    return msgspec.json.encode(data)


async def _start(spec: bytes, logs: Path) -> LocalProcess:
    """Start a cache and wait until it has opened what it keeps. ClusterError: it can't."""
    process, _ = await start_child("cache", "cluster.cache", spec, logs / "cache.log")
    return process
