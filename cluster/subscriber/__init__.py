"""The events of a cluster, each once, in order per shard; what can't be had is a Gap.

Public is what ``__all__`` names. subscriber.py joins the stages: hub_reader -> chain_feed,
chain/ -> event_filter -> delivery_queue.
"""

from cluster.subscriber.chain import Event
from cluster.subscriber.items import Gap, Item, Stalled
from cluster.subscriber.subscriber import Subscriber

__all__ = ["Event", "Gap", "Item", "Stalled", "Subscriber"]


def __dir__() -> list[str]:
    return __all__
