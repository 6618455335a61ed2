"""What the driver changes in the product's processes is still there to be changed."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.chaos.cluster_processes import ClusterProcesses
from tests.chaos.shim import mutants

AS_A_WORKER_RESTS = """
from cluster.config.loading import load
from shard_worker.transport.moderation import Moderation
latency_ms = load().config.latency_ms
lone_event = Moderation(latency_ms, 0.0).rest_ms(1, 1.0, 1.0)
print(latency_ms, lone_event)
"""
"""Prints latency_ms, and for how long a worker rests when one event has come in a second."""


def fresh_copy(name: str) -> ModuleType:
    """Execute a module once more, beside the one that everybody has."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


def names_in(module: ModuleType) -> set[str]:
    """Every name of a module, and of the classes in it."""
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    return {*vars(module), *(f"{kind.__name__}.{name}" for kind in classes for name in vars(kind))}


def test_short_times_name_what_there_is() -> None:
    finders = list(sys.meta_path)
    try:
        shim = importlib.import_module("tests.chaos.shim.sitecustomize")
        for name, values in (shim.SHORT | shim.RESTING).items():
            module = importlib.import_module(name)
            missing = [value for value in values if not hasattr(module, value)]
            assert not missing, f"{name} has no {missing} any more"
    finally:
        sys.meta_path[:] = finders


@pytest.mark.parametrize(("rests", "said"), [("usual", "5 0"), ("always", "5 5"), ("never", "0 0")])
def test_rests_are_as_they_were_asked_for(rests: str, said: str, tmp_path: Path) -> None:
    processes = ClusterProcesses(tmp_path, tmp_path, rests=rests)
    told = subprocess.run(
        [sys.executable, "-P", "-c", AS_A_WORKER_RESTS],
        env=processes.env, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == said.split()


def test_mutants_change_what_there_is() -> None:
    for mutant, patches in mutants.MUTANTS.items():
        for name, patch in patches.items():
            copy = fresh_copy(name)
            names = names_in(copy)
            patch(copy)
            assert names_in(copy) == names, f"{mutant} sets what {name} has not"


def test_every_mutant_is_tested() -> None:
    text = (Path(__file__).parent / "test_mutants.py").read_text()
    assert [name for name in mutants.MUTANTS if f'"{name}"' not in text] == []
