"""``dcgw-cluster send``: sends commands to the gateway by the shards of a running cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from cluster.cli import sending
from cluster.cli.options import config_option, name_option, remote_options
from cluster.cli.sending import Target, target_options
from cluster.cli.terminal.event_lines import printable
from cluster.cli.terminal.progress import Step, progress
from cluster.commands import CommandError, Members
from cluster.commands import raw as any_command
from cluster.commands.guilds import request_soundboard_sounds
from cluster.commands.members import request_guild_members
from cluster.commands.presence import STATUSES, StatusName, update_presence
from cluster.commands.subscriptions import bulk_guild_subscribe
from cluster.commands.voice import update_voice_state
from cluster.control import ControlClient
from cluster.decode_errors import MALFORMED
from cluster.words import count

TYPES = ("playing", "streaming", "listening", "watching", "custom", "competing")
"""The types of activities, in the order in which Discord numbers them."""
PATIENCE_S = 15.0
"""How long `send members` waits for the next part of the answer: Discord takes a second or so, and
somebody sits before the terminal."""
SILENT = "Where the account is not in {}, or may not do it, Discord says nothing."


@click.group(
    epilog="""\b
Examples:
  dcgw-cluster send presence --status idle --activity chess --type watching
  dcgw-cluster send voice-state 197038439483310086 41771983423143937 --deaf
  dcgw-cluster send members 197038439483310086 --query ab --json | jq .user.id
  dcgw-cluster send raw 31 '{"guild_ids": ["197038439483310086"]}' --shard 0""",
)
def send() -> None:
    """Send a command over the session of a shard.

    Arguments are checked before anything is sent. Each command waits for its turn, since Discord
    takes 120 payloads a minute from a connection; answers come as events (see `tail`).
    """


@send.command(short_help="What the bot shows of itself.")
@config_option
@name_option
@remote_options
@click.option("--status", default="online", metavar="WORD", help=f"One of {', '.join(STATUSES)}.")
@click.option("--activity", metavar="TEXT", help="What it does; for custom: what it says.")
@click.option("--type", "kind", type=click.Choice(TYPES), default="playing", show_default=True)
@click.option("--url", metavar="URL", help="The address of a stream.")
@click.option("--afk", is_flag=True, help="Not at the keyboard.")
@click.option("--shard", type=click.IntRange(min=0), metavar="N", help="Only on this shard.")
def presence(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    status: str,
    activity: str | None,
    kind: str,
    url: str | None,
    afk: bool,
    shard: int | None,
) -> None:
    """Change status and activity, on all shards unless one is named.

    A session that begins anew has the presence of the configuration again.
    """
    activities = [] if activity is None else [shown(activity, kind, url)]
    command = update_presence(cast("StatusName", status), activities=activities, afk=afk)
    sending.each(Target(config_file, name, keys_file, endpoint, shard=shard), command)


def shown(text: str, kind: str, url: str | None) -> dict[str, Any]:
    """Return an activity as Discord wants it. kind: one of TYPES."""
    made: dict[str, Any] = {"name": text, "type": TYPES.index(kind)}
    if kind == "custom":
        made |= {"name": "Custom Status", "state": text}
    return made if url is None else made | {"url": url}


@send.command("voice-state", short_help="Join, move to or leave a voice channel.")
@config_option
@name_option
@remote_options
@click.argument("guild")
@click.argument("channel", required=False)
@click.option("--mute", is_flag=True, help="Muted.")
@click.option("--deaf", is_flag=True, help="Deafened.")
def voice_state(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    guild: str,
    channel: str | None,
    mute: bool,
    deaf: bool,
) -> None:
    """Join a voice channel of a guild, or move to it; without CHANNEL: leave.

    VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE tell where the voice server is.
    """
    target = Target(config_file, name, keys_file, endpoint, guild=guild)
    goes_to = None if channel is None else sending.snowflake("channel_id", channel)
    command = update_voice_state(target.guild_id, goes_to, self_mute=mute, self_deaf=deaf)
    note = f"VOICE_STATE_UPDATE tells that it is done. {SILENT.format(f'guild {guild}')}"
    sending.one(target, [command], note)


@send.command(short_help="Ask for members of a guild, and show them.")
@config_option
@name_option
@remote_options
@click.argument("guild")
@click.option("--query", metavar="TEXT", help="Only members whose name begins so.")
@click.option("--limit", type=int, metavar="N", help="With --query: at most so many (1 to 100).")
@click.option("--user", "users", multiple=True, metavar="ID", help="These users; repeatable.")
@click.option("--presences", is_flag=True, help="With --json: their presences, too.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0, min_open=True),
    default=PATIENCE_S,
    metavar="SECONDS",
    help=f"How long the next part of the answer may take ({PATIENCE_S:g}).",
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a member (or presence).")
def members(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    guild: str,
    query: str | None,
    limit: int | None,
    users: tuple[str, ...],
    presences: bool,
    patience: float,
    as_json: bool,
) -> None:
    """Ask for members: all of them, or by the beginning of a name, or by user id.

    All members of a guild can be asked for once in 30 seconds. Of a guild that the account is not
    in Discord tells nothing: it is given up after --patience.
    """
    target = Target(config_file, name, keys_file, endpoint, guild=guild)
    guild_id = target.guild_id
    asked: dict[str, Any] = {
        "query": query,
        "limit": limit,
        "user_ids": [sending.snowflake("user_ids", one) for one in users] or None,
        "presences": presences,
    }
    request_guild_members(guild_id, **asked)  # what is wrong is said before anybody is asked

    async def ask(control: ControlClient) -> Members:
        waits = f"once it is sent, each part of the answer may take {patience:g} s"
        click.echo(f"Asking for members of guild {guild_id}; {waits}.", err=True)
        shard = target.commands(control)
        with progress() as show:
            show(Step("The request waits for its turn, then for the first part of the answer"))

            def on_chunk(received: int, expected: int) -> None:
                show(Step("Parts of the answer", received, expected))

            return await shard.request_guild_members(
                guild_id, **asked, patience=patience, on_chunk=on_chunk
            )

    found = sending.ask(target, ask)
    show_members(found, as_json)


def show_members(found: Members, as_json: bool) -> None:
    """Write a line for each member that was found, and to stderr how many there are."""
    if as_json:
        for row in [*found.raw_members, *found.raw_presences]:
            click.echo(row)
        return
    members = found.members
    for member in members:
        if user := member.user:
            nick = member.nick or user.global_name or ""
            click.echo(printable(f"{user.id:<20} {user.username:<32} {nick}").rstrip())
    click.echo(count(len(members), "member"), err=True)
    if found.not_found:
        click.echo(f"not there: {', '.join(map(str, found.not_found))}", err=True)


@send.command(short_help="Ask for soundboard sounds of guilds.")
@config_option
@name_option
@remote_options
@click.argument("guild", nargs=-1, required=True)
def soundboard(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    guild: tuple[str, ...],
) -> None:
    """Ask for the soundboard sounds of guilds: a SOUNDBOARD_SOUNDS event each."""
    ids = [sending.snowflake("guild_ids", one) for one in guild]
    commands = {one: request_soundboard_sounds([one]) for one in ids}
    note = f"A SOUNDBOARD_SOUNDS event a guild answers. {SILENT.format('one of them')}"
    sending.guilds(Target(config_file, name, keys_file, endpoint), commands, note)


@send.command(short_help="Subscribe to guilds (user accounts).")
@config_option
@name_option
@remote_options
@click.argument("guild", nargs=-1, required=True)
def subscribe(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    guild: tuple[str, ...],
) -> None:
    """Subscribe to all that happens in guilds, as a user account, whose one session has them all.

    With `subscribe_guilds` in the configuration it is done after each READY.
    """
    ids = [sending.snowflake("guild_ids", one) for one in guild]
    target = Target(config_file, name, keys_file, endpoint, shard=0)
    sending.one(target, bulk_guild_subscribe(ids))


@send.command(short_help="Any command, as JSON.")
@config_option
@name_option
@remote_options
@target_options
@click.argument("op", type=int)
@click.argument("data", required=False, default="null", metavar="[JSON]")
def raw(
    config_file: Path | None,
    name: str | None,
    keys_file: Path | None,
    endpoint: str | None,
    shard: int | None,
    guild: str | None,
    op: int,
    data: str,
) -> None:
    """Send opcode OP with this JSON as its `d`; "-" reads it from standard input.

    It is for what has no command here. Identify, resume and heartbeats are the session's own.
    """
    text = sys.stdin.buffer.read(sending.MAX_INPUT) if data == "-" else os.fsencode(data)
    try:
        d = msgspec.json.decode(text)
    except MALFORMED as error:
        raise CommandError(f"d is no JSON ({error})", "quote it for the shell", "d") from None
    target = Target(config_file, name, keys_file, endpoint, shard=shard, guild=guild)
    sending.one(target, [any_command(op, d)])
