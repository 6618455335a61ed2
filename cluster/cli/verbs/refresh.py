"""``dcgw-cluster refresh``: lets a shard identify anew, so that its guilds come once more."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from cluster.cli.operations import operate
from cluster.cli.options import config_option, name_option, running_cluster
from cluster.control.client import ControlClient
from cluster.endpoints.paths import Running
from cluster.wire.status import BudgetStatus
from cluster.words import roughly


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster refresh --shard 17
  dcgw-cluster refresh --shard 0 --yes""",
)
@config_option
@name_option
@click.option(
    "--shard", type=click.IntRange(min=0), required=True, metavar="N", help="Which shard."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def refresh(config_file: Path | None, name: str | None, shard: int, yes: bool) -> None:
    """Fetch all guilds of a shard anew: for a cache that has not seen them, or missed events.

    It spends an identify of the day's budget. What the session has received is delivered first;
    then it is ended, and another one begun. What happens between the two, for a second or so,
    nobody sees: subscribers are told so by a gap (session_lost).
    """
    running = running_cluster(config_file, name)
    if not yes and somebody_answers():
        click.echo(asyncio.run(_price(running, shard)))
        if not click.confirm("Spend it?"):
            click.echo("Nothing was done.")
            return
    operate(running, lambda control, say: control.refresh_shard(shard, say))


def somebody_answers() -> bool:
    """Return whether a question reaches a person: a script that refreshes means it."""
    return sys.stdin.isatty()


async def _price(running: Running, shard: int) -> str:
    async with ControlClient.from_running(running) as control:
        return price(shard, (await control.status()).budget)


def price(shard: int, budget: BudgetStatus) -> str:
    """Return what a refresh costs, for people. Pure."""
    left = "Discord has not said how many are left."
    if budget.known:
        back = roughly(budget.reset_after_s)
        left = f"{budget.remaining:,} of {budget.total:,} are left until {back} from now."
    return f"Shard {shard} will identify anew, which costs one identify. {left}"
