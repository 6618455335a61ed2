"""A loopback Discord: REST and gateway over TLS, sharded, rate-limited, with faults on request.

``async with Sandbox(SandboxOptions(...)) as sandbox`` runs it in this process; ``python -m
cluster.sandbox`` runs it in one of its own; ``SandboxControl`` is the client of its control server.
docs/sandbox.md says how to point a client at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.sandbox.options import SandboxInfo, SandboxOptions

if TYPE_CHECKING:
    from cluster.sandbox.http.control_client import SandboxControl
    from cluster.sandbox.sandbox import Sandbox

__all__ = ["Sandbox", "SandboxControl", "SandboxInfo", "SandboxOptions"]


def __getattr__(name: str) -> Any:
    # Whoever wants the options only does not wait half a second for aiohttp and cryptography.
    if name == "Sandbox":
        from cluster.sandbox.sandbox import Sandbox

        return Sandbox
    if name == "SandboxControl":
        from cluster.sandbox.http.control_client import SandboxControl

        return SandboxControl
    raise AttributeError(name)
