"""``dcgw-cluster keys``: manages who may reach the cluster over TCP."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.table import Table
from rich.text import Text

from cluster.cli.options import config_option, flags, name_option
from cluster.cli.terminal.output import console, show, warn
from cluster.config.loading import ClusterConfig, load, locate
from cluster.endpoints.curve_keys import (
    RIGHTS,
    SUFFIX,
    Client,
    ClientKeys,
    KeyFolder,
    Right,
    encode,
)
from cluster.endpoints.folders import write_private
from cluster.endpoints.paths import cluster_paths
from cluster.endpoints.tcp import Tcp
from cluster.errors import ClusterError, ConfigError

STDOUT: Final = Path("-")


@click.group()
def keys() -> None:
    """Keys for TCP: who may come in from other hosts, and what for.

    Local sockets need none. What is changed here holds for a running cluster within a second.
    """


@keys.command(
    epilog="""\b
Examples:
  dcgw-cluster keys add bot --host gateway.example.org
  dcgw-cluster keys add monitor --may status
  dcgw-cluster keys add deploy --may control --out /root/deploy.key
  dcgw-cluster keys add host-3 --may host --host gateway.example.org"""
)
@config_option
@name_option
@click.argument("client", metavar="NAME")
@click.option(
    "--may",
    multiple=True,
    type=click.Choice(list(RIGHTS)),
    help="; ".join(f"{right}: {what}" for right, what in RIGHTS.items()) + ". Repeatable.",
)
@click.option(
    "--host",
    metavar="HOST",
    help="Where the client reaches this host: written into its file with the ports of [tcp], and "
    "of [hosts] for one that may `host`.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="The client's file; otherwise ./NAME.key. - writes it to standard output.",
)
def add(
    config_file: Path | None,
    name: str | None,
    client: str,
    may: tuple[Right, ...],
    host: str | None,
    out: Path | None,
) -> None:
    """Make a key for a client, and the file that it needs.

    Copy the file to the client's host, over a way that you trust, and delete it here: with it
    anybody is this client. Every key may subscribe, replay, and say how it fares; more by --may.
    The first key makes the server's too.
    """
    if not _fits(client):
        raise ConfigError(
            f"{client!r} is no name for a key", "give 1 to 32 letters, digits, -, _ and ., no path"
        )
    loaded = load(file=config_file, flags=flags({"name": name}))
    folder = KeyFolder(loaded.paths.keys)
    file = out or Path(client + SUFFIX)
    if file != STDOUT and os.path.lexists(file):
        raise ClusterError(f"{file} exists", "give another file with --out, or move it away")
    ends = endpoints(loaded.config, host)
    if "host" in may:
        ends |= joining(loaded.config, host)
    made = msgspec.structs.replace(folder.add(client, may, int(time.time())), **ends)
    try:
        _write(file, made)
    except OSError as error:
        folder.remove(client)  # nobody has its secret
        raise ClusterError(f"{file} can't be written ({error.strerror})", "give --out") from error
    if file == STDOUT:
        return
    rights = f"subscribe, replay{''.join(f', {right}' for right in may)}"
    click.echo(
        f"{client} may {rights} at {loaded.config.name}. Its file, for its own host and nobody "
        f"else: {file}"
    )
    if not any(ends.values()):
        warn(_no_endpoints(loaded.config))


def _fits(client: str) -> bool:
    try:
        msgspec.convert({"name": client, "public": "0" * 40}, Client)
    except msgspec.ValidationError:
        return False
    return True


def _write(file: Path, made: ClientKeys) -> None:
    if file == STDOUT:
        sys.stdout.buffer.write(encode(made))
    else:
        write_private(file, encode(made))


def endpoints(config: ClusterConfig, host: str | None) -> dict[str, str]:
    """Return where a client finds what [tcp] offers: endpoints by "events", "replay" and "control",
    empty where nobody can say. Pure. Raises ConfigError if host is none."""
    tcp = msgspec.structs.asdict(config.tcp)
    return {which: _reached(endpoint, host) for which, endpoint in tcp.items()}


def joining(config: ClusterConfig, host: str | None) -> dict[str, str]:
    """Return where a host joins, as `endpoints` does, by "hosts"."""
    return {"hosts": _reached(config.hosts.control, host or config.hosts.advertise)}


def _reached(endpoint: str, host: str | None) -> str:
    """Return how a client reaches an endpoint; empty: nobody can say. host: where it reaches this
    host; None or empty: where the endpoint itself says. Raises ConfigError if host is none."""
    tcp = Tcp.read(endpoint)
    if tcp is None:
        return ""
    reached = Tcp((host or tcp.host).strip("[]"), tcp.port)
    if Tcp.read(str(reached)) is None:
        raise ConfigError(f"--host is {host!r}", "give a name or an address, without a port")
    return "" if reached.everywhere else str(reached)


def _no_endpoints(config: ClusterConfig) -> str:
    if not any((*msgspec.structs.astuple(config.tcp), config.hosts.control)):
        return "nothing is offered over TCP yet: set [tcp] in the configuration, then start anew"
    return "the file says nothing of where the cluster is: the client must, or give --host here"


@keys.command("list")
@config_option
@name_option
@click.option("--json", "as_json", is_flag=True, help="A JSON array of {name, public, may, added}.")
def list_(config_file: Path | None, name: str | None, as_json: bool) -> None:
    """Show whose keys are known. No secrets are shown; those of clients are not even here."""
    folder = _folder(config_file, name)
    clients = folder.clients()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(clients)).decode())
        return
    if not clients:
        click.echo(f"No keys in {folder.folder}: make one with `dcgw-cluster keys add NAME`.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("name", "may, besides subscribe and replay", "added", "public key"):
        table.add_column(heading)
    for one in clients:
        added = f"{datetime.fromtimestamp(one.added):%Y-%m-%d %H:%M}"
        table.add_row(one.name, ", ".join(one.may) or "-", added, Text(one.public))
    out = console()
    show(out, table)


@keys.command()
@config_option
@name_option
@click.argument("client", metavar="NAME")
def remove(config_file: Path | None, name: str | None, client: str) -> None:
    """Take a client's key away.

    Whoever is in with it is cut off within a second; the others reconnect, and miss nothing.
    """
    _folder(config_file, name).remove(client)
    click.echo(f"{client} is removed: its key opens nothing any more.")


@keys.command()
@config_option
@name_option
def renew(config_file: Path | None, name: str | None) -> None:
    """Make a new key pair for the server: all clients' files are void.

    For when the server's secret may be known to others. Make every client's file anew: `keys
    remove` and `keys add`.
    """
    folder = _folder(config_file, name)
    folder.renew()
    for client in folder.clients():
        folder.remove(client.name)
    click.echo("The server has new keys, and no client has one: make them with `keys add`.")


def _folder(config_file: Path | None, name: str | None) -> KeyFolder:
    """Return the folder of the keys. Only the keys of the configuration that say where it is are
    read: a mistake elsewhere keeps nobody from taking a key away."""
    configured, env = locate(file=config_file, name=name)
    return KeyFolder(cluster_paths(configured or ClusterConfig().name, env).keys)
