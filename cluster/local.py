"""The endpoints of a cluster that runs on this host."""

from __future__ import annotations

from cluster.errors import NotRunningError
from cluster.wire.places import running_clusters


def find(endpoint: str | None, replay: str | None) -> tuple[str, str | None]:
    """Where to subscribe and whom to ask: what was given, and for the rest the local cluster.

    replay stays None if no local cluster has this endpoint. Raises NotRunningError if there is no
    endpoint to be found.
    """
    running = running_clusters()
    if endpoint is None:
        if not running:
            raise NotRunningError(
                "no cluster runs on this host", "start one with: dcgw-cluster start"
            )
        if len(running) > 1:
            names = ", ".join(cluster.name for cluster in running)
            raise NotRunningError(f"several clusters run on this host: {names}", "give an endpoint")
        endpoint = running[0].hub_endpoint
    if replay is None:
        replay = next((c.replay_endpoint for c in running if c.hub_endpoint == endpoint), None)
    return endpoint, replay
