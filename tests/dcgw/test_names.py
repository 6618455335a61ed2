"""What ``dcgw`` gives: the very things of the packages under it, each loaded when it is wanted."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import cluster
import cluster.cache
import cluster.commands
import cluster.control
import cluster.errors
import cluster.events.enums
import cluster.events.objects
import cluster.sandbox
import cluster.subscriber
import dcgw
import dcgw.cache
import dcgw.commands
import dcgw.errors
import dcgw.events
import dcgw.events.enums
import dcgw.events.objects
import dcgw.sandbox
import shard_worker
from tests.dcgw.environment import PROJECT, ROOT


def own(module: ModuleType) -> dict[str, Any]:
    """Public classes, functions and the like that a module defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }


def test_names_are_those_of_the_packages() -> None:
    for home in (cluster.subscriber, cluster.control, shard_worker):
        for name in home.__all__:
            assert getattr(dcgw, name) is getattr(home, name)
            assert name in dcgw.__all__
    assert dcgw.__version__ == cluster.__version__
    assert dir(dcgw) == sorted(dcgw.__all__)
    for ours, home in (
        (dcgw.events, cluster.events),
        (dcgw.commands, cluster.commands),
        (dcgw.sandbox, cluster.sandbox),
        (dcgw.cache, cluster.cache),
    ):
        assert ours.__all__ == home.__all__
        assert all(getattr(ours, name) is getattr(home, name) for name in home.__all__)


@pytest.mark.parametrize(
    ("ours", "homes"),
    [
        (dcgw.events.objects, cluster.events.objects),
        (dcgw.events.enums, cluster.events.enums),
        (dcgw.errors, None),
    ],
)
def test_nothing_of_a_theme_is_left_out(ours: ModuleType, homes: ModuleType | None) -> None:
    modules = [cluster.errors]
    if homes is not None:
        names = [found.name for found in pkgutil.iter_modules(homes.__path__)]
        modules = [import_module(f"{homes.__name__}.{name}") for name in names]
    for module in modules:
        for name, value in own(module).items():
            assert getattr(ours, name) is value


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'dcgw' has no attribute 'Subscribe'"):
        dcgw.Subscribe  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="Subscribe"):
        from dcgw import Subscribe  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize(
    ("program", "not_loaded"),
    [
        ("import dcgw.sandbox, dcgw.__main__; dcgw.__main__.check_packages()",
         {"cluster", "coordinator", "importlib.util", "shard_worker", "typing"}),
        ("from dcgw import Subscriber, Event, Gap, Stalled, ControlClient",
         {"aiohttp", "cluster.events.decoding", "coordinator", "curl_cffi", "shard_worker"}),
        ("from dcgw import Cache", {"aiohttp", "cluster.subscriber", "coordinator"}),
        ("from dcgw.events import MessageCreate", {"cluster.subscriber", "curl_cffi", "zmq"}),
        ("from dcgw import GatewayClient", {"aiohttp", "cluster.control", "coordinator"}),
        ("from dcgw.sandbox import SandboxOptions", {"aiohttp", "cryptography", "shard_worker"}),
    ],
)  # fmt: skip
def test_a_name_loads_what_it_needs(program: str, not_loaded: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not set(done.stdout.split()) & not_loaded


def test_every_package_says_that_it_is_typed() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert len(packages) == 5
    assert all((ROOT / name / "py.typed").is_file() for name in packages)
