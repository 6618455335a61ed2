"""Shows a running cluster for `start`: redrawn in place on a terminal, as lines elsewhere."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Final, Protocol

import click
import msgspec
from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cluster.cli.terminal import status_text
from cluster.cli.terminal.event_lines import WIDE
from cluster.cli.terminal.tables import counts, workers
from cluster.cli.terminal.type_rates import TypeRates
from cluster.wire.status import ClusterStatus
from cluster.words import rate

LINE_EVERY_S: Final = 5.0
PROGRESS_EVERY_S: Final = 1.0
"""While shards become ready a line is written at most so often."""
OTHER_LINES: Final = 20
"""Lines of the picture besides those of the workers."""

HINTS: Final = """\
Ctrl-C stops it. In another terminal:
  {command} status
  {command} tail --event MESSAGE_CREATE"""


class View(Protocol):
    """Shows what a cluster does."""

    def note(self, text: str) -> None:
        """Write one line that stays."""

    def show(self, status: ClusterStatus) -> None:
        """Show the state of this moment."""

    def close(self) -> None:
        """End the view: nothing more is shown by it."""


class LineView:
    """Shows the cluster to a pipe or a log: a line when something changed, and now and then."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown: tuple[object, ...] = ()
        self._ready = -1
        self._last = float("-inf")

    def note(self, text: str) -> None:
        click.echo(text)

    def show(self, status: ClusterStatus) -> None:
        key = (status.state, [str(one) for one in status_text.complaints(_timeless(status))])
        now = self._clock()
        pause = PROGRESS_EVERY_S if status.shards_ready != self._ready else LINE_EVERY_S
        if key != self._shown or now - self._last >= pause:
            self._shown, self._ready, self._last = key, status.shards_ready, now
            click.echo(status_text.line(status))

    def close(self) -> None:
        """Do nothing: each line was flushed when it was written."""


class QuietView:
    """Shows nothing: standard output has the lines of the log, and they say all of it."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def show(self, status: ClusterStatus) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _timeless(status: ClusterStatus) -> ClusterStatus:
    """Return a status without the times of its complaints: that they pass is no change."""
    replace = msgspec.structs.replace
    return replace(
        status,
        budget=replace(status.budget, asked_again_s=None),
        shards=[replace(s, silent_s=None) if s.too_silent else s for s in status.shards],
    )


class LiveView:
    """Shows the cluster on a terminal: one picture, redrawn in place.

    A terminal whose size changes breaks the lines of the picture anew, and what was drawn can't be
    found again to be drawn over: the screen is cleared then, and notes and picture come anew.
    """

    def __init__(
        self,
        out: Console,
        *,
        command: str,
        state_line: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """command: the command line as the reader can type it. state_line: returns a line on the
        state folder. clock: monotonic seconds."""
        self._out = out
        self._command = command
        self._state_line = state_line
        self._clock = clock
        self._rates = TypeRates()
        self._by_name: dict[str, float] = {}
        """Events a second of each type of which there are any."""
        self._live: Live | None = None
        self._size: ConsoleDimensions | None = None
        """The size of the terminal when the picture was drawn last."""
        self._notes: list[str] = []
        self._status: ClusterStatus | None = None

    def note(self, text: str) -> None:
        self._notes.append(text)
        self._out.print(Text(text))

    def show(self, status: ClusterStatus) -> None:
        if self._live is None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, self._resized)
        self._status = status
        types = self._rates.take(status, self._clock())
        self._by_name = {one.name: one.per_s for one in types if one.per_s}
        self._draw(status)

    def close(self) -> None:
        if self._live is not None:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)
            self._live.stop()
            self._live = None

    def _resized(self) -> None:
        """Draw the last status at once, for the new size."""
        if self._status is not None:
            self._draw(self._status)

    def _draw(self, status: ClusterStatus) -> None:
        size = self._out.size
        if self._live is not None and size != self._size:
            self._live.transient = True  # else its last lines would be drawn once more
            self._live.stop()
            self._live = None
            self._out.clear()
            self._out.print(Text("\n".join(self._notes)))
        if self._live is None:
            self._live = Live(console=self._out, auto_refresh=False, vertical_overflow="ellipsis")
            self._live.start()
        self._size = size
        frame = picture(
            status,
            size.width,
            self._by_name,
            size.height,
            command=self._command,
            state_line=self._state_line(),
        )
        self._live.update(frame, refresh=True)


def picture(
    status: ClusterStatus,
    width: int,
    by_name: dict[str, float] | None = None,
    height: int = 60,
    *,
    command: str = "dcgw-cluster",
    state_line: str = "",
) -> RenderableType:
    """Return the frame of this moment: what is under way, a bar until all shards are ready,
    workers, events."""
    parts: list[RenderableType] = [status_text.headline(status), *status_text.wrong(status)]
    if under_way := status_text.operation(status):
        parts.append(Text(under_way))
    if status.shards_ready < len(status.shards) or not status.shards:
        parts.append(_bar(status, width))
        if len(status.shards) > 1:
            parts.append(counts([shard.state for shard in status.shards], "shards"))
        if text := status_text.waiting(status):
            parts.append(Text(text, style="yellow"))
    if status.workers:
        parts += [Text(), workers(status, width, max(4, height - OTHER_LINES))]
    if by_name:
        parts += [Text(), _names(by_name, width)]
    last = f"{status.events:,} events so far. {HINTS.format(command=command)}"
    parts += [Text(), Text(last, style="dim")]
    if state_line:
        parts.append(Text(state_line, style="dim"))
    return Group(*parts)


def _bar(status: ClusterStatus, width: int) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    own = len(status.shards)
    total = max(own, 1)
    bar = ProgressBar(total=total, completed=status.shards_ready, width=min(50, width - 30))
    grid.add_row(bar, f"{status.shards_ready:,} of {own:,} shards")
    return grid


def _names(by_name: dict[str, float], width: int) -> Table:
    """Return a table of the busiest event names and how many of them come in a second."""
    most = sorted(by_name.items(), key=lambda item: (-item[1], item[0]))[:8]
    table = Table.grid(padding=(0, 2))
    columns = 2 if width < WIDE else 4
    for start in range(0, len(most), columns):
        cells: list[RenderableType] = []
        for name, events in most[start : start + columns]:
            cells += [Text(rate(events), justify="right"), Text(name, style="dim")]
        table.add_row(*cells)
    return table
