"""``dcgw-cluster status``: shows the cluster, its workers and its shards at this moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from cluster.cli.options import (
    check_remote,
    config_option,
    name_option,
    remote_options,
    running_cluster,
)
from cluster.cli.terminal.output import console, show
from cluster.cli.terminal.status_text import full
from cluster.control import ControlClient
from cluster.wire.status import ClusterStatus


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster status
  dcgw-cluster status --shards --name sandbox
  dcgw-cluster status --json | jq .events_per_s
  dcgw-cluster status --keys monitor.key"""
)
@config_option
@name_option
@remote_options
@click.option("--shards", "every", is_flag=True, help="List every shard, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with everything there is.")
def status(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    every: bool,
    as_json: bool,
) -> None:
    """Show the running cluster. Exit code 3 if none is running.

    The second line says whether anything is wrong. With more than 32 shards those that are well are
    counted, and the others listed. What the columns say:

    \b
    memory    the worker's own; its journal, which is mapped, is not counted
    journal   how far back a subscriber can ask for what it missed
    behind    records that are in the journal and not yet published
    beat      round trip of the last heartbeat
    session   age of the session; seq and epoch are its position
    """
    check_remote(keys_file, endpoint, name)
    if keys_file is not None:
        now = asyncio.run(_status(ControlClient(endpoint, keys=keys_file)))
    else:
        now = asyncio.run(_status(ControlClient.from_running(running_cluster(config_file, name))))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(now)).decode())
        return
    out = console()
    show(out, full(now, out.width, every=every))


async def _status(control: ControlClient) -> ClusterStatus:
    async with control:
        return await control.status()
