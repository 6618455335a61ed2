"""What the verbs of ``dcgw-cluster send`` have in common: whom to ask, and what is said of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from cluster.cli.options import check_remote, running_cluster
from cluster.cli.terminal.words import named
from cluster.commands import Command, checks
from cluster.control import ControlClient
from cluster.control.shard_commands import ShardCommands
from cluster.errors import ClusterError

MAX_INPUT: Final = 64 * 1024
"""Bytes that are read from standard input; 4096 bytes may be sent."""
AT_A_TIME: Final = 64
"""Shards that are told at a time."""

Result = TypeVar("Result")
Verb = TypeVar("Verb", bound=Callable[..., Any])


def target_options(command: Verb) -> Verb:
    """--shard N and --guild ID"""
    command = click.option("--guild", metavar="ID", help="The shard that has this guild.")(command)
    return click.option("--shard", type=click.IntRange(min=0), metavar="N", help="This shard.")(
        command
    )


def snowflake(argument: str, value: str) -> int:
    """An id as the shell gives it. CommandError."""
    return int(checks.snowflake(argument, value))


class Target(NamedTuple):
    """A cluster, and which of its shards."""

    config_file: Path | None
    name: str | None
    keys_file: Path | None
    endpoint: str | None
    shard: int | None = None
    guild: str | None = None

    @property
    def guild_id(self) -> int:
        """CommandError if it is none."""
        return snowflake("guild_id", self.guild or "")

    def control(self) -> ControlClient:
        """Of the cluster."""
        check_remote(self.keys_file, self.endpoint, self.name)
        if self.keys_file is not None:
            return ControlClient(self.endpoint, keys=self.keys_file)
        return ControlClient.from_running(running_cluster(self.config_file, self.name))

    def door(self, control: ControlClient) -> ShardCommands:
        """Of the one shard."""
        return control.guild(self.guild_id) if self.shard is None else control.shard(self.shard)

    def check_one(self) -> None:
        """UsageError if no shard is named, or two. CommandError if the guild is none."""
        if (self.shard is None) == (self.guild is None):
            raise click.UsageError("Give one of --shard N and --guild ID.")
        if self.guild is not None:
            snowflake("guild_id", self.guild)


def ask(where: Target, what: Callable[[ControlClient], Awaitable[Result]]) -> Result:
    """Ask a cluster something."""

    async def main() -> Result:
        async with where.control() as control:
            return await what(control)

    return asyncio.run(main())


def one(where: Target, commands: Sequence[Command]) -> None:
    """Send them by the one shard that is named."""
    where.check_one()

    async def main(control: ControlClient) -> ShardCommands:
        door = where.door(control)
        for command in commands:
            await door.send(command)
        return door

    _sent([ask(where, main)])


def each(where: Target, command: Command) -> None:
    """Send it by the shard that is named, or by each there is. ClusterError: how many did not."""

    async def main(control: ControlClient) -> list[ShardCommands]:
        shards = [where.shard] if where.shard is not None else (await control.shards()).shards
        return await _together({control.shard(shard): command for shard in shards})

    _sent(ask(where, main))


def guilds(where: Target, commands: Mapping[int, Command]) -> None:
    """Send what belongs to each guild, by its shard."""

    async def main(control: ControlClient) -> list[ShardCommands]:
        return await _together({control.guild(guild): commands[guild] for guild in commands})

    _sent(ask(where, main))


async def _together(commands: Mapping[ShardCommands, Command]) -> list[ShardCommands]:
    """The doors, once all have sent it. ClusterError: how many have not, and why the first."""
    turn = asyncio.Semaphore(AT_A_TIME)
    failures: list[ClusterError] = []

    async def tell(door: ShardCommands) -> None:
        async with turn:
            try:
                await door.send(commands[door])
            except ClusterError as error:
                failures.append(error)

    doors = list(commands)
    await asyncio.gather(*map(tell, doors))
    if failures and len(failures) == len(doors) and len(set(map(str, failures))) == 1:
        raise failures[0]
    if failures:
        raise ClusterError(
            f"{len(failures)} of {len(doors)} were not sent ({failures[0].cause})",
            failures[0].action,
        )
    return doors


def _sent(doors: list[ShardCommands]) -> None:
    shards = sorted({door.sent_by.shard_id for door in doors if door.sent_by is not None})
    click.echo(f"Sent by {named(shards)}.")
