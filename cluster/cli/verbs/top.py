"""``dcgw-cluster top``: shows a cluster on the whole of a terminal, again and again."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Final

import click

from cluster.cli.options import (
    check_remote,
    config_option,
    name_option,
    remote_options,
    running_cluster,
)
from cluster.cli.terminal.output import is_terminal
from cluster.cli.top.source import PATIENCE_S, ClusterSource
from cluster.control import ControlClient
from cluster.endpoints.curve_keys import read_keys
from cluster.errors import ClusterError

EVERY_S: Final = 1.0
"""From one look at the cluster to the next."""


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster top
  dcgw-cluster top --name sandbox
  dcgw-cluster top --keys monitor.key
  NO_COLOR=1 dcgw-cluster top"""
)
@config_option
@name_option
@remote_options
def top(
    config_file: Path | None, name: str | None, keys_file: Path | None, endpoint: str | None
) -> None:
    """Show shards, workers, events, subscribers and what happened, every second, until q.

    On 150 columns and 40 rows or more all at once, else one at a time. It asks what `status` does,
    and goes on when the coordinator is back. Keys:

    \b
    1 2 3 4 5   shards, workers, events, subscribers, happenings
    s  i        order by the next column; the other way round
    /           only some rows: ready  !ready  17  10-20  w3  any text; Esc: all
    g           the shards as a grid
    Enter       all that is known of a row; of a type of events: follow it
    f           follow a type of events by its name
    r           restart the selected worker, or reconnect the shard, after asking
    !           all that is wrong, whole
    d  q        dark or light; quit
    """
    check_remote(keys_file, endpoint, name)
    if not is_terminal():
        raise ClusterError(
            "top draws on a terminal, and standard output is none",
            "use `dcgw-cluster status --watch`",
        )
    asyncio.run(_top(config_file, name, keys_file, endpoint))


async def _top(
    config_file: Path | None, name: str | None, keys_file: Path | None, endpoint: str | None
) -> None:
    keys = read_keys(keys_file)
    if keys is not None:
        control = ControlClient(endpoint, keys=keys, timeout=PATIENCE_S)
    else:
        control = ControlClient.from_running(running_cluster(config_file, name), timeout=PATIENCE_S)
    async with control:
        await control.status()  # what keeps it from answering is said before the screen is taken
        from cluster.cli.top.app import TopApp  # textual takes 0.2 s: only for this

        gc.freeze()  # what is loaded stays: to look through it again takes longer than to draw
        await TopApp(ClusterSource(control, keys), every_s=EVERY_S).run_async()
