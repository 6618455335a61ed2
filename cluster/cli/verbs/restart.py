"""``dcgw-cluster restart``: restarts workers, one worker, or one shard's connection."""

from __future__ import annotations

from pathlib import Path

import click

from cluster.cli.operations import operate
from cluster.cli.options import config_option, name_option, running_cluster


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster restart --rolling
  dcgw-cluster restart --worker 2
  dcgw-cluster restart --shard 17""",
)
@config_option
@name_option
@click.option("--rolling", is_flag=True, help="All workers, each when the one before is back.")
@click.option("--worker", type=click.IntRange(min=0), metavar="N", help="The worker of one slot.")
@click.option(
    "--shard",
    type=click.IntRange(min=0),
    metavar="N",
    help="One shard's connection. A shard that has given up tries anew.",
)
def restart(
    config_file: Path | None, name: str | None, rolling: bool, worker: int | None, shard: int | None
) -> None:
    """Restart workers, one worker, or one shard.

    No event is lost and no identify is spent: sessions are closed so that they can be resumed, and
    what was received is in the journal. New processes run the package that is installed now, so
    this is how workers are upgraded.
    """
    if [rolling, worker is not None, shard is not None].count(True) != 1:
        raise click.UsageError("Give one of --rolling, --worker N and --shard N.")
    running = running_cluster(config_file, name)
    if worker is not None:
        operate(running, lambda control, say: control.restart_worker(worker, say))
    elif shard is not None:
        operate(running, lambda control, say: control.restart_shard(shard, say))
    else:
        operate(running, lambda control, say: control.restart_rolling(say))
