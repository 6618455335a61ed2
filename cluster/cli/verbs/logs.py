"""``dcgw-cluster logs``: shows the logs of all processes of a cluster, in the order of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final

import click

from cluster.cli.leftovers import names_left
from cluster.cli.logs import show
from cluster.cli.logs.merge import ClusterLogs, Entry
from cluster.cli.options import complete_cluster, config_option, running_cluster
from cluster.cli.signals import StopRequests, first
from cluster.cli.terminal.output import console, is_terminal
from cluster.cli.terminal.streams import is_read, output_failure
from cluster.config.loading import locate
from cluster.endpoints.paths import cluster_paths
from cluster.errors import ClusterError, NotRunningError
from cluster.logs.line import LEVELS

LINES: Final = 100
"""How many lines are shown unless somebody asks for others."""
LOOK_S: Final = 0.25
"""How soon a new line is shown."""
NEW_LOGS_S: Final = 2.0
"""How soon the log of a new process is seen."""
AT_A_TIME: Final = 500
"""After so many lines it is looked whether somebody still reads them, and wants more."""


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster logs
  dcgw-cluster logs -f --level warning
  dcgw-cluster logs --worker 2 --since 10min
  dcgw-cluster logs --lines 1000 | grep 4014"""
)
@config_option
@click.option(
    "--name",
    metavar="NAME",
    help="Which cluster, whether it runs or not.",
    shell_complete=complete_cluster,
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option(
    "--worker",
    "workers",
    type=click.IntRange(min=0),
    multiple=True,
    metavar="N",
    help="Only the log of this worker; repeatable.",
)
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"The last N lines ({LINES}; with --since: all).",
)
@click.option("--since", metavar="TIME", help="From then on: 10min, 2h, 12:05, 2026-03-01T12:05.")
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="debug",
    metavar="LEVEL",
    help=f"Only lines of this level and above: {', '.join(LEVELS)}.",
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON each: time, process, ...")
def logs(
    config_file: Path | None,
    name: str | None,
    follow: bool,
    workers: tuple[int, ...],
    lines: int | None,
    since: str | None,
    level: str,
    as_json: bool,
) -> None:
    """Show what the processes of a cluster have logged, in the order of time.

    These are coordinator, workers and whatever else runs with them; rotated files are read, too. Of
    a cluster that does not run its last logs are shown. --follow goes on through rotations, and
    when the cluster is started again.
    """
    from_s = 0.0 if since is None else show.since(since, datetime.now())
    folder = log_folder(config_file, name)
    found = ClusterLogs(folder, workers, level)
    check_there(found, folder, workers, follow)
    write = writer(found, as_json)
    try:
        count = LINES if lines is None and since is None else lines
        found.begin(count, from_s)
        if follow:
            asyncio.run(_follow(found, write))
        else:
            for _ in _written(chain(found.entries(), found.rest()), write):
                pass
    except OSError as error:
        raise ClusterError(
            f"{error.filename or folder} can't be read ({error.strerror})", "check whose it is"
        ) from error


def log_folder(config_file: Path | None, name: str | None) -> Path:
    """Return the folder of the logs: of the cluster that runs, else of the one that has left
    some. Raises ClusterError."""
    try:
        return Path(running_cluster(config_file, name).state_dir) / "logs"
    except NotRunningError:
        configured, env = locate(file=config_file, name=name)
        left = names_left(env)
        known = configured if configured in left else None
        if known is None and configured is None and len(left) == 1:
            known = left[0]
        if known is not None:
            return cluster_paths(known, env).logs
        if configured is None and left:
            raise NotRunningError(
                "no cluster is running, and several have left logs",
                f"give --name, one of: {', '.join(left)}",
            ) from None
        raise


def check_there(found: ClusterLogs, folder: Path, workers: tuple[int, ...], follow: bool) -> None:
    """Raise ClusterError where there is no log to show."""
    if found.sources or (follow and folder.is_dir()):
        return
    if workers:
        others = ", ".join(ClusterLogs(folder).sources) or "none"
        raise ClusterError(f"worker {workers[0]} has no log in {folder}", f"there are: {others}")
    raise ClusterError(
        f"there are no logs in {folder}",
        'has the cluster been started? With log_to = "stdout" they are where its `start` writes',
    )


def writer(found: ClusterLogs, as_json: bool) -> Callable[[Entry], None]:
    """Return what writes a line: in colour to a terminal, plain to a pipe."""
    if as_json:
        return lambda entry: click.echo(show.as_json(entry))
    if not is_terminal():
        return lambda entry: click.echo(show.plain(entry))
    out, width = console(), max((len(name) for name in found.sources), default=0)

    def write(entry: Entry) -> None:
        out.print(show.coloured(entry, datetime.now(), width), soft_wrap=True)

    return write


def _written(entries: Iterable[Entry], write: Callable[[Entry], None]) -> Iterator[None]:
    """Write these lines; it yields after each part of them, and ends early when nobody reads
    them any more."""
    left = iter(entries)
    while part := list(islice(left, AT_A_TIME)):
        for entry in part:
            write(entry)
        if output_failure() is not None:
            return
        yield


async def _follow(found: ClusterLogs, write: Callable[[Entry], None]) -> None:
    with StopRequests.watch() as requests:
        await first(_go_on(found, write), requests.wait())


async def _go_on(found: ClusterLogs, write: Callable[[Entry], None]) -> None:
    """Write what is logged, for as long as somebody reads it."""
    looked = time.monotonic()
    while is_read() and output_failure() is None:
        if time.monotonic() - looked >= NEW_LOGS_S:
            looked = time.monotonic()
            found.look_for_new()
        for _ in _written(found.entries(), write):
            await asyncio.sleep(0)
        await asyncio.sleep(LOOK_S)
