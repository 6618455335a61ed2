"""What stands above the tables of ``top``: how the cluster is, what is wrong, identifies. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from cluster.cli.terminal import status_text
from cluster.cli.terminal.event_lines import printable
from cluster.wire.status import ClusterStatus
from cluster.words import span

MOST_WRONG: Final = 3
"""How many lines are given to what is wrong; in a low terminal one."""


def heading(
    status: ClusterStatus, lost: str, lost_s: float, width: int, *, low: bool = False
) -> list[Text]:
    """Return the lines above the tables. lost: why the coordinator does not answer; empty: it
    does. lost_s: for how many seconds it has not."""
    lines = [status_text.headline(status)]
    if lost:
        old = f"No answer for {span(lost_s)} ({lost}); this is what it said last."
        lines.append(Text(printable(old), style="bold red"))
    if not lost or status_text.wrong(status):  # that nothing is wrong is not known then
        lines += _wrong(status, 1 if low else MOST_WRONG, width)
    if under_way := status_text.operation(status):
        lines.append(Text(under_way, style="cyan"))
    waits = status_text.waiting(status)
    identifies = f"identifies: {status_text.identifies(status)}{'; ' if waits else ''}{waits}"
    lines.append(Text(identifies, style="dim"))
    for text in lines:
        text.no_wrap = True
        text.truncate(width, overflow="ellipsis")
    return lines


def _wrong(status: ClusterStatus, most: int, width: int) -> list[Text]:
    found = status_text.verdict(status)
    if len(found) <= most:
        return found
    more = Text(f" (and {len(found) - most} more: !)", style="dim")
    last = found[most - 1]
    last.truncate(max(0, width - more.cell_len), overflow="ellipsis")  # how many more is seen still
    return [*found[: most - 1], last + more]


def tabs(names: Sequence[str], active: str) -> Text:
    """Return a line of the tables that there are, with the keys that show them."""
    text = Text(no_wrap=True)
    for number, name in enumerate(names, start=1):
        here = name == active
        text.append(f" {number} {name} ", "bold reverse" if here else "dim")
    return text
