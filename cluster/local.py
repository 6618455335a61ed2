"""The endpoints of a cluster that runs on this host."""

from __future__ import annotations

from typing import NamedTuple

from cluster.errors import NotRunningError
from cluster.wire.places import running_clusters


class Doors(NamedTuple):
    """Where a subscriber goes."""

    events: str
    replay: str | None
    control: str | None
    """The coordinator's; None: it is not known."""


def find(endpoint: str | None, replay: str | None) -> Doors:
    """Where to subscribe and whom to ask: what was given, and for the rest the local cluster.

    replay and control stay None if no local cluster has this endpoint. Raises NotRunningError if
    there is no endpoint to be found.
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
    local = next((c for c in running if c.hub_endpoint == endpoint), None)
    if local is None:
        return Doors(endpoint, replay, None)
    return Doors(endpoint, replay or local.replay_endpoint, local.control_endpoint)
