"""What a run of the benchmarks found, and how it is shown: a table, Markdown, JSON."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence

import msgspec
from rich import box
from rich.table import Table

FLOOR = "floor: zlib-ng, msgspec"
WORKER = "worker, pages reused"


def under(group: str, what: str) -> str:
    """Return the name of a row of a group."""
    return f"{group}: {what}" if group else what


class Row(msgspec.Struct):
    """One thing that was measured: a value for each round."""

    name: str
    unit: str
    values: list[float] = []
    aim: float | None = None
    """The largest value that is wanted, in the row's unit."""
    at_least: float | None = None
    """The smallest value that is wanted, in the row's unit."""
    base: str = FLOOR
    """Name of the row that this one is compared with."""
    of_base: float | None = None
    """Median of the ratios to the base of the same round; None: there is nothing to compare."""
    aim_of_base: float | None = None
    """The largest ratio to the base that is wanted."""
    of_worker: float | None = None
    """Median of the ratios to the worker of the same round."""
    aim_of_worker: int | None = None
    """The worker's value divided by this is the largest that is wanted."""
    missing: str = ""
    """Why it was not measured."""
    group: str = ""
    """What it was measured in together with its neighbours, whose names begin with it; in the table
    it stands once above them. Empty: in no group."""

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def has_aim(self) -> bool:
        """Whether something is wanted of it."""
        aims = (self.aim, self.at_least, self.aim_of_base, self.aim_of_worker)
        return aims != (None,) * len(aims)

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None: there is none, or nothing was measured."""
        if self.of_base is not None and self.aim_of_base is not None:
            return self.of_base <= self.aim_of_base
        if self.of_worker is not None and self.aim_of_worker is not None:
            return self.of_worker <= 1 / self.aim_of_worker
        if self.median is not None and self.aim is not None:
            return self.median <= self.aim
        if self.median is not None and self.at_least is not None:
            return self.median >= self.at_least
        return None


class Results(msgspec.Struct):
    """What a whole run found."""

    machine: str
    python: str
    stream: str
    rows: list[Row]
    base: str = "floor"
    """What the rows are compared with, in a word."""

    def compare(self) -> None:
        """Set every row's ratio: round by round, so that a slow minute slows both sides."""
        rows = {row.name: row for row in self.rows}
        for row in self.rows:
            row.of_base = _ratio(row, rows.get(row.base))
            if row.aim_of_worker is not None:
                row.of_worker = _ratio(row, rows[WORKER])


def ratios(row: Row, other: Row) -> list[float]:
    """Return a row's values by those of another one, round by round; empty: they were not measured
    in the same rounds, or the other one is zero."""
    if row.unit != other.unit or len(row.values) != len(other.values) or not all(other.values):
        return []
    return [a / b for a, b in zip(row.values, other.values, strict=True)]


def _ratio(row: Row, other: Row | None) -> float | None:
    values = [] if other is None else ratios(row, other)
    return statistics.median(values) if values else None


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of sorted values lies (0.5: the median; the nearest
    rank). There is one value at least."""
    return values[min(len(values) - 1, int(len(values) * part))]


def machine() -> str:
    """Return what the run is on, in general terms."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def head(results: Results) -> Sequence[str]:
    """Return the heads of the table's columns."""
    return "measured", "median", "range", f"of {results.base}", "aim"


def cells(row: Row) -> Sequence[str]:
    """Return a row of the table as text."""
    if row.median is None:
        return row.name, "-", row.missing, "", aim_text(row)
    spread = f"{number(min(row.values))} to {number(max(row.values))}" if row.values[1:] else ""
    ratio = "" if row.of_base is None else f"{row.of_base:.2f}"
    return row.name, f"{number(row.median)} {row.unit}", spread, ratio, aim_text(row)


def aim_text(row: Row) -> str:
    """Return what is wanted of a row, and whether it is so; empty: nothing is."""
    aim = ""
    if row.aim_of_base is not None:
        aim = f"≤ {row.aim_of_base:.2f}"
    elif row.aim_of_worker is not None:
        aim = f"≤ 1/{row.aim_of_worker} of the worker"
        if row.of_worker is not None:
            aim += f" (1/{1 / row.of_worker:.1f})"
    elif row.at_least is not None:
        aim = f"≥ {number(row.at_least)} {row.unit}"
    elif row.aim is not None:
        aim = f"≤ {number(row.aim)} {row.unit}"
    if row.met is not None:
        aim += ": met" if row.met else ": missed"
    return aim


def number(value: float) -> str:
    """Return a number with as many digits as say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value < 1 else f"{value:.1f}"


def table(results: Results) -> Table:
    """Return the results for a terminal."""
    made = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, caption=caption(results), caption_justify="left"
    )
    for i, text in enumerate(head(results)):
        made.add_column(text, justify="left" if i in (0, 4) else "right", no_wrap=0 < i < 4)
    group = ""
    for row in results.rows:
        if row.group and row.group != group:
            made.add_section()
            made.add_row(row.group, style="bold")
        group = row.group
        style = "red" if row.met is False else "dim" if row.median is None else ""
        name, *others = cells(row)
        made.add_row(name.removeprefix(under(group, "")), *others, style=style)
    return made


def caption(results: Results) -> str:
    """Return what was measured, and on what."""
    return f"{results.stream}\n{results.machine}, Python {results.python}"


def markdown(results: Results) -> str:
    """Return the results for a page."""
    return "\n".join([rows_markdown(results, results.rows), *caption(results).split("\n"), ""])


def rows_markdown(results: Results, rows: Iterable[Row]) -> str:
    """Return some rows of the results for a page, without what was measured on what."""
    lines = [f"| {' | '.join(head(results))} |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [f"| {' | '.join(cells(row))} |" for row in rows]
    return "\n".join([*lines, ""])
