"""What the cache's process is started with."""

from __future__ import annotations

from cluster.child_process import ChildSpec


class CacheSpec(ChildSpec, frozen=True, kw_only=True):
    """What a cache must know."""

    folder: str
    """Where it keeps what it has."""
    keep: tuple[str, ...]
    """What it keeps: the values of kinds.Keep."""
    max_bytes: int
    """The most bytes on disk."""
    cluster: str
    """Store id of the cluster: what was kept of another one is of no use."""
    boot_id: str
    """Id of the time since the kernel started: what was kept before that may not be whole."""
    events: list[str]
    """Where each hub publishes."""
    replay: str
    control: str
    """Endpoint of the coordinator."""
    endpoint: str
    """Where it answers the coordinator."""
