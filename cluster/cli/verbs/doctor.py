"""``dcgw-cluster doctor``: shows whether a start would work, and what is in its way."""

from __future__ import annotations

import asyncio
import contextlib
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
from cluster.doctor import Finding, State
from cluster.doctor.checkup import findings
from cluster.errors import ConfigError

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
@click.option("--name", metavar="NAME", help="The cluster that would be started.")
@click.option("--sandbox", is_flag=True, help="Check against a loopback Discord, started for it.")
@click.option(
    "--fingerprint", is_flag=True, help="Instead, show what our TLS, HTTP and headers tell."
)
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
    """Return all findings, and show each as soon as it is there. out: None: they are not shown."""
    found: list[Finding] = []
    progress = out.status("...") if out is not None and out.is_terminal else None
    with progress or contextlib.nullcontext():
        async for finding in findings(loaded):
            found.append(finding)
            if out is not None:
                show(out, line(finding))
            if progress is not None:
                progress.update(f"after {finding.check} ...")
    return found


def line(finding: Finding) -> Table:
    """Return the line of a finding, which is a few lines where the terminal is narrow."""
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
