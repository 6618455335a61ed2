"""dcgw-cluster under one name: what a program imports, each name loaded when it is asked for.

    from dcgw import Event, Gap, Subscriber       # the events of a cluster
    from dcgw import Cache                        # the guilds of its bot, and what is in them
    from dcgw import ControlClient                # ask a cluster, and send over its shards
    from dcgw import GatewayClient                # one session in your own process
    from dcgw.events import MessageCreate         # every event, typed
    from dcgw.cache import Snapshot, Part         # what a Cache gives
    from dcgw.states import GapReason             # why there is a gap, how a session is

``dcgw.errors``, ``dcgw.commands`` and ``dcgw.sandbox`` have the rest. The packages under it,
``cluster``, ``coordinator``, ``host_agent`` and ``shard_worker``, have names that other programs
may use too: whoever is handed one that is not ours is told so (ForeignPackageError), with the file
in the way.
"""

from __future__ import annotations

from dcgw.lazy import loader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from cluster import __version__ as __version__
    from cluster.cache import Cache as Cache
    from cluster.control import ControlClient as ControlClient
    from cluster.discord.event_names import EventName as EventName
    from cluster.discord.event_names import event_names as event_names
    from cluster.discord.intents import Capabilities as Capabilities
    from cluster.discord.intents import Intents as Intents
    from cluster.subscriber import Event as Event
    from cluster.subscriber import Gap as Gap
    from cluster.subscriber import Item as Item
    from cluster.subscriber import Stalled as Stalled
    from cluster.subscriber import Subscriber as Subscriber
    from shard_worker import GatewayClient as GatewayClient
    from shard_worker import Resumable as Resumable
    from shard_worker import Skipped as Skipped

__all__ = [
    "Cache",
    "Capabilities",
    "ControlClient",
    "Event",
    "EventName",
    "Gap",
    "GatewayClient",
    "Intents",
    "Item",
    "Resumable",
    "Skipped",
    "Stalled",
    "Subscriber",
    "__version__",
    "event_names",
]

_HOMES: Final = {
    "Cache": "cluster.cache",
    "Capabilities": "cluster.discord.intents",
    "ControlClient": "cluster.control",
    "Event": "cluster.subscriber",
    "EventName": "cluster.discord.event_names",
    "Gap": "cluster.subscriber",
    "GatewayClient": "shard_worker",
    "Intents": "cluster.discord.intents",
    "Item": "cluster.subscriber",
    "Resumable": "shard_worker",
    "Skipped": "shard_worker",
    "Stalled": "cluster.subscriber",
    "Subscriber": "cluster.subscriber",
    "__version__": "cluster",
    "event_names": "cluster.discord.event_names",
}

if not TYPE_CHECKING:  # a type checker would take any name to be there
    __getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
