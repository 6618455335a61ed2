"""Loaded by every process of a cluster under chaos: makes long times short, and, where CHAOS_MUTANT
names one, breaks a piece of the product on purpose. CHAOS_RESTS: see RESTING.

A run of minutes meets more faults than a year; with the product's own times a worker would count
as unstable, and a shard wait up to a minute, after each. Only numbers are changed here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def short_times(module: ModuleType) -> None:
    for name, value in SHORT[module.__name__].items():
        if not hasattr(module, name):
            raise AttributeError(f"{module.__name__} has no {name} any more")
        setattr(module, name, value)


def small_pipe(module: ModuleType) -> None:
    """A subscriber that does not read loses messages within seconds."""
    module.Hub.__init__.__kwdefaults__["subscriber_hwm"] = 200


SHORT: dict[str, dict[str, Any]] = {
    "shard_worker.protocol.backoff": {
        "STABLE_S": 3.0,
        "CAP_S": 3.0,
        "INVALID_SESSION_WAIT_S": (0.2, 1.0),
    },
    "coordinator.workers.slots": {
        "STABLE_S": 3.0,
        "KILL_AFTER_S": 8.0,
        "CRASH_LOOP_S": 5.0,
        "FIRST_REPORT_S": 15.0,
    },
    "coordinator.workers.supervisor": {"LONGEST_WAIT_S": 2.0},
    "coordinator.workers.adoption": {"GREET_S": 5.0},
    "shard_worker.worker": {"ASK_AFTER_S": 1.0},
    "coordinator.children.restarting_process": {"STABLE_S": 3.0},
    "cluster.subscriber.replay_client": {"ANSWER_SECONDS": 1.5},
}
RESTING: dict[str, dict[str, Any]] = {
    "shard_worker.transport.moderation": {"BUSY_PER_S": -1.0, "QUIET_PER_S": -1.0},
}
"""Where CHAOS_RESTS is "always": any rate is enough for the sockets to rest after each event."""
if os.environ.get("CHAOS_RESTS") == "always":
    SHORT |= RESTING
PATCHES: dict[str, list[Callable[[ModuleType], None]]] = {
    **{name: [short_times] for name in SHORT},
    "coordinator.hub.hub": [small_pipe],
}


class Patching(Loader):
    """Loads a module as it is, then patches it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        for patch in PATCHES[module.__name__]:
            patch(module)


class Finder(MetaPathFinder):
    """Finds what is to be patched before anybody else does."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name in PATCHES else None
        if spec is not None and spec.loader is not None:
            spec.loader = Patching(spec.loader)
        return spec


if mutant := os.environ.get("CHAOS_MUTANT"):
    from tests.chaos.shim import mutants

    for module_name, patch in mutants.MUTANTS[mutant].items():
        PATCHES.setdefault(module_name, []).append(patch)
sys.meta_path.insert(0, Finder())
