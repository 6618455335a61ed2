"""A run as people see it: progress while it lasts, a table and a verdict at its end."""

from __future__ import annotations

from collections import Counter, defaultdict
from types import TracebackType
from typing import Final, Self

from rich import progress
from rich.console import Console
from rich.table import Table

from tests.chaos.chaos_run import ChaosRun
from tests.chaos.fault_log import Occurrence

COLUMNS: Final = (
    "times", "events", "lost", "out of order", "duplicates", "gaps", "identifies", "other",
    "recovery",
)  # fmt: skip
CAPTION: Final = (
    "events: meanwhile; gaps: said / due; identifies: spent / due; recovery: the slowest, in s"
)


class Progress:
    """Shows how far a run is: on a terminal a bar, elsewhere a line a pair."""

    def __init__(self, console: Console, chaos: ChaosRun) -> None:
        self._console = console
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        total = sum(len(pair.faults) for pair in chaos.pairs)
        self._task = self._bar.add_task("faults", total=total)
        self._chaos = chaos

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def line(self, text: str) -> None:
        if self._console.is_terminal:
            ended = sum(o.ended is not None for o in self._chaos.log.occurrences[1:])
            self._bar.update(self._task, completed=ended)
        else:
            print(text, flush=True)


def table(chaos: ChaosRun) -> Table:
    """A row for each kind of fault, and one for all."""
    kinds: dict[str, list[Occurrence]] = defaultdict(list)
    for occurrence in chaos.log.occurrences:
        kind = "(the start)" if occurrence.number == 0 else occurrence.fault.kind
        kinds[kind].append(occurrence)
    shown = Table(title=f"seed {chaos.seed}", caption=CAPTION)
    shown.add_column("fault", no_wrap=True)
    for column in COLUMNS:
        shown.add_column(column, justify="right")
    for kind in sorted(kinds):
        shown.add_row(kind.replace("_", " "), *_cells(kinds[kind]))
    shown.add_section()
    total = [o for o in chaos.log.occurrences if o.number]
    cells = _cells(chaos.log.occurrences)
    shown.add_row("all", str(len(total)), f"{chaos.events:,}", *cells[2:])
    return shown


def _cells(occurrences: list[Occurrence]) -> list[str]:
    counts: Counter[str] = Counter()
    for occurrence in occurrences:
        counts += occurrence.counts
    return [
        str(len(occurrences)),
        f"{counts['events']:,}",
        str(counts["lost"]),
        str(counts["disorder"]),
        str(counts["duplicate"]),
        f"{counts['said']} / {counts['due']}",
        f"{counts['spent']} / {counts['needed']}",
        str(counts["gap"] + counts["identify"] + counts["other"]),
        f"{max(o.recovery_s for o in occurrences):.1f}",
    ]


def verdict(chaos: ChaosRun, seconds: float) -> str:
    """Whether all was kept; if not, what broke first, how to see it again, and where to look."""
    if not chaos.log.breaches:
        faults = len(chaos.log.occurrences) - 1
        return (
            f"Nothing lost: {faults} faults, {chaos.events:,} events, rests {chaos.rests}, "
            f"{seconds:.0f} s."
        )
    first = chaos.log.first_failure
    lines = [f"{len(chaos.log.breaches)} breaches, rests {chaos.rests}; the first in {first}:"]
    lines += [f"  {b.kind} ({b.who}): {b.text}"[:400] for b in chaos.log.breaches[:8]]
    if first is not None and first.number:
        lines.append(f"Again, alone: make chaos {again(chaos, first.number)}")
    lines.append(f"Logs: {chaos.folder}: state/default/logs, and those of sandbox and subscribers")
    return "\n".join(lines)


def again(chaos: ChaosRun, number: int) -> str:
    """Return what `make chaos` is given to do the pair with this fault again, alone."""
    rests = "" if chaos.rests == "usual" else f" RESTS={chaos.rests}"
    return f"SEED={chaos.seed} ONLY={number}{rests}"
