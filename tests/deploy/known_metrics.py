"""The names of all metrics that /metrics can have."""

from __future__ import annotations

from functools import cache

from prometheus_client.parser import text_string_to_metric_families

from coordinator.http import metrics
from tests.coordinator.http.statuses import full_status


@cache
def known_metrics() -> frozenset[str]:
    """Return the names that samples have, as queries write them."""
    text = metrics.render(full_status(), "", 512)[0].decode()
    return frozenset(
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    )
