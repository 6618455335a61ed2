"""Shows how far something is that takes longer than a second: a bar that is redrawn in place where
somebody looks, else now and then a line on stderr. Standard output is left to the result.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from cluster.words import roughly, span

if TYPE_CHECKING:
    from rich.console import RenderableType

LINE_EVERY_S: Final = 5.0
"""A line is written when something changed, and at most so often."""
BAR_WIDTH: Final = 40
LEAST_BAR: Final = 8
COUNT_WIDTH: Final = 34
"""Columns that are left to what stands beside the bar."""
REDRAWN: Final = 4
"""Times a second: seconds that pass are seen to pass."""


class Step(NamedTuple):
    """How far it is."""

    text: str
    done: int = 0
    total: int = 0
    """0: it can't be said."""
    left_s: float | None = None
    """Seconds that are left; None: not known."""

    def left(self, passed_s: float) -> str:
        """Return what is left of it, so long after it was told; "" if that is not known."""
        if self.left_s is None or self.left_s - passed_s < 1.0:
            return ""
        return f"about {roughly(self.left_s - passed_s)} left"

    def line(self) -> str:
        """Return it as one line of text."""
        count = f"{self.done:,} of {self.total:,}" if self.total else ""
        more = ", ".join(filter(None, [count, self.left(0.0)]))
        return f"{self.text} ({more}) ..." if more else f"{self.text} ..."


Show = Callable[[Step], None]


@contextmanager
def progress(*, clock: Callable[[], float] = time.monotonic) -> Iterator[Show]:
    """Show progress while the block runs; it is called with each step. Nothing of it is left on a
    terminal afterwards. clock: monotonic seconds."""
    if not sys.stderr.isatty():
        yield LineProgress(clock)
        return
    from rich.console import Console
    from rich.live import Live

    bar = BarProgress(clock)
    out = Console(stderr=True, highlight=False)
    with Live(
        console=out,
        get_renderable=lambda: bar.drawn(out.width),
        refresh_per_second=REDRAWN,
        transient=True,
    ):
        yield bar


class LineProgress:
    """Writes a line to stderr for a step that is new, at most every LINE_EVERY_S seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._shown: tuple[str, int] | None = None
        self._at = float("-inf")

    def __call__(self, step: Step) -> None:
        now = self._clock()
        what = (step.text, step.done)
        if what != self._shown and now - self._at >= LINE_EVERY_S:
            self._shown, self._at = what, now
            click.echo(step.line(), err=True)


class BarProgress:
    """Keeps the last step, and draws it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = self._told = clock()
        self._step = Step("")

    def __call__(self, step: Step) -> None:
        self._step, self._told = step, self._clock()

    def drawn(self, width: int) -> RenderableType:
        """Return the picture of this moment: what is done, since when, and a bar if it can be
        said how much there is."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        now, step = self._clock(), self._step
        head = Table.grid(padding=(0, 1))
        head.add_column(no_wrap=True)
        head.add_column(overflow="ellipsis", no_wrap=True, max_width=max(10, width - 14))
        spinner = Spinner("dots", style="cyan")
        spinner.start_time = self._began
        head.add_row(spinner, Text(step.text), Text(span(now - self._began), style="dim"))
        if not step.total:
            return head
        bar = Table.grid(padding=(0, 2))
        for _ in range(3):
            bar.add_column(no_wrap=True)
        bar_width = min(BAR_WIDTH, max(LEAST_BAR, width - COUNT_WIDTH))
        bar.add_row(
            ProgressBar(total=step.total, completed=step.done, width=bar_width),
            Text(f"{step.done:,} of {step.total:,}"),
            Text(step.left(now - self._told), style="dim"),
        )
        return Group(head, bar)
