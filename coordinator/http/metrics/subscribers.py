"""The metrics of those who hear events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.metrics_core import Metric

from cluster.wire.states import GapReason
from cluster.wire.status import ClusterStatus, SubscriberStatus, SubscriberTotals
from coordinator.http.metrics.families import Column, columns, family, gauge

MOST_NAMES: Final = 100
"""Names of subscribers that have samples, those with the most lag; they name themselves."""

_NO_GAPS: Final = {reason.value: 0 for reason in GapReason}
"""Each is told of from the start: of a counter that begins at one, increase() sees nothing."""

_TOTALS: Final[Sequence[Column[SubscriberTotals]]] = (
    Column("dcgw_subscriber_events", "Events that subscribers of this name took.",
           lambda t: t.events, counts=True),
    Column("dcgw_subscriber_replays",
           "Answers that subscribers of this name needed from the replay server.",
           lambda t: t.replays, counts=True),
    Column("dcgw_subscriber_misses",
           "Times that something did not come to them by way of the hub, which drops what is not "
           "taken in time, and was asked for.",
           lambda t: t.misses, counts=True),
    Column("dcgw_subscriber_fenced",
           "Messages that they left out since their epoch was over: a worker that was taken for "
           "lost, and replaced, went on sending.",
           lambda t: t.fenced, counts=True),
    Column("dcgw_subscriber_unfit_events",
           "Events that they asked for typed and that do not fit their class.",
           lambda t: t.unfit, counts=True),
)  # fmt: skip


def subscriber_metrics(status: ClusterStatus) -> Iterator[Metric]:
    """Yield the metrics of a cluster's subscribers."""
    rows = status.subscribers
    yield gauge(
        "dcgw_subscribers", "Connections to the hub that hear events.",
        len(rows) + status.subscribers_unknown,
    )  # fmt: skip
    by_name: dict[str, list[SubscriberStatus]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    lags = {name: max(row.lag for row in its) for name, its in by_name.items()}
    named = dict(sorted(lags.items(), key=lambda item: item[1], reverse=True)[:MOST_NAMES])
    connected = family("dcgw_subscriber_connections", "Subscribers of this name.", ("subscriber",))
    lag = family(
        "dcgw_subscriber_lag_events",
        "Events that are known to exist and were not taken yet, of the subscriber of this name "
        "that lags most.",
        ("subscriber",),
    )
    for name, most in named.items():
        connected.add_metric((name,), len(by_name[name]))
        lag.add_metric((name,), most)
    yield connected
    yield lag
    totals = [one for one in status.subscriber_totals if one.name in named or one.name not in lags]
    totals = totals[:MOST_NAMES]
    yield from columns(_TOTALS, "subscriber", [(one.name, one) for one in totals])
    gaps = family(
        "dcgw_subscriber_gaps",
        "Gaps that subscribers of this name were told of: events that can't be had again.",
        ("subscriber", "reason"),
        counts=True,
    )
    for one in totals:
        for reason, count in (_NO_GAPS | one.gaps).items():
            gaps.add_metric((one.name, reason), count)
    yield gaps
