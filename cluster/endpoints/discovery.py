"""Which cluster a program means, and where its endpoints are.

A cluster that runs on this host is found by its lock; of one on another host the key file says
where it listens. The command line, `ControlClient.find()` and `Subscriber()` all ask here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.endpoints import registry
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.paths import LOCK, RUNNING, Running, is_held, state_root
from cluster.errors import ClusterError, ConfigError, NotRunningError

log = logging.getLogger(__name__)

MAX_RUNNING_BYTES: Final = 64 * 1024


class Endpoints(NamedTuple):
    """Where a subscriber connects to."""

    events: tuple[str, ...]
    """Where each hub publishes; over TCP one stands for all."""
    replay: str | None
    control: str | None
    """Where the coordinator is asked; None: it is not known."""
    state_dir: Path | None = None
    """The state folder of the cluster of this host that this is; None: it is none."""


def running_clusters(env: Mapping[str, str] = os.environ) -> list[Running]:
    """Return the clusters of this user that run on this host, by their locks. What is no
    running.json is left out, and logged."""
    return [one for one in _coordinators(env) if not one.standby]


def _coordinators(env: Mapping[str, str]) -> list[Running]:
    """Return the coordinators of this user on this host: those that run a cluster, and those that
    stand by."""
    folders = registry.state_folders(env)
    try:
        folders += [record.parent for record in state_root(env).glob(f"*/{RUNNING}")]
    except (ConfigError, OSError) as error:  # no home, or none that can be entered
        log.info("no state folders are looked at: %s", error)
    found = (_running_in(folder) for folder in sorted(set(folders)))
    return [one for one in found if one is not None]


def _running_in(state_dir: Path) -> Running | None:
    """Return the cluster that runs in a state folder; None: none does."""
    record = state_dir / RUNNING
    try:
        if not is_held(state_dir / LOCK):
            return None
        with record.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_RUNNING_BYTES), type=Running)
    except FileNotFoundError:
        return None  # it stopped just now
    except (OSError, *MALFORMED) as error:
        log.error("%s is not what a running cluster writes there: %s", record, error)
        return None


def find_cluster(
    name: str | None = None, env: Mapping[str, str] = os.environ, *, preferred: str | None = None
) -> Running:
    """Return the one cluster that runs on this host, or the one of this name.

    preferred: the name of the cluster to take when several run; it is no mistake if none has it.
    Raises NotRunningError if no such cluster runs, ClusterError if several do and neither name
    tells which of them is meant.
    """
    running = running_clusters(env)
    names = ", ".join(cluster.name for cluster in running)
    if name is not None:
        for cluster in running:
            if cluster.name == name:
                return cluster
        _refuse_standby(name, env)
        raise NotRunningError(
            f"no cluster named {name!r} is running",
            f"running: {names}" if names else "start it with `dcgw-cluster start`",
        )
    if not running:
        _refuse_standby(None, env)
        raise NotRunningError("no cluster is running", "start one with `dcgw-cluster start`")
    if len(running) == 1:
        return running[0]
    for cluster in running:
        if cluster.name == preferred:
            return cluster
    raise ClusterError(
        f"{len(running)} clusters are running",
        f"give --name, one of: {names} (in a program: the name, or the endpoint)",
    )


def _refuse_standby(name: str | None, env: Mapping[str, str]) -> None:
    """Raise NotRunningError if a coordinator stands by, of this name if one is given."""
    for one in _coordinators(env):
        if one.standby and name in (None, one.name):
            raise NotRunningError(
                f"{one.name} stands by (pid {one.pid}): {one.standby}",
                f"it runs when that one has ended; `kill {one.pid}` ends it before",
            )


class HubsFollowed:
    """Notices that a cluster of this host was started again with other hubs."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._written: tuple[int, int] | None = None

    def renewed(self) -> tuple[str, ...]:
        """Return where each hub publishes, if the cluster was started since this was asked last;
        nothing: it was not. The first answer says it in any case."""
        written = self._look()
        if written is None or written == self._written:
            return ()
        running = _running_in(self._state_dir)
        if running is None:
            return ()  # it ended at once
        self._written = written
        return running.hubs

    def _look(self) -> tuple[int, int] | None:
        """Return what tells one running.json from another; None: nothing runs."""
        try:
            stat = (self._state_dir / RUNNING).stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns


def subscriber_endpoints(
    endpoint: str | Sequence[str] | None,
    replay: str | None,
    keys: ClientKeys | None = None,
    env: Mapping[str, str] = os.environ,
    *,
    preferred: str | None = None,
) -> Endpoints:
    """Return where to subscribe and whom to ask for replays: what was given, and for the rest what
    the keys name, or the local cluster. preferred: as of `find_cluster`.

    endpoint: of one hub, or of several. The first hub's stands for all of a cluster of this host.
    replay and control stay None if neither names them. Raises what `find_cluster` does if no
    endpoint was given, ConfigError if the keys name none.
    """
    given = (endpoint,) if isinstance(endpoint, str) else tuple(endpoint or ())
    if keys is not None:
        return Endpoints(
            given or (named_endpoint(keys, "events"),),
            replay or keys.replay or None,
            keys.control or None,
        )
    if not given:
        return _local_endpoints(find_cluster(None, env, preferred=preferred), replay)
    for cluster in running_clusters(env):
        if cluster.hub_endpoint == given[0]:
            return _local_endpoints(cluster, replay)
    return Endpoints(given, replay, None)


def _local_endpoints(cluster: Running, replay: str | None) -> Endpoints:
    return Endpoints(
        cluster.hubs,
        replay or cluster.replay_endpoint,
        cluster.control_endpoint,
        Path(cluster.state_dir),
    )


def named_endpoint(keys: ClientKeys, which: Literal["events", "control"]) -> str:
    """Return an endpoint that the keys name. Raises ConfigError if they do not."""
    endpoint = keys.events if which == "events" else keys.control
    if not endpoint:
        raise ConfigError(
            f"the key {keys.name!r} does not say where the cluster's {which} endpoint is",
            "give the endpoint, tcp://HOST:PORT",
        )
    return endpoint
