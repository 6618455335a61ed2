"""Whether a cluster is ready to serve, for probes that restart or route by it."""

from __future__ import annotations

from collections import Counter

from cluster.wire.states import ClusterState
from cluster.wire.status import ClusterStatus


def enough(wanted: int, all_shards: int) -> int:
    """Return how many ready shards make a cluster of so many ready. wanted: as with `not_ready`."""
    return min(wanted, all_shards) if wanted else all_shards


def not_ready(status: ClusterStatus, wanted: int) -> str | None:
    """Return why a cluster is not ready, in words; None: it is.

    wanted: so many ready shards are enough; 0: all of them.
    """
    if status.state is ClusterState.STOPPING:
        return "it is stopping"
    all_shards = len(status.shards)
    needed = enough(wanted, all_shards)
    if status.shards_ready < needed:
        states = Counter(str(shard.state) for shard in status.shards if shard.state != "ready")
        rest = ", ".join(f"{count} {state}" for state, count in states.most_common(4))
        return f"{status.shards_ready} of {needed} shards are ready ({rest})"
    if wanted or status.state is ClusterState.READY:
        return None
    # As `status` has it: all is ready only where each worker runs.
    lame = [f"worker {w.slot} is {w.state}" for w in status.workers if w.state != "running"]
    return ", ".join(lame[:4]) or f"it is {status.state}"
