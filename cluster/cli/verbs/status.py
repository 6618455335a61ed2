"""``dcgw-cluster status``: shows the cluster, its workers and its shards at this moment."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from cluster.cli.control_client import control_client
from cluster.cli.options import config_option, name_option, remote_options
from cluster.cli.signals import StopRequests, first
from cluster.cli.terminal import watch_view
from cluster.cli.terminal.output import console, is_terminal, show
from cluster.cli.terminal.status_text import full
from cluster.cli.terminal.streams import is_read, output_failure
from cluster.cli.terminal.watch_view import LinesView, ScreenView, WatchView
from cluster.control import ControlClient
from cluster.errors import ClusterError
from cluster.wire.status import ClusterStatus

WATCH_S: Final = 1.0
"""From one status of --watch to the next."""
WATCH_PATIENCE_S: Final = 3.0
"""How long --watch waits for an answer before it says that none comes."""


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster status
  dcgw-cluster status --shards --name sandbox
  dcgw-cluster status --json | jq .events_per_s
  dcgw-cluster status --watch
  dcgw-cluster status --keys monitor.key"""
)
@config_option
@name_option
@remote_options
@click.option("--shards", "every", is_flag=True, help="List every shard, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with everything there is.")
@click.option("--watch", is_flag=True, help="Every second, until Ctrl-C; with --json a line each.")
def status(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    every: bool,
    as_json: bool,
    watch: bool,
) -> None:
    """Show the running cluster. Exit code 3 if none is running.

    The second line says whether anything is wrong. With more than 32 shards those that are well are
    counted, and the others listed. What the columns say:

    \b
    memory        the worker's own; its journal, which is mapped, is not counted
    journal       its size on disk
    reaches back  for how long a subscriber can ask the journal for what it missed
    unpublished   records that are in the journal and not yet published
    heartbeat     round trip of the last heartbeat
    session       age of the session; seq and epoch are its position
    lag           events that a subscriber knows of and has not taken yet
    """
    if watch:
        control = control_client(config_file, name, keys_file, endpoint, WATCH_PATIENCE_S)
        asyncio.run(_watch(control, every, as_json))
        return
    now = asyncio.run(_status(control_client(config_file, name, keys_file, endpoint)))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(now)).decode())
        return
    out = console()
    show(out, full(now, out.width, every=every))


async def _status(control: ControlClient) -> ClusterStatus:
    async with control:
        return await control.status()


async def _watch(control: ControlClient, every: bool, as_json: bool) -> None:
    """Show the status every second until somebody asks for an end, or reads no more. ClusterError:
    there is none to begin with; one that goes away is waited for."""
    with StopRequests.watch() as requests:
        async with control:
            now = await control.status()
            view: WatchView
            if as_json or not is_terminal():
                view = LinesView(watch_view.as_json if as_json else watch_view.as_line)
            else:
                view = ScreenView(console(), every=every, clock=datetime.now)
            try:
                view.show(now)
                await first(_go_on(control, view), requests.wait())
            finally:
                view.close()


async def _go_on(control: ControlClient, view: WatchView) -> None:
    while is_read() and output_failure() is None:
        await asyncio.sleep(WATCH_S)
        try:
            view.show(await control.status())
        except ClusterError as error:
            view.failed(str(error))
