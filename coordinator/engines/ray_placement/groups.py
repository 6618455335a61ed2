"""Which placement groups there are to be (pure). Ray finds the places for what is in them.

A group's name in Ray says all that has to be known of it, so that a coordinator that starts anew
goes on with what it finds:

    NAMESPACE:TERMS:spread:N          N agents, 0 to N-1, on N nodes that Ray chooses
    NAMESPACE:TERMS:NUMBER:NODE       one agent on one node

TERMS is a digest of what an agent asks for: who asks for something else has other groups.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from cluster.config.keys import RayConfig

SPREAD: Final = "spread"
MIB: Final = 1024 * 1024


class Node(NamedTuple):
    """A node of the Ray cluster that is alive."""

    node_id: str
    cpus: float
    """CPUs that it has, whether or not they are free."""
    memory: float
    """Bytes of memory that it has for tasks and actors."""
    labels: Mapping[str, str]


class Group(NamedTuple):
    """A placement group of one cluster."""

    terms: str
    agents: tuple[int, ...]
    """The numbers of its agents, a bundle each."""
    node: str
    """The node that it is for; empty: Ray chooses one for each of its agents."""

    def name(self, namespace: str) -> str:
        """Return its name in Ray."""
        where = (SPREAD, len(self.agents)) if not self.node else (self.agents[0], self.node)
        return ":".join(map(str, (namespace, self.terms, *where)))

    @classmethod
    def read(cls, namespace: str, name: str) -> Group | None:
        """Return the group that has this name; None: it is none of this namespace."""
        match name.split(":"):
            case [of, terms, "spread", size] if of == namespace and size.isdecimal():
                return cls(terms, tuple(range(int(size))), "")
            case [of, terms, number, node] if of == namespace and number.isdecimal():
                return cls(terms, (int(number),), node)
        return None


class Change(NamedTuple):
    """What is to be done, the removals first: names and room are free then."""

    remove: list[Group]
    make: list[Group]


def terms_of(config: RayConfig) -> str:
    """Return a digest of what an agent asks for."""
    asked = msgspec.json.encode((config.cpus, config.memory_mb, sorted(config.labels.items())))
    return hashlib.blake2b(asked, digest_size=4).hexdigest()


def fits(node: Node, config: RayConfig) -> bool:
    """Return whether a node has the labels, and could have the room."""
    return (
        node.cpus >= config.cpus
        and node.memory >= config.memory_mb * MIB
        and config.labels.items() <= node.labels.items()
    )


def change(config: RayConfig, nodes: Iterable[Node], groups: Collection[Group]) -> Change:
    """Return what makes the groups that there are those that there are to be. Nothing is made as
    long as something is to be removed.

    nodes: those that are alive. groups: those of this cluster.
    """
    terms = terms_of(config)
    if config.hosts:
        wanted = Group(terms, tuple(range(config.hosts)), "")
        kept = [group for group in groups if group == wanted][:1]
        missing = [] if kept else [wanted]
    else:
        free = {node.node_id: None for node in nodes if fits(node, config)}
        kept, taken = [], set[int]()
        for group in sorted(groups):
            # Of two on one node, or of one name, the later one goes.
            if group.terms == terms and group.node in free and not taken & {*group.agents}:
                del free[group.node]
                taken |= {*group.agents}
                kept.append(group)
        numbers = (number for number in itertools.count() if number not in taken)
        missing = [Group(terms, (next(numbers),), node_id) for node_id in free]
    remove = [group for group in groups if group not in kept]
    return Change(remove, [] if remove else missing)
