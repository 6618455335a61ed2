"""``python -m benchmarks``, which is ``make bench``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from benchmarks import proxy
from benchmarks.children import ChildError
from benchmarks.proxy import ProxyOptions
from benchmarks.real_rates import run as real_rates
from benchmarks.real_rates.options import RateOptions
from benchmarks.recording import FOLDER, SEGMENT
from benchmarks.results import Results, markdown, table
from benchmarks.run import Options, run

TABLES = ("rates", "flood", "proxy")
MOST_RATE_S = 8.0
"""Longer loads would keep a session's heartbeats waiting for more than their interval."""


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--events", default=100_000, show_default=True, type=click.IntRange(5 * SEGMENT),
              help="Events that each client is measured on, a round.")  # fmt: skip
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.1),
              help="Of the flood among quiet sessions: 100,000 events for each.")  # fmt: skip
@click.option("--rate-seconds", default=4.0, show_default=True,
              type=click.FloatRange(0.1, MOST_RATE_S),
              help="How long each load of real rates runs.")  # fmt: skip
@click.option("--only", type=click.Choice(TABLES), help="One of the three tables.")
@click.option("--sessions", default=200, show_default=True, type=click.IntRange(2),
              help="Idle sessions that the memory is measured with.")  # fmt: skip
@click.option("--markdown", "markdown_file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE")
def main(
    rounds: int,
    events: int,
    seconds: float,
    rate_seconds: float,
    only: str | None,
    sessions: int,
    markdown_file: Path | None,
    json_file: Path | None,
) -> None:
    """Measure what an event, an idle session and a flood cost, beside other libraries."""
    out, progress = Console(), Console(stderr=True)
    options = Options(
        rounds=rounds, events=events // SEGMENT * SEGMENT, seconds=seconds, sessions=sessions
    )
    rates = RateOptions(rounds=rounds, seconds=rate_seconds)
    tables: dict[str, Results] = {}
    with progress.status("...") as status:
        try:
            if only in (None, "rates"):
                measured = real_rates.run(rates, FOLDER, status.update)
                tables["rates"] = asyncio.run(measured)
            if only in (None, "flood"):
                tables["flood"] = asyncio.run(run(options, status.update))
            if only in (None, "proxy"):
                asked = ProxyOptions(rounds=rounds, seconds=rate_seconds)
                tables["proxy"] = asyncio.run(proxy.run(asked, status.update))
        except ChildError as error:
            progress.print(f"[red]{error}[/]")
            sys.exit(1)
    for results in tables.values():
        out.print(table(results))
    if markdown_file is not None:
        markdown_file.write_text("\n".join(map(markdown, tables.values())))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(tables)) + b"\n")


if __name__ == "__main__":
    main()
