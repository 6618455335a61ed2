"""Shows how a cluster is, again and again: in place on a terminal, as lines elsewhere."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import click
import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import Segment, Segments
from rich.text import Text

from cluster.cli.terminal import status_text
from cluster.cli.terminal.output import warn
from cluster.wire.status import ClusterStatus


class WatchView(Protocol):
    """Shows each status that comes."""

    def show(self, status: ClusterStatus) -> None:
        """Show the status of this moment."""

    def failed(self, why: str) -> None:
        """Show that none can be had at this moment."""

    def close(self) -> None:
        """End the view: nothing more is shown by it."""


class LinesView:
    """Writes a line for each status to a pipe, and to stderr what keeps the next from coming."""

    def __init__(self, line: Callable[[ClusterStatus], str]) -> None:
        self._line = line
        self._why = ""

    def show(self, status: ClusterStatus) -> None:
        self._why = ""
        click.echo(self._line(status))

    def failed(self, why: str) -> None:
        if why != self._why:
            self._why = why
            warn(why)

    def close(self) -> None:
        """Do nothing: each line was written."""


def as_line(status: ClusterStatus) -> str:
    """Return a status as one line of text, with the time."""
    return f"{datetime.now():%Y-%m-%d %H:%M:%S} {status_text.line(status)}"


def as_json(status: ClusterStatus) -> str:
    """Return a status as one line of JSON."""
    return msgspec.json.encode(status).decode()


class ScreenView:
    """Draws the status on the whole of a terminal, and leaves the last one behind.

    What stands on the terminal comes back when the view is closed (alternate screen).
    """

    def __init__(self, out: Console, *, every: bool, clock: Callable[[], datetime]) -> None:
        """every: a line for each shard. clock: returns local time."""
        self._out = out
        self._every = every
        self._clock = clock
        self._status: ClusterStatus | None = None
        self._seen = clock()
        self._why = ""
        self._live = Live(console=out, screen=True, auto_refresh=False)
        self._live.start()
        asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, self._draw)

    def show(self, status: ClusterStatus) -> None:
        self._status, self._seen, self._why = status, self._clock(), ""
        self._draw()

    def failed(self, why: str) -> None:
        self._why = why
        self._draw()

    def close(self) -> None:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)
        self._live.stop()
        if self._status is not None:
            self._out.print(status_text.full(self._status, self._out.width, every=self._every))

    def _draw(self) -> None:
        if self._status is None:
            return
        width, height = self._out.size
        head = watch_head(self._clock(), self._seen, self._why)
        shown = status_text.full(self._status, width, every=self._every, facts_last=True)
        self._live.update(cut(self._out, Group(head, shown), height), refresh=True)


def watch_head(now: datetime, seen: datetime, why: str) -> Text:
    """Return the first line: the time, or why what follows is old."""
    if not why:
        return Text(f"{now:%H:%M:%S}  every second; Ctrl-C ends it", style="dim", no_wrap=True)
    return Text(f"{now:%H:%M:%S}  {why}; what follows is of {seen:%H:%M:%S}", style="bold red")


def cut(out: Console, what: RenderableType, height: int) -> RenderableType:
    """Return as much of this as there are rows, and in the last one how much is missing."""
    lines = out.render_lines(what, out.options.update(height=None), pad=False)
    if len(lines) > height:
        missing = f"... {len(lines) - height + 1} more lines: on a larger terminal, or --json"
        lines = [*lines[: height - 1], [Segment(missing)]]
    segments = [segment for line in lines for segment in (*line, Segment.line())]
    return Segments(segments[:-1])
