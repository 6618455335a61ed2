"""A long request to a coordinator, with its progress on the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import click

from cluster.cli.terminal.output import console, is_terminal
from cluster.control.client import ControlClient, Say
from cluster.endpoints.paths import Running
from cluster.wire.status import Operation

Ask = Callable[[ControlClient, Say], Awaitable[str]]


def operate(running: Running, ask: Ask) -> None:
    """Ask for it, show how it goes on, and say what was done. ClusterError: it failed."""
    try:
        click.echo(f"{running.name}: {asyncio.run(_operate(running, ask))}.")
    except KeyboardInterrupt:
        click.echo("Not waited for; what was asked goes on: see `dcgw-cluster status`.", err=True)
        raise


async def _operate(running: Running, ask: Ask) -> str:
    async with ControlClient.of(running, timeout=10.0) as control:
        if not is_terminal():
            return await ask(control, lambda _: None)
        with console().status(f"{running.name} ...") as spinner:
            return await ask(control, lambda now: spinner.update(line(running.name, now)))


def line(name: str, now: Operation) -> str:
    """How far it is, in a line."""
    count = f" ({now.done} of {now.total} done)" if now.total else ""
    return f"{name}: {now.text or now.kind}{count} ..."
