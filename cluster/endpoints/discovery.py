"""The endpoints of a cluster: of one that runs on this host, or those that a key file names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, NamedTuple

from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.paths import Running, running_clusters
from cluster.errors import ClusterError, ConfigError, NotRunningError


class Doors(NamedTuple):
    """Where a subscriber goes."""

    events: str
    replay: str | None
    control: str | None
    """The coordinator's; None: it is not known."""


def find(
    endpoint: str | None, replay: str | None, keys: ClientKeys | None = None
) -> Doors:  # fmt: skip
    """Where to subscribe and whom to ask: what was given, and for the rest what the keys name, or
    the local cluster.

    replay and control stay None if neither names them. Raises NotRunningError if there is no local
    cluster to be found, ConfigError if the keys name none.
    """
    if keys is not None:
        return Doors(
            endpoint or named(keys, "events"), replay or keys.replay or None, keys.control or None
        )
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


def named(keys: ClientKeys, which: Literal["events", "control"]) -> str:
    """An endpoint that the keys name. ConfigError: they do not."""
    endpoint = keys.events if which == "events" else keys.control
    if not endpoint:
        raise ConfigError(
            f"the key {keys.name!r} says nothing of where the cluster's {which} are",
            "give the endpoint, tcp://HOST:PORT",
        )
    return endpoint


def find_cluster(name: str | None = None, env: Mapping[str, str] = os.environ) -> Running:
    """The one cluster that runs on this host, or the one of this name. NotRunningError for none,
    ClusterError when several run and no name was given."""
    running = running_clusters(env)
    if name is not None:
        for cluster in running:
            if cluster.name == name:
                return cluster
        others = ", ".join(cluster.name for cluster in running)
        raise NotRunningError(
            f"no cluster named {name!r} is running",
            f"running: {others}" if others else "start it with `dcgw-cluster start`",
        )
    if not running:
        raise NotRunningError("no cluster is running", "start one with `dcgw-cluster start`")
    if len(running) > 1:
        names = ", ".join(cluster.name for cluster in running)
        raise ClusterError(f"{len(running)} clusters are running", f"give --name, one of: {names}")
    return running[0]
