"""``dcgw-cluster scale``: changes the number of workers that carry the shards."""

from __future__ import annotations

from pathlib import Path

import click

from cluster.cli.operations import operate
from cluster.cli.options import config_option, name_option, running_cluster


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster scale --workers 4
  dcgw-cluster scale --workers 2 --name sandbox""",
)
@config_option
@name_option
@click.option(
    "--workers",
    type=click.IntRange(1, 1000),
    required=True,
    metavar="N",
    help="How many workers there are to be; at most as many as shards.",
)
def scale(config_file: Path | None, name: str | None, workers: int) -> None:
    """Let another number of workers carry the shards.

    Shards move one by one: each is closed so that it can be resumed, and resumed where it goes. No
    event is lost and no identify is spent. It holds for later starts, too, until `workers` in the
    configuration is changed.
    """
    running = running_cluster(config_file, name)
    operate(running, lambda control, say: control.scale(workers, say))
