"""``dcgw-cluster drain``: moves all shards away from a host."""

from __future__ import annotations

from pathlib import Path

import click

from cluster.cli.operations import operate
from cluster.cli.options import config_option, name_option, running_cluster


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster drain host-3
  dcgw-cluster drain host-3 --undo""",
)
@click.argument("host", metavar="HOST")
@config_option
@name_option
@click.option("--undo", is_flag=True, help="Let the host get workers again.")
def drain(host: str, config_file: Path | None, name: str | None, undo: bool) -> None:
    """Move all shards away from a host, and give it no new ones: before it is taken down, upgraded
    or removed.

    Shards move one by one: each is closed so that it can be resumed, and resumed on another host.
    No event is lost and no identify is spent. When it is done the host has no workers, and its
    agent may end. It holds, for later starts too, until --undo.

    Of a host that is gone it says that it will not come back: it is shown no more.
    """
    running = running_cluster(config_file, name)
    operate(running, lambda control, say: control.drain(host, say, undo=undo))
