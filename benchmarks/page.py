"""``python -m benchmarks.page FILE``: puts what a run found (``--json FILE``) into the pages.

Each table stands in its page between a comment that names it and one that ends it. A run replaces
the tables of which it has the rows, and leaves the others as they are.
"""

from __future__ import annotations

import statistics
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.real_rates.clients import (
    BARE,
    CLIENTS,
    HUB,
    OURS,
    OURS_AT_ONCE,
    PEERS,
    SUBSCRIBER,
    WORKER,
)
from benchmarks.real_rates.options import LATENCY, LOADS
from benchmarks.real_rates.pacing import Load
from benchmarks.real_rates.readings import LIBZMQ, MAIN, OTHERS
from benchmarks.real_rates.rows import (
    CALLS,
    LATE,
    QUANTILES,
    SWITCHES,
    latency,
    latency_group,
    over,
)
from benchmarks.results import Results, Row, caption, number, rows_markdown, under

ROOT: Final = Path(__file__).parents[1]
README, COSTS, SIZING = ROOT / "README.md", ROOT / "docs/benchmarks.md", ROOT / "docs/operations.md"
IN_A_SENTENCE: Final = Load(200, 20)
WIDTH: Final = 118
NOTHING: Final = "-"

Cell = Callable[[Row], str]
Line = tuple[str, str, Cell]
"""What a line of a grid says in front, which row of each group is in it, and how it is shown."""


def replaced(page: str, name: str, table: str) -> str:
    """Return a page with another table under a name. Raises ValueError if it has none."""
    begin, end = f"<!-- table: {name} -->\n", "<!-- end of table -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page has no table {name}")
    return f"{before}{begin}{table}{end}{after}"


def grid(rows: Mapping[str, Row], what: str, groups: Sequence[str], lines: Sequence[Line]) -> str:
    """Return a table with a column for each group. what: its corner says what the numbers are."""
    table = [f"| {what} | {' | '.join(groups)} |", f"| --- |{' ---: |' * len(groups)}"]
    for label, name, cell in lines:
        cells = [cell(rows[key]) if (key := under(group, name)) in rows else "" for group in groups]
        if any(cells):
            table.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join([*table, ""])


def median(row: Row) -> str:
    return NOTHING if row.median is None else number(row.median)


def of_base(row: Row) -> str:
    return NOTHING if row.of_base is None else f"{row.of_base:.2f}"


def times(row: Row) -> str:
    """Return percent as a ratio."""
    return NOTHING if row.median is None else f"{row.median / 100:.2f}"


def rates_tables(results: Results) -> Iterator[tuple[str, str]]:
    """Yield the names and tables of real rates in benchmarks.md."""
    rows = {row.name: row for row in results.rows}
    loads = [load.label for load in LOADS]
    peers = [client.label for client in CLIENTS if client is not OURS]
    costs: list[Line] = [(label, label, median) for label in (WORKER, *peers)]
    costs.append((over(WORKER, BARE), WORKER, of_base))
    costs += [(name, name, times) for name in (over(WORKER, peer.label) for peer in PEERS)]
    yield "costs", grid(rows, "µs an event", loads, costs) + f"\n{_caption(results)}\n"
    aims = [row for row in results.rows if row.has_aim and not row.name.endswith(LATE)]
    yield "aims", rows_markdown(results, aims)
    way: list[Line] = [(f"worker: {kind}, µs", f"{WORKER}, {kind}", median)
                       for kind in (MAIN, LIBZMQ, OTHERS)]  # fmt: skip
    way += [(f"{process}, µs", process, median) for process in (HUB, SUBSCRIBER)]
    way += [(f"{label}: {what}", f"{label}, {what}", median)
            for what in (SWITCHES, CALLS) for label in (WORKER, BARE)]  # fmt: skip
    way.append((f"{LATE}, µs", LATE, median))
    yield "way", grid(rows, "an event", loads, way)
    groups = [latency_group(client, load) for load in LATENCY for client in (OURS, OURS_AT_ONCE)]
    delays: list[Line] = [(f"{name}, ms", name, median) for name in map(latency, QUANTILES)]
    delays += [(f"{process}, µs", process, median) for process in (WORKER, HUB, SUBSCRIBER)]
    yield "latency", grid(rows, "", groups, delays)
    others = [row for row in results.rows if row.group not in {*loads, *groups}]
    yield "others", rows_markdown(results, others)


def sizing(results: Results) -> str:
    """Return how much a core carries, by load."""
    rows = {row.name: row for row in results.rows}
    lines = ["| load of a worker | µs an event | events/s a core | of a core under it |",
             "| --- | ---: | ---: | ---: |"]  # fmt: skip
    for load in LOADS:
        row = rows[under(load.label, WORKER)]
        cells = [NOTHING] * 3
        if row.values:
            us = statistics.median(row.values)
            part = us * load.sessions * load.rate / 1e6
            cells = [number(us), f"{round(1e6 / us, -2):,.0f}", f"{part:.1%}".replace("%", " %")]
        lines.append(f"| {load.label} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def sentence(results: Results) -> str:
    """Return what an event costs, in a few lines; who was not measured is not named."""
    rows = {row.name: row for row in results.rows}
    load, link = IN_A_SENTENCE, "([docs/benchmarks.md](docs/benchmarks.md))"
    worker = rows[under(load.label, WORKER)]
    if worker.of_base is None:
        return f"What an event costs, beside other clients: {link[1:-1]}.\n"
    ratios = [f"{of_base(worker)} times what the least of clients takes, which receives alone"]
    for peer in PEERS:
        row = rows[under(load.label, over(WORKER, peer.label))]
        if row.values:
            ratios.append(f"{times(row)} times what {peer.label} takes")
    text = (
        f"Where {load.sessions} sessions get {load.rate:g} events a second each, an event costs a "
        f"worker {median(worker)} µs of CPU, journal and publishing included: {', '.join(ratios)} "
        f"{link}."
    )
    return textwrap.fill(text, WIDTH) + "\n"


def _caption(results: Results) -> str:
    """Return what was measured on what, in lines that a page can have."""
    return "\n".join(line[0].upper() + line[1:] + "." for line in caption(results).split("\n"))


def pages(tables: Mapping[str, Results]) -> dict[Path, str]:
    """Return the pages as they are with what a run found."""
    made = {path: path.read_text() for path in (README, COSTS, SIZING)}
    if rates := tables.get("rates"):
        made[README] = replaced(made[README], "cost", sentence(rates))
        made[SIZING] = replaced(made[SIZING], "sizing", sizing(rates))
        for name, table in rates_tables(rates):
            made[COSTS] = replaced(made[COSTS], name, table)
    if flood := tables.get("flood"):
        table = f"{rows_markdown(flood, flood.rows)}\n{_caption(flood)}\n"
        made[COSTS] = replaced(made[COSTS], "flood", table)
    if proxy := tables.get("proxy"):
        table = f"{rows_markdown(proxy, proxy.rows)}\n{_caption(proxy)}\n"
        made[COSTS] = replaced(made[COSTS], "proxy", table)
    return made


def main() -> None:
    """Write what a run found into the pages."""
    tables = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=dict[str, Results])
    for path, text in pages(tables).items():
        path.write_text(text)


if __name__ == "__main__":
    main()
