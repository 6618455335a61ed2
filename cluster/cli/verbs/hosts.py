"""``dcgw-cluster hosts``: shows the hosts that workers run on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec
from rich.console import Group
from rich.text import Text

from cluster.cli.control_client import control_client
from cluster.cli.options import config_option, name_option, remote_options
from cluster.cli.terminal.event_lines import printable
from cluster.cli.terminal.host_table import host_details, summary, waits
from cluster.cli.terminal.host_table import hosts as host_table
from cluster.cli.terminal.output import console, show
from cluster.complaints import host_complaints
from cluster.control import ControlClient
from cluster.wire.status import ClusterStatus


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster hosts
  dcgw-cluster hosts --json | jq -r '.[] | [.name, .state] | @tsv'"""
)
@config_option
@name_option
@remote_options
@click.option("--json", "as_json", is_flag=True, help="A JSON array with everything there is.")
def hosts(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Show the hosts that workers run on. What the states mean:

    \b
    here       it is heard of, and gets workers
    draining   `drain` empties it: its shards move, and it gets no new ones
    away       it is not heard of; its shards wait for it until it is given up
    gone       it was given up; its shards are resumed on other hosts

    \b
    workers    how many it has of those that it would run
    shards     how many are ready of those that it has
    CPU        of all cores of the machine together
    memory     what is in use of the machine's
    disk free  where its workers have their journals
    heard      when its agent was heard of last
    """
    now = asyncio.run(_status(control_client(config_file, name, keys_file, endpoint)))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(now.hosts)).decode())
        return
    out = console()
    if not now.hosts:
        why = waits(now.workers) or ["workers run beside the coordinator"]
        show(out, Text(f"{now.name}: no host has joined: {printable(why[0])}"))
        return
    head = Text.assemble((now.name, "bold"), "  ", summary(now.hosts))
    wrong = [Text(printable(line), style="red") for line in host_complaints(now.hosts)]
    looks = [Text(printable(line), style="yellow") for line in host_details(now.hosts)]
    table = host_table(now.hosts, out.width, None)
    show(out, Group(head, *wrong, *looks, Text(), table))


async def _status(control: ControlClient) -> ClusterStatus:
    async with control:
        return await control.status()
