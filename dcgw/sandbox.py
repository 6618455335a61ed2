"""A loopback Discord for the tests of a program: that of ``cluster.sandbox`` (docs/sandbox.md)."""

from __future__ import annotations

from dcgw.lazy import loader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from cluster.sandbox import Sandbox as Sandbox
    from cluster.sandbox import SandboxControl as SandboxControl
    from cluster.sandbox import SandboxInfo as SandboxInfo
    from cluster.sandbox import SandboxOptions as SandboxOptions

__all__ = ["Sandbox", "SandboxControl", "SandboxInfo", "SandboxOptions"]

_HOMES: Final = dict.fromkeys(__all__, "cluster.sandbox")

if not TYPE_CHECKING:  # a type checker would take any name to be there
    __getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
