"""What a run found goes into the pages, where each table has its place."""

from __future__ import annotations

import pytest

from benchmarks import page
from benchmarks.real_rates.clients import BARE, WORKER
from benchmarks.real_rates.options import LOADS, RateOptions
from benchmarks.real_rates.rows import Values, declared
from benchmarks.results import FLOOR, Results, Row, under


def found(us: float) -> Results:
    """Return the results of a run in which every event cost the worker so much."""
    rows = declared(RateOptions())
    for row in rows:
        row.missing = ""
    values = Values(rows)
    for load in LOADS:
        values.add(load.label, WORKER, us)
        values.add(load.label, BARE, us / 2)
        values.add(load.label, "discord.py", us * 2)
    values.compare()
    results = Results("Linux", "3.11", "real rates", rows, base="bare")
    results.compare()
    return results


def test_a_table_is_replaced_and_nothing_else_is() -> None:
    text = "a\n<!-- table: one -->\nold\n<!-- end of table -->\nb\n"
    assert page.replaced(text, "one", "| new |\n") == text.replace("old", "| new |")
    for lacks in ("two", "on"):
        with pytest.raises(ValueError, match=f"no table {lacks}"):
            page.replaced(text, lacks, "")


def test_each_page_has_what_a_run_found() -> None:
    made = page.pages({"rates": found(1234.0), "flood": Results("", "3", "s", [Row(FLOOR, "x")])})
    assert f"| {LOADS[0].label} | 1,234 | 800 | 24.7 % |" in made[page.SIZING]
    costs = made[page.COSTS]
    assert f"| {WORKER} |{' 1,234 |' * len(LOADS)}\n" in costs
    assert f"| {WORKER} over {BARE} |{' 2.00 |' * len(LOADS)}\n" in costs
    assert f"| {WORKER} over discord.py |{' 0.50 |' * len(LOADS)}\n" in costs
    assert f"| {under(LOADS[1].label, WORKER)} | 1,234 µs |  | 2.00 | ≤ 2.00: met |" in costs
    assert f"| {FLOOR} | - |  |  |  |" in costs
    said = " ".join(made[page.README].split())
    assert "1,234 µs of CPU" in said
    assert "0.50 times what discord.py takes" in said
    assert "discordjs" not in said.partition("1,234")[2].partition("<!--")[0]


def test_a_run_of_one_table_leaves_the_others() -> None:
    flood = Results("", "3", "s", [Row(FLOOR, "x")])
    made = page.pages({"flood": flood})
    assert made[page.SIZING] == page.SIZING.read_text()
    assert page.pages({}) == {path: path.read_text() for path in made}
