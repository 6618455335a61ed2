"""``dcgw-cluster start``: starts a coordinator and its workers, and shows what they do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from cluster.backoff import Backoff
from cluster.cli.follow import follow
from cluster.cli.invocation import own_command
from cluster.cli.launch import START_DEADLINE_S, CoordinatorProcess
from cluster.cli.leftovers import leftovers
from cluster.cli.operations import NOT_WAITED_FOR
from cluster.cli.options import config_option, flags
from cluster.cli.readiness import until_ready
from cluster.cli.signals import StopRequests, first
from cluster.cli.terminal import status_text
from cluster.cli.terminal.bot_lines import bot_lines
from cluster.cli.terminal.live_view import LineView, LiveView, QuietView, View
from cluster.cli.terminal.output import console, is_terminal, warn
from cluster.cli.terminal.progress import progress
from cluster.config.cache import brought
from cluster.config.checks import intents_of
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.loading import Loaded, load
from cluster.config.offered import behind_keys
from cluster.control import ControlClient
from cluster.endpoints.curve_keys import KeyFolder, check_keys
from cluster.endpoints.listening import AUTO
from cluster.endpoints.paths import ClusterPaths
from cluster.errors import ApiUnavailableError, ClusterError, ConfigError
from cluster.interrupts import EXIT_INTERRUPTED
from cluster.service_manager import ServiceManager
from cluster.wire.states import ClusterState
from cluster.words import size, span

FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 600.0
"""The waits of --wait where the API says no time: from one start to the next."""


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster start --sandbox                no account needed
  dcgw-cluster start --sandbox --shards 64 --max-concurrency 16 --rate 5000
  DCGW_TOKEN=... dcgw-cluster start           shards as Discord recommends
  dcgw-cluster start --config cluster.toml --detach
  dcgw-cluster start --detach --wait          return when all shards are ready
  dcgw-cluster start --shards 0-15/64         sixteen shards of a larger bot
  dcgw-cluster start --sandbox --proxy        for bots that are written""",
)
@config_option
@click.option("--name", metavar="NAME", help='Its name; "default", with --sandbox "sandbox".')
@click.option(
    "--sandbox", is_flag=True, help="Run on a loopback Discord, started with the cluster."
)
@click.option("--shards", metavar="auto|N|A-B/N", help="How many, or which of how many.")
@click.option("--workers", metavar="auto|N", help="Worker processes that share the shards.")
@click.option("--detach", is_flag=True, help="Return when it has started, and leave it running.")
@click.option(
    "--wait",
    is_flag=True,
    help="While Discord's API does not answer, wait in place of ending (8); with --detach: until "
    "all shards are ready.",
)
@click.option(
    "--standby",
    is_flag=True,
    help="While another coordinator has the store (postgresql://...), wait to take over.",
)
@click.option(
    "--proxy",
    is_flag=True,
    help="Let bots connect to it as to Discord's gateway, at 127.0.0.1:7320 unless proxy.listen "
    "says another place.",
)
@click.option("--guilds", metavar="N", help="Guilds in the sandbox's world.")
@click.option("--rate", metavar="N", help="Events a second in the sandbox's world.")
@click.option("--max-concurrency", metavar="N", help="Identifies at a time in the sandbox.")
@click.option("--seed", metavar="N", help="The same seed makes the same world of the sandbox.")
def start(
    config_file: Path | None,
    sandbox: bool,
    detach: bool,
    wait: bool,
    standby: bool,
    proxy: bool,
    **options: Any,
) -> None:
    """Start a cluster and show it until Ctrl-C, which stops it in order.

    The token comes from DCGW_TOKEN or from the file that token_file names. Nothing of it is left
    running when the start fails, when the terminal goes away, or after Ctrl-C.
    """
    sandbox_options = ("guilds", "rate", "max_concurrency", "seed")
    for key in sandbox_options:
        if options[key] is not None and not sandbox:
            raise click.UsageError(f"--{key.replace('_', '-')} is the sandbox's: add --sandbox")
    given = {f"sandbox.{key}" if key in sandbox_options else key: v for key, v in options.items()}
    loaded = load(file=config_file, flags=flags(given), on_sandbox=sandbox)
    if proxy:
        of_proxy = _for_proxy(loaded)
        said = flags(given | of_proxy, dict.fromkeys(of_proxy, "--proxy"))
        loaded = load(file=config_file, flags=said, on_sandbox=sandbox)
    spec, warnings = loaded.spec()
    warnings += check_keys(KeyFolder(spec.paths.keys), behind_keys(spec))
    if standby:
        spec, more = _standby_of(spec)
        warnings += more
    for warning in warnings:
        warn(warning)
    code = asyncio.run(_run(loaded, spec, detach, wait))
    if code:
        click.get_current_context().exit(code)


def _for_proxy(loaded: Loaded) -> dict[str, Any]:
    """Return the keys that --proxy sets: where it listens, and what the cache keeps, all that the
    intents bring, unless the configuration says so."""
    config = loaded.config
    given: dict[str, Any] = {}
    if not config.proxy.listen:
        given["proxy.listen"] = AUTO
    if not config.cache.keep:
        given["cache.keep"] = list(brought(intents_of(config.intents)))
    return given


def _standby_of(spec: CoordinatorSpec) -> tuple[CoordinatorSpec, list[str]]:
    """Return the spec of a coordinator that may stand by, and warnings. ConfigError: nobody can
    take over what it has."""
    if not spec.store:
        raise ConfigError(
            "--standby is given, and store is not set: no other coordinator can have it",
            'set store = "postgresql://...", the same for both',
        )
    warnings = []
    if spec.engine == "local":
        warnings.append(
            'engine is "local": sessions end with their host. After a takeover on another host '
            "every shard identifies anew; engine join or ray lets them be resumed"
        )
    return msgspec.structs.replace(spec, standby=True), warnings


async def _run(loaded: Loaded, spec: CoordinatorSpec, detach: bool, wait: bool) -> int:
    with StopRequests.watch() as requests:
        view = _view(spec, detach)
        view.note(_opening(loaded, spec))
        process = await _started(spec, view, requests, wait, leave=detach and not wait)
        if process is None:
            click.echo("Stopped before it was ready.")
            return EXIT_INTERRUPTED
        if process.standby and detach and not wait:
            click.echo(_standing_by(process, spec))
            return 0
        for note in process.notes:
            view.note(note)
        if spec.proxy.listen:
            for line in await _proxy_lines(spec):
                view.note(line)
        if detach:
            return await _leave(process, spec, requests, wait)
        await follow(process, spec, view, requests)
    if loaded.on_sandbox and not requests.hung_up and spec.log_to == "files":
        click.echo(_left(spec))
    return 0


async def _proxy_lines(spec: CoordinatorSpec) -> list[str]:
    """Return what to tell those who have a bot. ClusterError: the coordinator does not answer."""
    async with ControlClient(spec.paths.control, lock=spec.paths.lock) as control:
        status = await control.status()
    return bot_lines(spec.proxy.url or status.proxy)


async def _leave(
    process: CoordinatorProcess, spec: CoordinatorSpec, requests: StopRequests, wait: bool
) -> int:
    """Leave a cluster running, at once or when it is ready; return the exit code. ClusterError: a
    shard was refused for good, or the coordinator has ended."""
    how = "; its shards are on their way."
    if wait:
        async with ControlClient(spec.paths.control, lock=spec.paths.lock) as control:
            with progress() as show:
                status = await until_ready(process, control, requests, show)
        if status is None:
            click.echo(NOT_WAITED_FOR, err=True)
            return EXIT_INTERRUPTED
        if status.state is not ClusterState.READY:
            raise ClusterError(
                f"{status.name} runs, {status.shards_ready} of {len(status.shards)} shards are "
                f"ready; {status_text.complaints(status)[0].plain}",
                "the others go on; see `dcgw-cluster status`",
            )
        count = len(status.shards)
        ready = "its shard is" if count == 1 else f"all {count:,} shards are"
        how = f"; {ready} ready, after {span(status.uptime_s)}."
    click.echo(_detached(process, spec, how))
    return 0


async def _started(
    spec: CoordinatorSpec, view: View, requests: StopRequests, wait: bool, leave: bool
) -> CoordinatorProcess | None:
    """Start a coordinator and return it once it is ready; None: a stop was wanted before. wait:
    where Discord's API does not answer, start it again when it may be asked, however long that
    takes. leave: return a standby that waits, too. ClusterError: why it is not ready; nothing of it
    is left then."""
    backoff, manager = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S), ServiceManager.of()

    def standing_by(why: str) -> None:
        manager.tell(READY=1, STATUS=f"standing by: {why}")
        view.note(f"Standing by: {why}; this one takes over when that one ends ...")

    while True:
        process = CoordinatorProcess.start(spec)
        try:
            await first(process.ready(None if leave else standing_by), requests.wait())
        except BaseException as error:
            await process.end()
            if not wait or not isinstance(error, ApiUnavailableError):
                raise
            seconds = max(error.retry_after_s, backoff.next())
            manager.tell(
                EXTEND_TIMEOUT_USEC=int((seconds + START_DEADLINE_S) * 1e6),
                STATUS=f"not started: {error}; asking again in {span(seconds)}",
            )
            view.note(f"Not started: {error}; asking again in {span(seconds)} ...")
            await first(requests.wait(), within_s=seconds)
        else:
            if not requests.count:
                return process
            await process.end(spec.stop_seconds)
        if requests.count:
            return None


def _view(spec: CoordinatorSpec, detach: bool) -> View:
    """Return what shows the cluster: nothing does where standard output is the log's."""
    if spec.log_to == "stdout":
        return QuietView()
    if detach or not is_terminal():
        return LineView()
    return LiveView(console(), command=own_command(), state_line=lambda: state_line(spec.paths))


def state_line(paths: ClusterPaths) -> str:
    """Return where a running cluster keeps its state, and how much disk that takes."""
    return f"State in {paths.state_dir}: {_disk(paths)}"


def _left(spec: CoordinatorSpec) -> str:
    """Return what a sandbox's cluster leaves, which no start will use, and how to remove it."""
    return (
        f"It leaves {_disk(spec.paths)} in {spec.state_dir}; to remove it:\n"
        f"  {own_command()} clean --name {spec.name}"
    )


def _disk(paths: ClusterPaths) -> str:
    try:
        return size(leftovers(paths).disk_bytes())
    except OSError as error:  # a file went while it was looked at, say
        return f"unknown ({error.strerror})"


def _detached(process: CoordinatorProcess, spec: CoordinatorSpec, how: str) -> str:
    command = own_command()
    return f"""\
{spec.name} runs in the background (pid {process.pid}){how}
  {command} status --name {spec.name}
  {command} stop --name {spec.name}
Log: {process.log}"""


def _standing_by(process: CoordinatorProcess, spec: CoordinatorSpec) -> str:
    return f"""\
{spec.name} stands by in the background (pid {process.pid}): {process.standby}.
It takes over when that one ends; to end it before: kill {process.pid}
Log: {process.log}"""


def _opening(loaded: Loaded, spec: CoordinatorSpec) -> str:
    if not loaded.on_sandbox:
        return f"Starting {spec.name} at {spec.api_url}, shards: {spec.shards} ..."
    world = loaded.config.sandbox
    return (
        "A loopback Discord: no account, no token, nothing leaves this machine.\n"
        f"Starting {spec.name}: {world.guilds} guilds, about {world.rate:g} events/s ..."
    )
