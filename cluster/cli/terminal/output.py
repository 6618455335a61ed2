"""How the command line speaks: to a terminal in colour, to a pipe in plain lines."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from cluster.errors import ClusterError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PIPE_WIDTH = 100
"""Columns of a table that no terminal shows."""


def console() -> Console:
    """Standard output for people. Made anew each time: tests and pipes replace sys.stdout."""
    from rich.console import Console  # 20 ms, which help, completion and plain lines do without

    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False)


def show(out: Console, what: RenderableType) -> None:
    """Print it; to a pipe without the blanks that fill a table's cells."""
    if out.is_terminal:
        out.print(what)
        return
    with out.capture() as capture:
        out.print(what)
    click.echo("\n".join(text.rstrip() for text in capture.get().splitlines()))


def is_terminal() -> bool:
    """Whether somebody looks: then lines may be redrawn in place."""
    return sys.stdout.isatty()


def no_more_output() -> None:
    """Nobody takes what is written; what the interpreter flushes on its way out goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(error: ClusterError) -> None:
    """One line on stderr, whatever the cause was made of."""
    line = " ".join(str(error).split())
    click.secho(f"Error: {line}", err=True, fg="red" if sys.stderr.isatty() else None)


def warn(text: str) -> None:
    """One line on stderr."""
    click.secho(f"Warning: {text}", err=True, fg="yellow" if sys.stderr.isatty() else None)
