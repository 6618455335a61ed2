"""Options that several verbs have, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from cluster.config.loading import locate
from cluster.config.schema import Given
from cluster.endpoints.discovery import find_cluster, running_clusters
from cluster.endpoints.paths import Running
from cluster.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Add the option --config FILE to a verb."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Configuration (TOML). Otherwise DCGW_CONFIG, or ./cluster.toml if it is there.",
    )(command)


def complete_cluster(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Return the names of running clusters that the shell may complete."""
    return [one.name for one in running_clusters() if one.name.startswith(begun)]


def name_option(command: Command) -> Command:
    """Add the option --name NAME to a verb."""
    return click.option(
        "--name",
        metavar="NAME",
        help="Which cluster, where several run on this host.",
        shell_complete=complete_cluster,
    )(command)


def remote_options(command: Command) -> Command:
    """Add the options --keys FILE and --endpoint to a verb that can ask a cluster elsewhere."""
    command = click.option(
        "--endpoint",
        metavar="tcp://HOST:PORT",
        help="Where the cluster of --keys is, if the file does not say it.",
    )(command)
    return click.option(
        "--keys",
        "keys_file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Ask a cluster on another host, with the file that `keys add` made there.",
    )(command)


def check_remote(keys_file: Path | None, endpoint: str | None, name: str | None) -> None:
    """Raise ConfigError for options that do not go together."""
    if endpoint is not None and keys_file is None:
        raise ConfigError("--endpoint is given without --keys", "give the key file, too")
    if keys_file is not None and name is not None:
        raise ConfigError("--name is for clusters on this host", "leave it out, or --keys")


def flags(values: Mapping[str, Any], options: Mapping[str, str] | None = None) -> dict[str, Given]:
    """Return those options that were given (not None) as values of configuration keys.

    values: by key. options: by key, the name of the option where it is not --KEY; for messages.
    """
    return {
        key: Given(
            value,
            (options or {}).get(key, "--" + key.rpartition(".")[2].replace("_", "-")),
            text=isinstance(value, str),
        )
        for key, value in values.items()
        if value is not None
    }


def running_cluster(config_file: Path | None, name: str | None) -> Running:
    """Return the cluster that a verb is about: the one that --name names, else the only one that
    runs, else the one of several that the configuration names. Raises what `find_cluster` does."""
    configured, env = locate(file=config_file, name=name)
    return find_cluster(name, env, preferred=configured)
