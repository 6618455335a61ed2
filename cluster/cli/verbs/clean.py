"""``dcgw-cluster clean``: removes what a stopped cluster left on this host, which
cluster/cli/leftovers.py finds, by name, and removes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from cluster.cli.leftovers import (
    Leftovers,
    leftovers,
    names_left,
    owner,
    paths_left,
    remove,
    stopped,
)
from cluster.cli.options import config_option
from cluster.config.loading import locate
from cluster.endpoints import registry
from cluster.endpoints.paths import ClusterPaths, state_root
from cluster.errors import ClusterError
from cluster.words import size

LOSSES: Final = {
    "journals": "events that a subscriber missed can't be asked for any more",
    "store": "every shard identifies anew, and positions that subscribers saved mean nothing",
    "cache": "the bot's guilds are unknown until its shards identify",
    "proxy": "bots get nothing of what they missed, and what they set is forgotten",
    "logs": "",
    "keys": "every client on another host needs a new key",
}
"""The parts that are worth a line, and what it means to have them no more."""


def complete_left(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Return the names of clusters that left something, for the shell."""
    _, env = locate()
    return [name for name in names_left(env) if name.startswith(begun)]


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster clean
  dcgw-cluster clean --name sandbox --yes
  dcgw-cluster clean --name hosts/host-1      what `dcgw-cluster host` left""",
)
@config_option
@click.option(
    "--name",
    metavar="NAME",
    help="Which cluster, where several left something.",
    shell_complete=complete_left,
)
@click.option("--keys", is_flag=True, help="Remove its keys for TCP, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(config_file: Path | None, name: str | None, keys: bool, yes: bool) -> None:
    """Remove what a stopped cluster left on this host: journals, store, logs, sockets.

    Keys for TCP are kept unless --keys is given, and so is every file that the cluster did not
    write. The cluster's sessions can't be resumed afterwards.
    """
    _, env = locate(file=config_file)
    paths = paths_left(the_one_left(name, env), env)
    try:
        with stopped(paths):
            found = leftovers(paths)
        click.echo(described(paths, found, keys))
        if not yes and not click.confirm("Remove it?"):
            click.echo("Nothing was removed.")
            return
        with stopped(paths):  # not while the question stood: somebody may want to start it
            found = leftovers(paths)
            freed = remove(found, keys=keys)
            registry.leave(registry.entries(paths, env))
    except OSError as error:
        raise ClusterError(
            f"{error.filename or paths.state_dir} can't be removed ({error.strerror})",
            "check whose it is",
        ) from error
    click.echo(f"Removed: {size(freed)} freed.")
    for line in kept(paths, found, keys):
        click.echo(line)


def the_one_left(name: str | None, env: Mapping[str, str]) -> str:
    """Return the name of the cluster to clean up after: the given one, else the only one.

    The name in a configuration is no answer here: whoever tries the sandbox beside the
    configuration of a bot does not mean the bot. Raises ClusterError.
    """
    names = names_left(env)
    root = state_root(env)
    if name is not None:
        if name not in names:
            others = f"others did: {', '.join(names)}" if names else "nobody did"
            raise ClusterError(f"no cluster named {name!r} left anything in {root}", others)
        return name
    if not names:
        raise ClusterError(f"no cluster left anything in {root}")
    if len(names) > 1:
        raise ClusterError(
            f"{len(names)} clusters left something in {root}",
            f"give --name, one of: {', '.join(names)}",
        )
    return names[0]


def described(paths: ClusterPaths, found: Leftovers, keys: bool) -> str:
    """Return what would be removed, a line a part, with what is lost by it."""
    parts = [part for part in LOSSES if part != "keys" or keys]
    total = found.disk_bytes() - (0 if keys else found.disk_bytes("keys"))
    what, name = owner(paths)
    lines = [f"The {what} {name} left {size(total)} in {paths.state_dir}:"]
    lines += [
        f"  {part:<9} {size(found.disk_bytes(part)):>9}  {LOSSES[part]}".rstrip()
        for part in parts
        if any(left.part == part for left in found.own)
    ]
    return "\n".join(lines)


def kept(paths: ClusterPaths, found: Leftovers, keys: bool) -> list[str]:
    """Return what stays, a line each."""
    lines = [f"Kept, since no cluster wrote it: {path}" for path in found.foreign]
    if not keys and any(left.part == "keys" for left in found.own):
        lines.insert(0, f"Kept: the keys in {paths.keys} (--keys removes them).")
    return lines
