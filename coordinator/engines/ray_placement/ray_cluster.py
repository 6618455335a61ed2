"""What of a Ray cluster belongs to one namespace of ours: nodes, placement groups, actors."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Collection
from typing import Any, Final

import ray
from ray.util.placement_group import (
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
)
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from cluster.config.keys import RayConfig
from cluster.errors import ClusterError
from coordinator.engines.ray_placement.agent_actor import AgentActor
from coordinator.engines.ray_placement.groups import MIB, Group, Node

log = logging.getLogger(__name__)

CONNECT_S: Final = 5.0
GONE: Final = "REMOVED"
NODE_LABEL: Final = "ray.io/node-id"
"""A label that every node has (Ray documentation, "Use labels to control scheduling")."""


class RayCluster:
    """The part of a Ray cluster that has one namespace. Methods raise RayError where Ray fails."""

    def __init__(self, config: RayConfig, namespace: str) -> None:
        self._config = config
        self._namespace = namespace

    def connect(self) -> None:
        """Join as a driver. ClusterError: there is no cluster, or none for this Ray."""
        address = self._config.address
        if address == "auto":
            address = os.environ.get("RAY_ADDRESS", address)
        try:
            _check_listens(address)
            ray.init(
                address,
                namespace=self._namespace,
                log_to_driver=False,
                configure_logging=False,
            )
        except (OSError, RuntimeError, ValueError, AssertionError) as error:
            # Of a page of text the first line says what it is.
            why = str(error).strip().split("\n")[0]
            raise ClusterError(
                f"no Ray cluster takes us in at {address!r} ({type(error).__name__}: {why})",
                "join one on this host (`ray start --address HEAD:6379 --num-cpus 0`), or set "
                "ray.address; its nodes need the same versions of Ray and Python",
            ) from None

    def nodes(self) -> list[Node]:
        """Return the nodes that are alive."""
        return [
            Node(
                one["NodeID"],
                one["Resources"].get("CPU", 0.0),
                one["Resources"].get("memory", 0.0),
                one["Labels"],
            )
            for one in ray.nodes()
            if one["Alive"]
        ]

    def groups(self) -> list[Group]:
        """Return the placement groups of this namespace."""
        rows = placement_group_table().values()
        read = (Group.read(self._namespace, row["name"]) for row in rows if row["state"] != GONE)
        return [group for group in read if group is not None]

    def make(self, group: Group) -> None:
        """Make a placement group and the actors in it. They are there at once, and run when Ray has
        found places for all of them."""
        config = self._config
        bundle = {"CPU": config.cpus} if config.cpus else {}
        if config.memory_mb:
            bundle["memory"] = config.memory_mb * MIB
        labels = dict(config.labels) | ({NODE_LABEL: group.node} if group.node else {})
        size = len(group.agents)
        placement_group(
            [bundle or {"memory": 1}] * size,  # Ray refuses a bundle of nothing
            strategy="STRICT_SPREAD",
            name=group.name(self._namespace),
            lifetime="detached",
            bundle_label_selector=[labels] * size if labels else [],
        )

    def actors(self, group: Group) -> dict[int, Any]:
        """Return the handles of a group's actors by the agents' numbers. One that is not there is
        made; it runs when Ray has found places for all of the group."""
        there = get_placement_group(group.name(self._namespace))
        actor: Any = ray.remote(AgentActor)
        config = self._config
        return {
            number: actor.options(
                name=name_of(number),
                namespace=self._namespace,
                get_if_exists=True,
                lifetime="detached",
                max_restarts=-1,
                num_cpus=config.cpus,
                memory=config.memory_mb * MIB or None,
                scheduling_strategy=PlacementGroupSchedulingStrategy(
                    there, placement_group_bundle_index=index
                ),
            ).remote(self._namespace, name_of(number))
            for index, number in enumerate(group.agents)
        }

    def remove(self, groups: Collection[Group], seconds: float) -> None:
        """End the agents of groups in order, within so many seconds, and remove all of them."""
        actors = []
        for number in (number for group in groups for number in group.agents):
            with contextlib.suppress(ValueError):  # it is not there
                actors.append(ray.get_actor(name_of(number), self._namespace))
        if ends := [actor.end.remote() for actor in actors]:
            _, late = ray.wait(ends, num_returns=len(ends), timeout=seconds)
            if late:
                log.info("%d agents did not end in order", len(late))
        for actor in actors:
            ray.kill(actor, no_restart=True)
        for group in groups:
            with contextlib.suppress(ValueError):  # it is gone
                remove_placement_group(get_placement_group(group.name(self._namespace)))


def _check_listens(address: str) -> None:
    """Raise OSError if nobody listens at an address "HOST:PORT" or "ray://HOST:PORT": Ray itself
    tries for minutes. Others are for Ray to look up."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()


def name_of(number: int) -> str:
    """Return the name of an agent, its actor and its key."""
    return f"ray-{number}"


def first_line(error: BaseException) -> str:
    """Return what an error of Ray's says first; a page of advice follows."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
