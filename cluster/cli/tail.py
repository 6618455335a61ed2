"""``dcgw-cluster tail``: events as they come out, for people or as JSON lines."""

from __future__ import annotations

from pathlib import Path

import click

from cluster.cli.options import config_option, name_option, running_cluster
from cluster.config_schema import nearest
from cluster.errors import ClusterError, ConfigError


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
    raise ClusterError(f"{cluster.name} can't be followed by this version yet, {names}")


def event_name(text: str) -> str:
    """The name of an event, in any case. ConfigError for one that Discord does not send."""
    from cluster.sandbox.catalogue import catalogue

    known = catalogue().events
    if text.upper() in known:
        return text.upper()
    meant = nearest(text, known)
    hint = f"did you mean {meant}?" if meant else "names are those of Discord's documentation"
    raise ConfigError(f"there is no event {text!r}", hint)
