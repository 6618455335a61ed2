"""``dcgw-cluster start``: a coordinator, its workers, and what they are doing."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from cluster.cli.follow import follow
from cluster.cli.launch import CoordinatorProcess
from cluster.cli.options import config_option, flags
from cluster.cli.rates import EventRates
from cluster.cli.signals import StopRequests, first
from cluster.cli.terminal.live_view import LineView, LiveView
from cluster.cli.terminal.output import console, is_terminal, warn
from cluster.config.loading import Loaded, load
from cluster.endpoints.curve_keys import KeyFolder, check_keys
from cluster.interrupts import EXIT_INTERRUPTED
from cluster.wire.spec import CoordinatorSpec


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster start --sandbox                no account needed
  dcgw-cluster start --sandbox --shards 64 --max-concurrency 16 --rate 5000
  DCGW_TOKEN=... dcgw-cluster start           shards as Discord recommends
  dcgw-cluster start --config cluster.toml --detach
  dcgw-cluster start --shards 0-15/64         sixteen shards of a larger bot""",
)
@config_option
@click.option("--name", metavar="NAME", help='Of the cluster; "default", with --sandbox "sandbox".')
@click.option(
    "--sandbox", is_flag=True, help="Run on a loopback Discord, started with the cluster."
)
@click.option("--shards", metavar="auto|N|A-B/N", help="How many, or which of how many.")
@click.option("--workers", metavar="auto|N", help="Worker processes that share the shards.")
@click.option("--detach", is_flag=True, help="Return when it has started, and leave it running.")
@click.option("--guilds", metavar="N", help="Of the sandbox's world.")
@click.option("--rate", metavar="N", help="Events a second in the sandbox's world.")
@click.option("--max-concurrency", metavar="N", help="Identifies at a time in the sandbox.")
@click.option("--seed", metavar="N", help="Of the sandbox's world: the same seed, the same world.")
def start(config_file: Path | None, sandbox: bool, detach: bool, **options: Any) -> None:
    """Start a cluster and show it until Ctrl-C, which stops it in order.

    The token comes from DCGW_TOKEN or from the file that token_file names. Nothing of it is left
    running when the start fails, when the terminal goes away, or after Ctrl-C.
    """
    of_sandbox = ("guilds", "rate", "max_concurrency", "seed")
    for key in of_sandbox:
        if options[key] is not None and not sandbox:
            raise click.UsageError(f"--{key.replace('_', '-')} is the sandbox's: add --sandbox")
    given = {f"sandbox.{key}" if key in of_sandbox else key: v for key, v in options.items()}
    loaded = load(file=config_file, flags=flags(given), on_sandbox=sandbox)
    spec, warnings = loaded.spec()
    warnings += check_keys(KeyFolder(spec.paths.keys), spec.tcp)
    for warning in warnings:
        warn(warning)
    code = asyncio.run(_run(loaded, spec, detach))
    if code:
        click.get_current_context().exit(code)


async def _run(loaded: Loaded, spec: CoordinatorSpec, detach: bool) -> int:
    with StopRequests.watch() as requests:
        process = CoordinatorProcess.start(spec)
        try:
            click.echo(_opening(loaded, spec))
            await first(process.ready(), requests.wait())
        except BaseException:
            await process.end()
            raise
        if requests.count:
            await process.end(spec.stop_seconds)
            click.echo("Stopped before it was ready.")
            return EXIT_INTERRUPTED
        if detach:
            click.echo(_detached(process, spec))
        elif is_terminal():
            with closing(EventRates(spec.paths.events, spec.paths.control)) as rates:
                await follow(process, spec, LiveView(console(), rates), requests)
        else:
            await follow(process, spec, LineView(), requests)
    return 0


def _detached(process: CoordinatorProcess, spec: CoordinatorSpec) -> str:
    return f"""\
{spec.name} runs in the background (pid {process.pid}); its shards are on their way.
  dcgw-cluster status --name {spec.name}
  dcgw-cluster stop --name {spec.name}
Log: {process.log}"""


def _opening(loaded: Loaded, spec: CoordinatorSpec) -> str:
    if not loaded.on_sandbox:
        return f"Starting {spec.name} at {spec.api_url}, shards: {spec.shards} ..."
    world = loaded.config.sandbox
    return (
        "A loopback Discord: no account, no token, nothing leaves this machine.\n"
        f"Starting {spec.name}: {world.guilds} guilds, about {world.rate:g} events/s ..."
    )
