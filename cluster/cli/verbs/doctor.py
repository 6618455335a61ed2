"""``dcgw-cluster doctor``: would a start work, and what is in its way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cluster.cli.options import config_option, flags
from cluster.cli.terminal.output import console, show
from cluster.config.loading import Loaded, load
from cluster.control import ControlClient
from cluster.discord.account import TERMS
from cluster.doctor import Finding, State, local, remote
from cluster.errors import ClusterError, ConfigError
from cluster.processes import child_environment
from cluster.sandbox.options import SandboxInfo
from cluster.wire.spec import SELF, CoordinatorSpec

MARKS: Final[dict[State, tuple[str, str]]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failed": ("failed", "bold red"),
    "skipped": ("skipped", "dim"),
}
STATE_WIDTH, CHECK_WIDTH = 7, 12


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster doctor
  dcgw-cluster doctor --sandbox               without an account
  dcgw-cluster doctor --fingerprint           how we introduce ourselves, on loopback
  dcgw-cluster doctor --config /etc/dcgw/cluster.toml --json""",
)
@config_option
@click.option("--name", metavar="NAME", help="Of the cluster that would be started.")
@click.option("--sandbox", is_flag=True, help="Against a loopback Discord, started for it.")
@click.option("--fingerprint", is_flag=True, help="Instead: what our TLS, HTTP and headers show.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array of {check, state, text, ...}.")
def doctor(
    config_file: Path | None, name: str | None, sandbox: bool, fingerprint: bool, as_json: bool
) -> None:
    """Check all that a start needs: packages, token, sockets, limits, disk, the API, the gateway.

    Nothing is started and no identify is spent. Exit code 1 if a check failed.
    """
    if fingerprint and sandbox:
        raise ConfigError("--fingerprint needs no sandbox", "leave one of the two out")
    loaded = load(file=config_file, flags=flags({"name": name}), on_sandbox=sandbox)
    if fingerprint:
        # What it stands on takes 0.1 s to import, which every verb would wait for.
        from cluster.cli.terminal.fingerprint import show_fingerprint

        show_fingerprint(loaded.config.account, loaded.config.client_build_number, as_json)
        return
    found = asyncio.run(_gather(loaded, None if as_json else console()))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    elif failed := [one for one in found if one.state == "failed"]:
        click.echo(f"{len(failed)} of {len(found)} checks failed.")
    else:
        click.echo("A start would work.")
    if any(one.state == "failed" for one in found):
        click.get_current_context().exit(1)


async def _gather(loaded: Loaded, out: Console | None) -> list[Finding]:
    """All findings, each shown when it is there."""
    found: list[Finding] = []
    progress = out.status("...") if out is not None and out.is_terminal else None
    with progress or contextlib.nullcontext():
        async for finding in _findings(loaded):
            found.append(finding)
            if out is not None:
                show(out, line(finding))
            if progress is not None:
                progress.update(f"after {finding.check} ...")
    return found


def line(finding: Finding) -> Table:
    """A line, or a few where the terminal is narrow."""
    mark, style = MARKS[finding.state]
    table = Table.grid(padding=(0, 2))
    table.add_column(width=STATE_WIDTH)
    table.add_column(width=CHECK_WIDTH)
    table.add_column(overflow="fold")
    text = Text(finding.text)
    if finding.action:
        text.append(f": {finding.action}", style=style)
    table.add_row(Text(mark, style=style), finding.check, text)
    return table


async def _findings(loaded: Loaded) -> AsyncIterator[Finding]:
    yield local.packages()
    where = str(loaded.file) if loaded.file else "no file, defaults"
    text = f"{where}; keys that were set: {', '.join(sorted(loaded.sources)) or 'none'}"
    yield Finding(check="config", state="ok", text=text)
    yield local.state_folder(loaded.paths)
    yield local.sockets(loaded.paths)
    try:
        spec, warnings = loaded.spec()
    except ClusterError as error:
        yield Finding.of("token", error)
        for check in ("identifies", "gateway", "descriptors", "disk"):
            yield Finding(check=check, state="skipped", text="needs the token")
        return
    for warning in warnings:
        check = "account" if warning == TERMS else "token"
        yield Finding(check=check, state="warning", text=warning)
    yield local.capabilities(spec) if spec.account == "user" else local.intents(spec)
    yield local.tcp(loaded.paths, spec.tcp)
    with _sandbox(loaded) as info:
        if info is not None:
            spec = msgspec.structs.replace(
                spec,
                api_url=info.api_url,
                ca_file=info.ca_file,
                token=info.token if spec.account == "bot" else info.user_token,
                sandbox=None,
            )
        async for finding in _answers(spec, loaded):
            yield finding


async def _answers(spec: CoordinatorSpec, loaded: Loaded) -> AsyncIterator[Finding]:
    """What hangs on what the API says."""
    try:
        answer = await remote.api(spec)
    except ClusterError as error:
        yield Finding.of("token", error)
        for check in ("identifies", "gateway", "descriptors", "disk"):
            yield Finding(check=check, state="skipped", text="needs the API's answer")
        return
    yield remote.token(answer, spec)
    if spec.identify_broker not in ("", SELF):
        yield await _broker(spec)
    else:
        yield remote.identifies(answer, spec)
    yield await remote.gateway(spec, answer.gateway_url)
    yield local.descriptors(answer.fullest)
    yield local.disk(loaded.paths, answer.workers, spec.journal_bytes)


async def _broker(spec: CoordinatorSpec) -> Finding:
    """Whether who grants our identifies answers."""
    endpoint = spec.identify_broker
    try:
        async with ControlClient(endpoint, keys=spec.identify_broker_keys or None) as control:
            await control.identify_budget()
    except ClusterError as error:
        cause = f"the broker {endpoint} does not grant ({error.cause})"
        action = error.action or "start the cluster that grants, or set identify.broker right"
        return Finding.of("identifies", ClusterError(cause, action))
    return Finding(check="identifies", state="ok", text=f"granted by {endpoint}, which answers")


@contextlib.contextmanager
def _sandbox(loaded: Loaded) -> Iterator[SandboxInfo | None]:
    """A sandbox for as long as the block runs, where one is asked for."""
    if not loaded.on_sandbox:
        yield None
        return
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cluster.sandbox", f"--with-parent={os.getpid()}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(loaded.config.sandbox))
        process.stdin.close()
        answer = process.stdout.readline()
        if not answer:
            raise ClusterError("the sandbox did not start", "see `dcgw-cluster sandbox`")
        yield msgspec.json.decode(answer, type=SandboxInfo)
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
