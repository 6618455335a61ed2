"""The metrics of the cache."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from cluster.wire.status import CacheReport
from coordinator.http.metrics.families import counter, family, gauge


def cache_metrics(cache: CacheReport | None) -> Iterator[Metric]:
    """Yield the metrics of the cache; there are none without one."""
    if cache is None:
        return
    guilds = family(
        "dcgw_cache_guilds",
        "Guilds in the cache: all of them (kept), those of these that Discord has not sent yet, or "
        "hides (unavailable), those of these of unknown age (stale), and those that the bot is in "
        "and the cache has never seen (unseen).",
        ("state",),
    )
    for state, value in (
        ("kept", cache.guilds),
        ("unavailable", cache.unavailable),
        ("stale", cache.stale),
        ("unseen", cache.unseen),
    ):
        guilds.add_metric((state,), value)
    yield guilds
    yield counter("dcgw_cache_events", "Events that the cache has taken in.", cache.events)
    yield counter(
        "dcgw_cache_transactions", "Transactions in which it wrote them.", cache.transactions
    )
    yield counter(
        "dcgw_cache_gaps", "Gaps that it was told of, each of events that it missed.", cache.gaps
    )
    yield counter(
        "dcgw_cache_malformed_events",
        "Events that were not what Discord documents, and left out.",
        cache.malformed,
    )
    yield gauge("dcgw_cache_disk_bytes", "Disk that is in use of its database.", cache.disk_bytes)
    yield gauge("dcgw_cache_max_bytes", "Disk that its database may take.", cache.max_bytes)
    yield counter("dcgw_cache_cpu_seconds", "CPU that the cache has used.", cache.cpu_s)
    yield gauge(
        "dcgw_cache_memory_bytes",
        "Memory of the cache's own: resident, without what is mapped from files.",
        cache.rss_bytes,
    )
