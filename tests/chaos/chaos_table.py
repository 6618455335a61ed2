"""A storm as people see it: progress while it lasts, a table and a verdict at its end."""

from __future__ import annotations

from collections import Counter, defaultdict
from types import TracebackType
from typing import Final, Self

from rich import progress
from rich.console import Console
from rich.table import Table

from tests.chaos.tempest import Occurrence, Tempest

COLUMNS: Final = (
    "times", "events", "lost", "out of order", "duplicates", "gaps", "identifies", "other",
    "recovery",
)  # fmt: skip
CAPTION: Final = (
    "events: meanwhile; gaps: said / due; identifies: spent / due; recovery: the slowest, in s"
)
TWICE: Final = "; duplicates (+n): what both shard counts of a resharding brought"


class Progress:
    """On a terminal a bar, elsewhere a line a pair."""

    def __init__(self, console: Console, tempest: Tempest) -> None:
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
        total = sum(len(pair.faults) for pair in tempest.pairs)
        self._task = self._bar.add_task("faults", total=total)
        self._tempest = tempest

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
            ended = sum(o.ended is not None for o in self._tempest.occurrences[1:])
            self._bar.update(self._task, completed=ended)
        else:
            print(text, flush=True)


def table(tempest: Tempest) -> Table:
    """A row for each kind of fault, and one for all."""
    kinds: dict[str, list[Occurrence]] = defaultdict(list)
    for occurrence in tempest.occurrences:
        kind = "(the start)" if occurrence.number == 0 else occurrence.fault.kind
        kinds[kind].append(occurrence)
    resharded = any(o.counts["twice"] for o in tempest.occurrences)
    found = Table(title=f"seed {tempest.seed}", caption=CAPTION + TWICE * resharded)
    found.add_column("fault", no_wrap=True)
    for column in COLUMNS:
        found.add_column(column, justify="right")
    for kind in sorted(kinds):
        found.add_row(kind.replace("_", " "), *_cells(kinds[kind]))
    found.add_section()
    total = [o for o in tempest.occurrences if o.number]
    cells = _cells(tempest.occurrences)
    found.add_row("all", str(len(total)), f"{tempest.events:,}", *cells[2:])
    return found


def _cells(occurrences: list[Occurrence]) -> list[str]:
    counts: Counter[str] = Counter()
    for occurrence in occurrences:
        counts += occurrence.counts
    return [
        str(len(occurrences)),
        f"{counts['events']:,}",
        str(counts["lost"]),
        str(counts["disorder"]),
        f"{counts['duplicate']}" + (f" (+{counts['twice']:,})" if counts["twice"] else ""),
        f"{counts['said']} / {counts['due']}",
        f"{counts['spent']} / {counts['needed']}",
        str(counts["gap"] + counts["identify"] + counts["other"]),
        f"{max(o.recovery_s for o in occurrences):.1f}",
    ]


def verdict(tempest: Tempest, seconds: float) -> str:
    """Whether all was kept; if not, what broke first, how to see it again, and where to look."""
    if not tempest.breaches:
        faults = len(tempest.occurrences) - 1
        return f"Nothing lost: {faults} faults, {tempest.events:,} events, {seconds:.0f} s."
    first = tempest.first_failure
    lines = [f"{len(tempest.breaches)} breaches; the first in {first}:"]
    lines += [f"  {b.kind} ({b.who}): {b.text}"[:400] for b in tempest.breaches[:8]]
    if first is not None and first.number:
        lines.append(f"Again, alone: make chaos SEED={tempest.seed} ONLY={first.number}")
    lines.append(
        f"Logs: {tempest.folder}: state/default/logs, and those of sandbox and subscribers"
    )
    return "\n".join(lines)
