"""The keys of agents that Ray places, in the cluster's folder of keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from cluster.endpoints.curve_keys import Client, KeyFolder, Right
from cluster.errors import ConfigError

MAY: Final[tuple[Right, ...]] = ("host",)
OURS: Final = r"\Aray-(0|[1-9]\d*)\Z"
"""Names of agents that Ray places; keys with another right are somebody else's all the same."""


class AgentKeys:
    """Lets each agent in by the key that its actor has made. Methods raise ConfigError."""

    def __init__(self, folder: KeyFolder, now: Callable[[], float]) -> None:
        """now: Unix seconds."""
        self._folder = folder
        self._now = now

    def server(self) -> str:
        """Return the server's public key; its pair is made if there is none."""
        return self._folder.server_or_new().public

    def admit(self, name: str, public: str) -> bool:
        """Let a key in under this name, in the place of the one before. Return whether it was not
        let in yet. ConfigError: the name is taken by a key that is not an agent's of Ray's."""
        has = {client.name: client for client in self._folder.clients()}.get(name)
        if has is not None and not _is_ours(has):
            raise ConfigError(
                f"the key {name!r}, which an agent on Ray is to have, may do more than host",
                f"give it another name: `dcgw-cluster keys remove {name}`, and add it anew",
            )
        if has is not None and has.public == public:
            return False
        self._folder.put(Client(name=name, public=public, may=MAY, added=int(self._now())))
        return True

    def sweep(self, names: Collection[str]) -> list[str]:
        """Remove the keys of agents that have none of these names. Return whose they were."""
        clients = self._folder.clients()
        gone = [one.name for one in clients if _is_ours(one) and one.name not in names]
        for name in gone:
            self._folder.remove(name)
        return gone


def _is_ours(client: Client) -> bool:
    return client.may == MAY and re.match(OURS, client.name) is not None
