"""Asks a coordinator for a long operation, and shows its progress."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import click

from cluster.cli.terminal.output import console, is_terminal
from cluster.control.client import ControlClient, OnProgress
from cluster.endpoints.paths import Running
from cluster.wire.status import Operation

NOT_WAITED_FOR: Final = "Not waited for; what was asked goes on: see `dcgw-cluster status`."

Ask = Callable[[ControlClient, OnProgress], Awaitable[str]]


def operate(running: Running, ask: Ask) -> None:
    """Ask a running cluster for a long operation, show how it goes on, and say what was done.

    Raises ClusterError if it failed, KeyboardInterrupt with words if Ctrl-C ended the wait.
    """
    try:
        click.echo(f"{running.name}: {asyncio.run(_operate(running, ask))}.")
    except KeyboardInterrupt:
        raise KeyboardInterrupt(NOT_WAITED_FOR) from None


async def _operate(running: Running, ask: Ask) -> str:
    async with ControlClient.from_running(running, timeout=10.0) as control:
        if not is_terminal():
            return await ask(control, lambda _: None)
        with console().status(f"{running.name} ...") as spinner:
            return await ask(control, lambda now: spinner.update(line(running.name, now)))


def line(name: str, now: Operation) -> str:
    """Return one line that says how far an operation is."""
    count = f" ({now.done} of {now.total} done)" if now.total else ""
    return f"{name}: {now.text or now.kind}{count} ..."
