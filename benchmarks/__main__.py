"""``python -m benchmarks``, which is ``make bench``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from benchmarks.children import ChildError
from benchmarks.recording import SEGMENT
from benchmarks.results import markdown, table
from benchmarks.run import Options, run


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--events", default=100_000, show_default=True, type=click.IntRange(5 * SEGMENT),
              help="Events that each client is measured on, a round.")  # fmt: skip
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.1),
              help="How long the trickle runs; the flood has 100,000 events for each.")  # fmt: skip
@click.option("--sessions", default=200, show_default=True, type=click.IntRange(2),
              help="Idle sessions that the memory is measured with.")  # fmt: skip
@click.option("--markdown", "markdown_file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE")
def main(
    rounds: int,
    events: int,
    seconds: float,
    sessions: int,
    markdown_file: Path | None,
    json_file: Path | None,
) -> None:
    """Measure what an event, an idle session and a flood cost, beside other libraries."""
    out, progress = Console(), Console(stderr=True)
    options = Options(
        rounds=rounds, events=events // SEGMENT * SEGMENT, seconds=seconds, sessions=sessions
    )
    with progress.status("...") as status:
        try:
            results = asyncio.run(run(options, lambda text: status.update(text)))
        except ChildError as error:
            progress.print(f"[red]{error}[/]")
            sys.exit(1)
    out.print(table(results))
    if markdown_file is not None:
        markdown_file.write_text(markdown(results))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")


if __name__ == "__main__":
    main()
