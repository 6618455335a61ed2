"""``make simulate``: 16,384 shards on 64 hosts, played."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from tests.simulation.cluster_played import Shape, WorkingLoop
from tests.simulation.scenarios import Outcome, scenarios

COLUMNS: Final = (
    "", "s", "identifies", "resumes", "away, s", "CPU, %", "messages/s", "Mbit/s", "",
)  # fmt: skip
NAMES: Final = tuple(scenarios(Shape()))


def row(outcome: Outcome) -> tuple[str, ...]:
    """Return what the table says of a scenario."""
    reading = outcome.reading
    return (
        outcome.name,
        f"{outcome.seconds:,.1f}",
        f"{outcome.identifies:,}",
        f"{outcome.resumes:,}",
        f"{outcome.away_s:.1f}" if outcome.away_s else "-",
        f"{reading.cpu_percent:.1f}",
        f"{reading.messages_per_s:,.0f}",
        f"{reading.mbit_per_s:.1f}",
        outcome.detail,
    )


@click.command()
@click.option("--hosts", default=64, show_default=True, type=click.IntRange(2))
@click.option("--workers", default=4, show_default=True, type=click.IntRange(1), help="A host.")
@click.option("--shards", default=16_384, show_default=True, type=click.IntRange(1))
@click.option("--report-s", default=1.0, show_default=True, type=click.FloatRange(0.5, 4.0),
              help="Seconds between reports of a worker; 4 plays a long start sooner.")  # fmt: skip
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Scenarios; all else.")
def main(hosts: int, workers: int, shards: int, report_s: float, only: tuple[str, ...]) -> None:
    """Play a large cluster, and print what its coordinator takes and how long things last."""
    logging.disable(logging.ERROR)
    shape = Shape(hosts=hosts, workers=workers, shards=shards, report_s=report_s)
    console = Console() if sys.stdout.isatty() else Console(width=170)
    title = f"{shards:,} shards, {hosts} hosts of {workers} workers, 5 events/s a shard"
    table = Table(title=title)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    progress = Console(stderr=True)
    for name, play in scenarios(shape).items():
        if only and name not in only:
            continue
        with asyncio.Runner(loop_factory=WorkingLoop) as runner:
            outcome = runner.run(play())
        table.add_row(*row(outcome))
        progress.print(f"{name}: {', '.join(row(outcome)[1:])}; played in {outcome.real_s:.0f} s")
    console.print(table)


if __name__ == "__main__":
    main()
