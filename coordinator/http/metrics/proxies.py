"""The metrics of the gateway proxy's processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.metrics_core import Metric

from cluster.wire.proxies import ProxyReport
from coordinator.http.metrics.families import Column, columns

_COLUMNS: Final[Sequence[Column[ProxyReport]]] = (
    Column("dcgw_proxy_connections", "Connections of bots to a process of the proxy.",
           lambda p: p.connections),
    Column("dcgw_proxy_clients", "Sessions whose bot is connected.", lambda p: p.clients),
    Column("dcgw_proxy_detached_sessions", "Sessions that wait for their bot to come back.",
           lambda p: p.detached),
    Column("dcgw_proxy_catching_up_sessions",
           "Sessions that get what they missed from the journals.", lambda p: p.catching_up),
    Column("dcgw_proxy_sent_events", "Dispatches that were sent to bots.", lambda p: p.events,
           counts=True),
    Column("dcgw_proxy_gaps", "Gaps that the process was told of: events that can't be had again.",
           lambda p: p.gaps, counts=True),
    Column("dcgw_proxy_lost_sessions",
           "Sessions that a bot wanted to go on with and that were not there any more: it began "
           "anew.",
           lambda p: p.lost, counts=True),
    Column("dcgw_proxy_refused_connections",
           "Connections that were closed for what the bot did, or for which there was no place.",
           lambda p: p.refused, counts=True),
    Column("dcgw_proxy_sent_requests",
           "Requests of bots that were sent to Discord, presences apart.",
           lambda p: p.asked, counts=True),
    Column("dcgw_proxy_waiting_requests", "Requests of bots that are not sent yet.",
           lambda p: p.waiting),
    Column("dcgw_proxy_unsent_requests",
           "Requests of bots that were given up; the process's log says why.",
           lambda p: p.unsent, counts=True),
    Column("dcgw_proxy_lag_events",
           "Events that are known to exist and have not come to the process yet.",
           lambda p: p.lag),
    Column("dcgw_proxy_cpu_seconds", "CPU that the process has used.", lambda p: p.cpu_s,
           counts=True),
    Column("dcgw_proxy_memory_bytes", "Memory of the process's own.", lambda p: p.rss_bytes),
)  # fmt: skip


def proxy_metrics(proxies: Sequence[ProxyReport]) -> Iterator[Metric]:
    """Yield the metrics of these processes; there are none without one. Of several with one label,
    as with one key, or while one takes over from the one before, the first has samples."""
    rows = {_label(one): one for one in reversed(proxies)}
    if rows:
        yield from columns(_COLUMNS, "proxy", list(rows.items()))


def _label(one: ProxyReport) -> str:
    """Return the number of the cluster's own, or the key of another host's."""
    return one.key or str(one.number)
