"""Holds gateway sessions; decides nothing about the cluster.

``GatewayClient`` is one session in your own process.
"""

# A package of dcgw-cluster: dcgw/installation.py looks for this line.

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from shard_worker.client.client import GatewayClient
    from shard_worker.client.events import Skipped
    from shard_worker.protocol.session import Resumable

__all__ = ["GatewayClient", "Resumable", "Skipped"]

_MODULES: Final = {
    "GatewayClient": "client.client",
    "Skipped": "client.events",
    "Resumable": "protocol.session",
}


def __getattr__(name: str) -> Any:
    # A worker process wants neither the typed events nor the commands that a client has.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
