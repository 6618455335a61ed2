"""The shards as a grid: a character each, which says its state without colours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from cluster.cli.terminal.colours import STYLES
from cluster.wire.states import SessionState
from cluster.wire.status import ShardStatus
from cluster.words import SLOW_HEARTBEAT_MS, STATES

SYMBOLS: Final = {
    SessionState.READY: "■",
    SessionState.AWAITING_GRANT: "·",
    SessionState.WAITING: "w",
    SessionState.CONNECTING: "c",
    SessionState.AWAITING_HELLO: "c",
    SessionState.IDENTIFYING: "i",
    SessionState.RESUMING: "r",
    SessionState.STARTING: "s",
    SessionState.DOWN: "D",
    SessionState.FATAL: "X",
    SessionState.CLOSED: "-",
}
SILENT: Final = "?"
SLOW: Final = "□"
WIDTHS: Final = (128, 64, 32, 16, 8)
"""So many shards stand in a row: what there is room for."""
LABEL: Final = 7


def a_row(width: int) -> int:
    """Return how many shards stand in a row, where there are so many columns."""
    return next((many for many in WIDTHS if many + many // 8 + LABEL <= width), WIDTHS[-1])


def row(shards: Sequence[ShardStatus], number: int, many: int) -> Text:
    """Return one row of the grid: the id of its first shard, then the shards in eights."""
    part = shards[number * many : (number + 1) * many]
    text = Text(f"{part[0].shard_id:>{LABEL - 2}}  " if part else "", style="dim", no_wrap=True)
    run, style = "", ""
    for place, shard in enumerate(part):
        symbol, own = _cell(shard)
        if own != style:  # one piece of text for all that look alike
            text.append(run, style)
            run, style = "", own
        run += f" {symbol}" if place and place % 8 == 0 else symbol
    return text.append(run, style)


def _cell(shard: ShardStatus) -> tuple[str, str]:
    if shard.too_silent:
        return SILENT, "bold red"
    if shard.state is SessionState.READY and (shard.heartbeat_ms or 0.0) >= SLOW_HEARTBEAT_MS:
        return SLOW, "yellow"
    return SYMBOLS.get(shard.state, "?"), STYLES.get(shard.state, "cyan")


def legend(shards: Sequence[ShardStatus]) -> Text:
    """Return what the characters mean that are in the grid."""
    found: dict[str, tuple[str, str]] = {}
    for shard in shards:
        symbol, style = _cell(shard)
        if symbol not in found:
            words = {SILENT: "silent", SLOW: "slow heartbeat", "c": "connecting"}
            found[symbol] = (words.get(symbol, STATES[shard.state]), style)
    text = Text(no_wrap=True)
    for symbol, (meaning, style) in sorted(found.items(), key=lambda item: item[1]):
        text.append(f"{symbol} ", style).append(f"{meaning}  ", "dim")
    return text
