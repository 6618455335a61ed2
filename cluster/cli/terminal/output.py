"""Writes what the command line says: in colour to a terminal, in plain lines to a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cluster.errors import ClusterError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PIPE_WIDTH = 100
"""How many columns a table has that no terminal shows."""


def console() -> Console:
    """Return standard output as rich writes to it. It is made anew each time, since tests and pipes
    replace sys.stdout."""
    from rich.console import Console  # 20 ms, which help, completion and plain lines do without

    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False)


def show(out: Console, what: RenderableType) -> None:
    """Print something; to a pipe without the blanks that fill a table's cells."""
    if out.is_terminal:
        out.print(what)
        return
    with out.capture() as capture:
        out.print(what)
    click.echo("\n".join(text.rstrip() for text in capture.get().splitlines()))


def is_terminal() -> bool:
    """Return whether somebody looks at standard output, so that lines may be redrawn in place."""
    return sys.stdout.isatty()


def complain(error: ClusterError) -> None:
    """Write an error to stderr, in one line whatever its cause was made of."""
    line = " ".join(str(error).split())
    click.secho(f"Error: {line}", err=True, fg="red" if sys.stderr.isatty() else None)


def warn(text: str) -> None:
    """Write a warning to stderr, in one line."""
    click.secho(f"Warning: {text}", err=True, fg="yellow" if sys.stderr.isatty() else None)
