"""The process that has Ray place host agents: a child of the coordinator, which itself has nothing
of Ray in it (a driver of Ray's has some 20 threads and 100 MiB).

Once a second it compares the placement groups that there are with those that there are to be, asks
each actor how its agent is, and lets the agent's key in. It ends on SIGTERM and leaves the agents
as they are, for the next one to go on with; after SIGUSR1 it removes them first.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final

from ray.exceptions import RayError

from cluster.child_process import Child, ChildSpec, run_child
from cluster.config.keys import RayConfig
from cluster.endpoints.curve_keys import KeyFolder
from cluster.errors import ClusterError
from cluster.wire.states import Level
from coordinator.children.ray_placement import REMOVE
from coordinator.engines.ray_placement.agent_keys import AgentKeys
from coordinator.engines.ray_placement.agents import Agents
from coordinator.engines.ray_placement.groups import change
from coordinator.engines.ray_placement.messages import AgentOrder
from coordinator.engines.ray_placement.ray_cluster import RayCluster, first_line, name_of

log = logging.getLogger(__name__)

STEP_S: Final = 1.0
LOOK_S: Final = 0.1
"""Seconds between two looks at whether it has to end."""
END_S: Final = 8.0
"""How long agents may take to end in order."""


class RayPlacementSpec(ChildSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the process must know."""

    namespace: str
    """Ray's namespace for the cluster's actors."""
    ray: RayConfig
    keys: str
    """The cluster's folder of keys; absolute."""
    join: str
    """The endpoint by which agents reach the coordinator."""
    log_level: Level = "info"
    module: str = "host_agent"
    """The agents' program; another one for tests."""


class Placement:
    """Keeps the agents of one cluster placed."""

    def __init__(self, spec: RayPlacementSpec) -> None:
        config = spec.ray
        self.removes = False
        """What it has placed is removed at its end."""
        self._config = config
        self._keys = AgentKeys(KeyFolder(Path(spec.keys)), time.time)
        self._ray = RayCluster(config, spec.namespace)
        order = AgentOrder(
            join=spec.join,
            server=self._keys.server(),
            admitted=None,
            workers=max(1, int(config.cpus)),
            labels=config.labels,
            log_format=spec.log_format,
            log_level=spec.log_level,
            module=spec.module,
        )
        self._agents = Agents(self._keys, order)
        self._said = ""

    def connect(self) -> None:
        """Join the Ray cluster. ClusterError: it can't."""
        self._ray.connect()

    def step(self) -> None:
        """Do what is to be done now. RayError or ClusterError: Ray or the keys can't be used."""
        nodes, groups = self._ray.nodes(), self._ray.groups()
        alive = {node.node_id for node in nodes}
        remove, make = change(self._config, nodes, groups)
        for group in remove:
            log.info("agents %s are removed", ", ".join(map(name_of, group.agents)))
        lost = [group for group in remove if group.node and group.node not in alive]
        self._ray.remove(lost, 0.0)
        self._ray.remove([group for group in remove if group not in lost], END_S)
        for group in make:
            log.info("agents %s are placed", ", ".join(map(name_of, group.agents)))
            self._ray.make(group)
        kept = [group for group in [*groups, *make] if group not in remove]
        self._agents.tend(
            {number: actor for one in kept for number, actor in self._ray.actors(one).items()}
        )
        self._say(len(nodes), self._agents.waiting())

    def remove_all(self) -> None:
        """Remove all agents of this cluster, and their keys."""
        self._ray.remove(self._ray.groups(), END_S)
        self._keys.sweep(())
        log.info("all agents are removed")

    def take_remove(self, number: int, frame: FrameType | None) -> None:
        """Take the signal REMOVE."""
        self.removes = True

    def _say(self, nodes: int, waiting: list[str]) -> None:
        """Log which agents have no place yet, when that changes."""
        words = f"no places yet for {', '.join(waiting)}" if waiting else ""
        if words != self._said:
            self._said = words
            log.info("%s: %d nodes are alive", words or "all agents have their places", nodes)


def work(spec: RayPlacementSpec, child: Child) -> None:
    """Keep agents placed until this process has to end. ClusterError: Ray can't be used."""
    placement = Placement(spec)
    placement.connect()
    # Ray has taken the first of these for itself.
    signal.signal(signal.SIGTERM, child.signalled)
    signal.signal(REMOVE, placement.take_remove)
    child.ready()
    due = 0.0
    try:
        while not child.is_ending():
            if time.monotonic() >= due:
                placement.step()
                due = time.monotonic() + STEP_S
            time.sleep(LOOK_S)  # no event loop here; Ray works in threads of its own meanwhile
        if placement.removes:
            placement.remove_all()
    except (RayError, ConnectionError, RuntimeError) as error:  # the latter of ray:// addresses
        raise ClusterError(
            f"Ray fails: {first_line(error)}", "see the logs of Ray's head"
        ) from error


if __name__ == "__main__":
    sys.exit(run_child(RayPlacementSpec, work))
