"""``dcgw-cluster stop``: closes every session and ends every process of a cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cluster.cli.operations import NOT_WAITED_FOR
from cluster.cli.options import config_option, name_option, running_cluster
from cluster.cli.stopping import Stopped, stop_cluster
from cluster.cli.terminal.output import console, is_terminal
from cluster.control import ControlClient
from cluster.endpoints.paths import LOCK, Running
from cluster.wire.states import SessionState
from cluster.wire.status import ClusterStatus


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster stop
  dcgw-cluster stop --name sandbox --timeout 60
  dcgw-cluster stop --logout
  dcgw-cluster stop --keep-workers""",
)
@config_option
@name_option
@click.option(
    "--logout",
    is_flag=True,
    help="End the sessions at Discord. Each shard's next start then spends an identify.",
)
@click.option(
    "--keep-workers",
    is_flag=True,
    help="Stop the coordinator alone, to upgrade it: sessions go on, the next start takes them.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=40.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up waiting after this long (the stop goes on).",
)
def stop(
    config_file: Path | None, name: str | None, logout: bool, keep_workers: bool, timeout: float
) -> None:
    """Stop the running cluster, and wait until it is gone.

    Sessions are closed so that they can be resumed: `stop` and `start` lose no event and spend no
    identify, if no more than a minute or so lies between them.
    """
    if logout and keep_workers:
        raise click.UsageError("--logout ends what --keep-workers keeps: give one of them.")
    running = running_cluster(config_file, name)
    try:
        stopped = asyncio.run(_stop(running, logout, keep_workers, timeout))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(NOT_WAITED_FOR) from None
    click.echo(stopped)


async def _stop(running: Running, logout: bool, keep_workers: bool, deadline_s: float) -> Stopped:
    lock = Path(running.state_dir) / LOCK
    async with ControlClient.from_running(running, timeout=min(deadline_s, 5.0)) as control:
        if not is_terminal():
            return await stop_cluster(
                control, lock, logout=logout, keep_workers=keep_workers, deadline_s=deadline_s
            )
        with console().status(f"Stopping {running.name} ...") as spinner:

            def say(status: ClusterStatus) -> None:
                left = sum(shard.state is not SessionState.CLOSED for shard in status.shards)
                spinner.update(f"Stopping {running.name}: {left} of {len(status.shards)} open")

            return await stop_cluster(
                control,
                lock,
                logout=logout,
                keep_workers=keep_workers,
                deadline_s=deadline_s,
                say=say,
            )
