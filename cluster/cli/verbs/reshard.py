"""``dcgw-cluster reshard``: changes the number of shards while the cluster runs."""

from __future__ import annotations

from pathlib import Path

import click

from cluster.cli.operations import operate
from cluster.cli.options import config_option, name_option, running_cluster
from cluster.ranges import MAX_SHARDS


def _shards(value: str) -> int:
    """Return the number of shards that was given; 0 for "auto"."""
    if value == "auto":
        return 0
    if value.isascii() and value.isdigit() and 1 <= int(value) <= MAX_SHARDS:
        return int(value)
    raise click.BadParameter(f'{value!r} is neither a number of shards nor "auto".')


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster reshard 32
  dcgw-cluster reshard auto --overlap 20""",
)
@config_option
@name_option
@click.argument("shards", metavar="N|auto")
@click.option(
    "--overlap",
    type=click.FloatRange(1, 600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long both shard counts publish; longer than half of what sessions lag.",
)
def reshard(config_file: Path | None, name: str | None, shards: str, overlap: float) -> None:
    """Go on with N shards, or with as many as Discord recommends (auto).

    All new shards are identified beside the old ones, within the day's budget: refused if that is
    not enough. An overlap after all of them are ready both publish for the overlap, then the old
    ones log out.
    Subscriber gives out each event once. If a new shard fails, all stays as it was. It holds for
    later starts, too, until `shards` in the configuration is changed.
    """
    count = _shards(shards)
    running = running_cluster(config_file, name)
    operate(running, lambda control, say: control.reshard(count, overlap, say))
