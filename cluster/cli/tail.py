"""``dcgw-cluster tail``: events as they come out, for people or as JSON lines."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.text import Text

from cluster.cli import event_lines
from cluster.cli.options import config_option, name_option, running_cluster
from cluster.cli.output import console, is_terminal
from cluster.cli.signals import StopRequests
from cluster.config_schema import nearest
from cluster.errors import ConfigError
from cluster.wire.places import Running

if TYPE_CHECKING:
    from cluster.subscriber import Event, Gap, Stalled

    Item = Event | Gap | Stalled


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster tail
  dcgw-cluster tail --event MESSAGE_CREATE --event message_update
  dcgw-cluster tail --guild 197038439483310086 -n 10
  dcgw-cluster tail --event READY --json | jq .d.guilds"""
)
@config_option
@name_option
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only these; repeatable.")
@click.option("--guild", "guilds", multiple=True, type=int, metavar="ID", help="Only of these.")
@click.option("-n", "count", type=click.IntRange(min=1), metavar="COUNT", help="End after so many.")
@click.option(
    "--json", "as_json", is_flag=True, help="A line of JSON an event: {t, s, d, shard, epoch, ...}."
)
def tail(
    config_file: Path | None,
    name: str | None,
    events: tuple[str, ...],
    guilds: tuple[int, ...],
    count: int | None,
    as_json: bool,
) -> None:
    """Show events from now on, until Ctrl-C.

    What could not be had again is shown as a gap; a cluster that falls silent as stalled.
    """
    names = [event_name(event) for event in events]
    cluster = running_cluster(config_file, name)
    raise click.ClickException("tail is not there yet")
    write = json_writer() if as_json else line_writer()
    try:
        asyncio.run(_tail(cluster, names, guilds, count, write))
    except BrokenPipeError:
        # Whoever read this has seen enough. The interpreter flushes once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def event_name(text: str) -> str:
    """The name of an event, in any case. ConfigError for one that Discord does not send."""
    from cluster.sandbox.catalogue import catalogue

    known = catalogue().events
    if text.upper() in known:
        return text.upper()
    meant = nearest(text, known)
    hint = f"did you mean {meant}?" if meant else "names are those of Discord's documentation"
    raise ConfigError(f"there is no event {text!r}", hint)
