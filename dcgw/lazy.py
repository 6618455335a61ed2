"""Names of a module that are loaded when they are asked for (PEP 562)."""

from __future__ import annotations

import sys

from dcgw.installation import check_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def loader(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module. homes: the module that each of its names comes from.

    Each name is loaded once, and only from packages that are ours: else ForeignPackageError.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        from importlib import import_module

        check_packages()
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[module], name, value)
        return value

    return load
