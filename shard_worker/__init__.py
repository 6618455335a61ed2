"""Holds gateway sessions; decides nothing about the cluster.

``GatewayClient`` is one session in your own process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shard_worker.client import GatewayClient, Skipped
    from shard_worker.session import Resumable

__all__ = ["GatewayClient", "Resumable", "Skipped"]


def __getattr__(name: str) -> Any:
    # A worker process wants neither the typed events nor the commands that a client has.
    if name in ("GatewayClient", "Skipped"):
        from shard_worker import client

        return getattr(client, name)
    if name == "Resumable":
        from shard_worker.session import Resumable

        return Resumable
    raise AttributeError(name)
