"""Shows the events of one type as they come out, as ``tail`` does."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, RichLog

from cluster.cli.terminal import event_lines
from cluster.cli.top.source import Source
from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError
from cluster.subscriber import Event, Item, Stalled

MOST_LINES: Final = 1000
"""How many lines can be scrolled back to."""
A_LOOK: Final = 20
"""Most lines in a look: what nobody could read is counted."""
LOOK_S: Final = 0.2


class EventScreen(Screen[None]):
    """The events of one type, until somebody has seen enough."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "back"),
        Binding("space", "hold", "hold"),
    ]

    def __init__(self, source: Source, name: str) -> None:
        super().__init__()
        self._source, self._type = source, name
        self._waiting: list[Item] = []
        self._passed_over = 0
        self._held = False
        self._reading: asyncio.Task[None] | None = None

    def compose(self) -> ComposeResult:
        log = RichLog(max_lines=MOST_LINES, wrap=False, id="events")
        log.border_title = self._type
        yield log
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(RichLog).focus()
        self._reading = asyncio.create_task(self._read(), name=f"events {self._type}")
        self.set_interval(LOOK_S, self.look)

    async def on_unmount(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def action_hold(self) -> None:
        self._held = not self._held
        self.query_one(RichLog).border_subtitle = "held: space goes on" if self._held else ""

    async def _read(self) -> None:
        try:
            async for item in self._source.events(self._type):
                if self._held or len(self._waiting) >= A_LOOK:
                    self._passed_over += 1
                else:
                    self._waiting.append(item)
        except ClusterError as error:
            self._say(Text(str(error), style="bold red"))

    def look(self) -> None:
        """Show what has come since the last look."""
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            self._say(_line(item))
        if self._passed_over and not self._held:
            self._say(Text(f"... {self._passed_over:,} more came than can be read", style="dim"))
            self._passed_over = 0

    def _say(self, text: Text) -> None:
        self.query_one(RichLog).write(text)


def _line(item: Item) -> Text:
    if isinstance(item, Event):
        return event_lines.line(item.name, item.shard_id, item.received_ns, _data(item), None)
    if isinstance(item, Stalled):
        return Text(f"--- stalled: nothing came for {item.seconds:.0f} s", style="bold yellow")
    return Text(f"--- gap on shard {item.shard_id}: {item.reason}", style="bold yellow")


def _data(event: Event) -> Any:
    try:
        return event.json()
    except MALFORMED:
        return event.data.decode(errors="replace")
