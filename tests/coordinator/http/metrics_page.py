"""Writes the table of docs/reference/metrics.md: `python -m tests.coordinator.http.metrics_page`.

What stands above it in the page is written by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from coordinator.http.metrics import families
from tests.coordinator.http.statuses import full_status

PAGE: Final = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
MARK: Final = "<!-- What follows is generated: python -m tests.coordinator.http.metrics_page -->\n"
TABLE: Final = "| metric | type | labels | what it says |\n| --- | --- | --- | --- |\n"
KINDS: Final[dict[type[Metric], tuple[str, str]]] = {
    CounterMetricFamily: ("counter", "_total"),
    GaugeMetricFamily: ("gauge", ""),
    HistogramMetricFamily: ("histogram", ""),
    InfoMetricFamily: ("gauge, always 1", "_info"),
}
"""Class of a metric -> its type in words, and how its name ends."""


def page() -> str:
    """Return the page, with the table as the code is now."""
    head = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    rows = "".join(map(_row, families(full_status(), 512)))
    return f"{head}{MARK}\n{TABLE}{rows}"


def _row(metric: Metric) -> str:
    kind, ending = KINDS[type(metric)]
    assert metric.samples, f"{metric.name} has no sample in the fullest status"
    labels = sorted({label for sample in metric.samples for label in sample.labels} - {"le"})
    shown = ", ".join(f"`{label}`" for label in labels)
    return f"| `{metric.name}{ending}` | {kind} | {shown} | {metric.documentation} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
