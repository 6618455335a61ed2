"""What the verbs of ``dcgw-cluster send`` have in common: whom to ask, and what is said of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from cluster.cli.options import check_remote, running_cluster
from cluster.cli.words import named
from cluster.commands import checks
from cluster.control import ControlClient
from cluster.door import Door
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
        return ControlClient.of(running_cluster(self.config_file, self.name))

    def door(self, control: ControlClient) -> Door:
        """Of the one shard. UsageError if none is named, or two."""
        if (self.shard is None) == (self.guild is None):
            raise click.UsageError("Give one of --shard N and --guild ID.")
        return control.guild(self.guild_id) if self.shard is None else control.shard(self.shard)


def ask(where: Target, what: Callable[[ControlClient], Awaitable[Result]]) -> Result:
    """Ask a cluster something."""

    async def main() -> Result:
        async with where.control() as control:
            return await what(control)

    return asyncio.run(main())


def one(where: Target, send: Callable[[Door], Awaitable[None]]) -> None:
    """Send by the one shard that is named."""

    async def main(control: ControlClient) -> Door:
        door = where.door(control)
        await send(door)
        return door

    _sent([ask(where, main)])


def each(where: Target, send: Callable[[Door], Awaitable[None]]) -> None:
    """Send by the shard that is named, or by each there is. ClusterError says which did not."""

    async def main(control: ControlClient) -> list[Door]:
        if where.shard is not None:
            shards = [where.shard]
        else:
            shards = sorted({shard.shard_id for shard in (await control.status()).shards})
        return await _together([control.shard(shard) for shard in shards], send)

    _sent(ask(where, main))


def guilds(where: Target, ids: Sequence[int], send: Callable[[Door, int], Awaitable[None]]) -> None:
    """Send for each guild, by its shard."""

    async def main(control: ControlClient) -> list[Door]:
        doors = {control.guild(guild): guild for guild in ids}
        return await _together(list(doors), lambda door: send(door, doors[door]))

    _sent(ask(where, main))


async def _together(doors: list[Door], send: Callable[[Door], Awaitable[None]]) -> list[Door]:
    """The doors, once all have sent it. ClusterError: how many have not, and why the first."""
    turn = asyncio.Semaphore(AT_A_TIME)
    failures: list[ClusterError] = []

    async def tell(door: Door) -> None:
        async with turn:
            try:
                await send(door)
            except ClusterError as error:
                failures.append(error)

    await asyncio.gather(*map(tell, doors))
    if failures and len(failures) == len(doors) and len(set(map(str, failures))) == 1:
        raise failures[0]
    if failures:
        raise ClusterError(
            f"{len(failures)} of {len(doors)} were not sent ({failures[0].cause})",
            failures[0].action,
        )
    return doors


def _sent(doors: list[Door]) -> None:
    shards = sorted({door.sent_by.shard_id for door in doors if door.sent_by is not None})
    click.echo(f"Sent by {named(shards)}.")
