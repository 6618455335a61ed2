"""Sends commands by the shards of a running cluster, for the verbs of ``dcgw-cluster send``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from cluster.cli.options import check_remote, running_cluster
from cluster.commands import Command, checks
from cluster.control import ControlClient
from cluster.control.shard_commands import ShardCommands
from cluster.errors import ClusterError
from cluster.words import named

MAX_INPUT: Final = 64 * 1024
"""How many bytes are read from standard input; a payload may have 4096."""
AT_A_TIME: Final = 64
"""How many shards are asked at a time."""

Result = TypeVar("Result")
Verb = TypeVar("Verb", bound=Callable[..., Any])


def target_options(command: Verb) -> Verb:
    """Add the options --shard N and --guild ID to a verb."""
    command = click.option("--guild", metavar="ID", help="The shard that has this guild.")(command)
    return click.option("--shard", type=click.IntRange(min=0), metavar="N", help="This shard.")(
        command
    )


def snowflake(argument: str, value: str) -> int:
    """Return an id that was given as text. Raises CommandError, which names the argument."""
    return int(checks.snowflake(argument, value))


class Target(NamedTuple):
    """A cluster, and which of its shards are meant, as the options say."""

    config_file: Path | None
    name: str | None
    keys_file: Path | None
    endpoint: str | None
    shard: int | None = None
    guild: str | None = None

    @property
    def guild_id(self) -> int:
        """The given guild. Raises CommandError if that is no id."""
        return snowflake("guild_id", self.guild or "")

    def control(self) -> ControlClient:
        """Return a client of the cluster. Raises ClusterError if there is none."""
        check_remote(self.keys_file, self.endpoint, self.name)
        if self.keys_file is not None:
            return ControlClient(self.endpoint, keys=self.keys_file)
        return ControlClient.from_running(running_cluster(self.config_file, self.name))

    def commands(self, control: ControlClient) -> ShardCommands:
        """Return the commands of the one shard that is meant."""
        return control.guild(self.guild_id) if self.shard is None else control.shard(self.shard)

    def check_one(self) -> None:
        """Raise UsageError unless one shard is named, CommandError for a guild that is no id."""
        if (self.shard is None) == (self.guild is None):
            raise click.UsageError("Give one of --shard N and --guild ID.")
        if self.guild is not None:
            snowflake("guild_id", self.guild)


def ask(target: Target, what: Callable[[ControlClient], Awaitable[Result]]) -> Result:
    """Connect to the cluster, ask it, and return what it answers."""

    async def main() -> Result:
        async with target.control() as control:
            return await what(control)

    return asyncio.run(main())


def one(target: Target, commands: Sequence[Command], note: str = "") -> None:
    """Send these commands, in order, by the one shard that is named. note: what is to be known of
    an answer."""
    target.check_one()

    async def main(control: ControlClient) -> ShardCommands:
        shard = target.commands(control)
        for command in commands:
            await shard.send(command)
        return shard

    _sent([ask(target, main)], note)


def each(target: Target, command: Command) -> None:
    """Send a command by the shard that is named, or by every shard.

    Raises ClusterError, which says how many shards did not send it.
    """

    async def main(control: ControlClient) -> list[ShardCommands]:
        shards = [target.shard] if target.shard is not None else (await control.shards()).shards
        return await _together({control.shard(shard): command for shard in shards})

    _sent(ask(target, main))


def guilds(target: Target, commands: Mapping[int, Command], note: str) -> None:
    """Send each guild its command, by the shard that has the guild. note: what is to be known of
    an answer."""

    async def main(control: ControlClient) -> list[ShardCommands]:
        return await _together({control.guild(guild): commands[guild] for guild in commands})

    _sent(ask(target, main), note)


async def _together(commands: Mapping[ShardCommands, Command]) -> list[ShardCommands]:
    """Send each shard its command, AT_A_TIME at a time, and return the shards.

    Raises ClusterError, which says how many have not sent it, and why the first has not.
    """
    room = asyncio.Semaphore(AT_A_TIME)
    failures: list[ClusterError] = []

    async def send(shard: ShardCommands) -> None:
        async with room:
            try:
                await shard.send(commands[shard])
            except ClusterError as error:
                failures.append(error)

    shards = list(commands)
    await asyncio.gather(*map(send, shards))
    if failures and len(failures) == len(shards) and len(set(map(str, failures))) == 1:
        raise failures[0]
    if failures:
        raise ClusterError(
            f"{len(failures)} of {len(shards)} were not sent ({failures[0].cause})",
            failures[0].action,
        )
    return shards


def _sent(shards: list[ShardCommands], note: str = "") -> None:
    ids = sorted({shard.sent_by.shard_id for shard in shards if shard.sent_by is not None})
    click.echo(f"Sent by {named(ids)}.")
    if note:
        click.echo(note, err=True)
