"""Asks a coordinator for a long operation, and shows its progress."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import click

from cluster.cli.terminal.progress import Step, progress
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
        with progress() as show:
            return await ask(control, lambda now: show(step(running.name, now)))


def step(name: str, now: Operation) -> Step:
    """Return how far an operation is. Where it does not say what is left, the steps that are done
    tell how long the others will take."""
    left_s = now.left_s
    if left_s is None and 0 < now.done < now.total:
        left_s = now.seconds / now.done * (now.total - now.done)
    return Step(f"{name}: {now.text or now.kind}", now.done, now.total, left_s)
