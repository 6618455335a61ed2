"""Columns: each says how one metric is had from a row of a status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

Row = TypeVar("Row")


class Column(NamedTuple, Generic[Row]):
    """A metric with a sample for each row of which the value is known."""

    name: str
    """Without `_total`."""
    text: str
    value: Callable[[Row], float | None]
    counts: bool = False
    """Whether it only grows."""

    def family(self, label: str, rows: Iterable[tuple[str, Row]]) -> Metric:
        """Return the metric of these rows, by the value of their label."""
        found = family(self.name, self.text, (label,), counts=self.counts)
        for of, row in rows:
            if (value := self.value(row)) is not None:
                found.add_metric((of,), value)
        return found


def columns(
    wanted: Sequence[Column[Row]], label: str, rows: Sequence[tuple[str, Row]]
) -> Iterator[Metric]:
    """Yield the metrics of these rows."""
    return (column.family(label, rows) for column in wanted)


def family(
    name: str, text: str, labels: Sequence[str], *, counts: bool = False
) -> CounterMetricFamily | GaugeMetricFamily:
    """Return a metric without samples."""
    make = CounterMetricFamily if counts else GaugeMetricFamily
    return make(name, text, labels=labels)


def gauge(name: str, text: str, value: float) -> Metric:
    """Return a gauge without labels."""
    return GaugeMetricFamily(name, text, value)


def counter(name: str, text: str, value: float) -> Metric:
    """Return a counter without labels. name: without `_total`."""
    return CounterMetricFamily(name, text, value)
