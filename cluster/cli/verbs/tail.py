"""``dcgw-cluster tail``: shows events as they come out, for people or as JSON lines."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.text import Text

from cluster.cli.event_names import complete_event, event_name
from cluster.cli.options import (
    check_remote,
    config_option,
    name_option,
    remote_options,
    running_cluster,
)
from cluster.cli.signals import StopRequests, first
from cluster.cli.terminal import event_lines
from cluster.cli.terminal.output import console, is_terminal
from cluster.cli.terminal.streams import output_failure
from cluster.decode_errors import MALFORMED
from cluster.discord.event_names import event_names
from cluster.endpoints.paths import LOCK, is_held
from cluster.endpoints.waiting import when_running
from cluster.subscriber import Event, Gap, Item, Stalled, Subscriber
from cluster.wire.states import GapReason
from cluster.words import named

Write = Callable[[Item], None]

PATIENCE_S: Final = 2.0
"""When nothing has come for so long it is said that this waits."""

REASONS = {
    GapReason.GONE: "no journal has them any more",
    GapReason.SKIPPED: "Discord's replay left them out",
    GapReason.SESSION_LOST: "nobody knows what happened between two sessions",
    GapReason.NO_REPLAY: "there is no replay server to ask",
    GapReason.OTHER_STORE: "the position belongs to another cluster",
    GapReason.AHEAD: "an older copy of the cluster's store took its place",
}


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster tail
  dcgw-cluster tail --event MESSAGE_CREATE --event message_update
  dcgw-cluster tail --guild 197038439483310086 -n 10
  dcgw-cluster tail --event READY --json | jq .d.guilds
  dcgw-cluster tail --keys bot.key""",
)
@config_option
@name_option
@remote_options
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="NAME",
    help="Only these events; repeatable.",
    shell_complete=complete_event,
)
@click.option(
    "--guild",
    "guilds",
    multiple=True,
    type=int,
    metavar="ID",
    help="Only of these guilds.",
)
@click.option("-n", "count", type=click.IntRange(min=1), metavar="COUNT", help="End after so many.")
@click.option(
    "--json", "as_json", is_flag=True, help="A line of JSON an event: t, s, d, shard, epoch."
)
@click.option("--wait", is_flag=True, help="Wait for a cluster of this host that does not run yet.")
def tail(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    events: tuple[str, ...],
    guilds: tuple[int, ...],
    count: int | None,
    as_json: bool,
    wait: bool,
) -> None:
    """Show events from now on, until Ctrl-C.

    What can't be had again is shown as a gap, and a cluster of which nothing comes as stalled.
    """
    names = [event_name(event) for event in events]
    check_remote(keys_file, endpoint, name)
    lock = None
    subscriber = partial(
        Subscriber,
        events=event_names(*names) or None,
        guilds=guilds or None,
        name="dcgw-cluster tail",
    )
    if keys_file is not None:
        source = endpoint or str(keys_file)
        subscriber = partial(subscriber, endpoint, keys=keys_file)
    else:
        what = "a cluster of this host" if name is None else f"cluster {name}"
        find = partial(running_cluster, config_file, name)
        cluster = asyncio.run(when_running(find, math.inf, what=what)) if wait else find()
        source = cluster.name
        lock = Path(cluster.state_dir) / LOCK
        subscriber = partial(
            subscriber,
            cluster.hubs,
            replay=cluster.replay_endpoint,
            control=cluster.control_endpoint,
        )
    write = write_json if as_json else line_writer(lock)
    say = partial(click.echo, waiting_text(names, guilds, source), err=True)
    asyncio.run(_tail(subscriber, count, write, say))


def waiting_text(names: Sequence[str], guilds: Sequence[int], source: str) -> str:
    """Return the line for somebody who sees nothing yet."""
    what = ", ".join(names) if names else "events"
    where = f" in {named(guilds, what='guild')}" if guilds else ""
    return f"Waiting for {what}{where} from {source}; none came yet. Ctrl-C ends it."


async def _tail(
    subscriber: Callable[[], Subscriber], count: int | None, write: Write, say: Callable[[], None]
) -> None:
    with StopRequests.watch() as requests:
        await first(follow_events(subscriber, count, write, say), requests.wait())
        if requests.count and not requests.hung_up and is_terminal():
            click.echo()  # the line on which the terminal shows ^C


async def follow_events(
    subscriber: Callable[[], Subscriber],
    count: int | None,
    write: Write,
    say_waiting: Callable[[], None],
    *,
    patience_s: float = PATIENCE_S,
) -> None:
    """Write what comes, until so many events were written, or for ever.

    say_waiting: called once if nothing at all has come within patience_s seconds.
    """
    left = count
    waiting = asyncio.get_running_loop().call_later(patience_s, say_waiting)
    try:
        async with subscriber() as items:
            async for item in items:
                waiting.cancel()
                write(item)
                if output_failure() is not None:
                    return  # whoever read this has seen enough
                if left is not None and isinstance(item, Event):
                    left -= 1
                    if not left:
                        return
    finally:
        waiting.cancel()


def write_json(item: Item) -> None:
    """Write one item as a line of JSON, with ``d`` as Discord sent it."""
    match item:
        case Event():
            row = {
                "t": item.name,
                "s": item.seq,
                "d": msgspec.Raw(item.data),
                "shard": item.shard_id,
                "shard_count": item.shard_count,
                "epoch": item.epoch,
                "received_ns": item.received_ns,
            }
        case Gap():
            row = {"gap": item._asdict()}
        case Stalled():
            row = {"stalled": item._asdict()}
    click.echo(msgspec.json.encode(row))


def line_writer(lock: Path | None) -> Write:
    """Return what writes items as lines; on a terminal in colour and cut to its width.

    lock: the coordinator's lock file, to tell a stalled cluster from one that is gone; None: it is
    not on this host.
    """
    out = console() if is_terminal() else None

    def write(item: Item) -> None:
        width = out.width if out else None
        if isinstance(item, Event):
            text = event_lines.line(item.name, item.shard_id, item.received_ns, _data(item), width)
        else:
            text = Text(missing(item, running=lock is None or is_held(lock)), style="bold yellow")
        if out:
            out.print(text, soft_wrap=True)
        else:
            click.echo(text.plain.rstrip())

    return write


def _data(event: Event) -> Any:
    """Return ``d``, decoded; what a server sent that can't be read, as its text."""
    try:
        return event.json()
    except MALFORMED:
        return event.data.decode(errors="replace")


def missing(item: Gap | Stalled, *, running: bool) -> str:
    """Return one line on what is missing, or on that nothing comes. running: whether the cluster
    does, as far as is known."""
    if isinstance(item, Stalled):
        who = "the workers" if item.slot is None else f"worker {item.slot}"
        why = "see `dcgw-cluster status`" if running else "the cluster is not running"
        return f"--- stalled: nothing from {who} for {item.seconds:.0f} s; {why}"
    where = "all shards" if item.shard_id < 0 else f"shard {item.shard_id}, epoch {item.epoch}"
    what = ", ".join(item.names) if item.names else "events"
    last = "an unknown end" if item.last is None else str(item.last)
    reason = REASONS.get(item.reason, item.reason)
    return f"--- gap: {where}: {what} from seq {item.first} to {last} are missing: {reason}"
