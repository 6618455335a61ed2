"""Whether what an engine needs is installed here."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

from cluster.errors import ConfigError

EXTRAS: Final = {"ray": ("ray", "Ray")}
"""Engines that need an extra of their own name: the module that it brings, and its name for
people."""


def check_engine(engine: str, find: Callable[[str], object | None] = find_spec) -> None:
    """Refuse an engine whose extra is not installed. ConfigError says which one it is.

    find: returns None for a module that is not there. It imports none: Ray takes a second and some
    90 MiB, and whoever checks a configuration needs nothing of it.
    """
    if engine not in EXTRAS:
        return
    module, name = EXTRAS[engine]
    if find(module) is None:
        raise ConfigError(
            f'engine is "{engine}", and {name} is not installed here',
            f"`pip install 'dcgw-cluster[{engine}]'`, here and on each of its nodes",
        )
