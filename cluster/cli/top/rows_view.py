"""A table of any length of which only the rows that are seen are drawn."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from rich.text import Span, Text
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cluster.cli.top.tables import Table, line

Item = TypeVar("Item")


class RowsView(ScrollView, Generic[Item], can_focus=True):
    """Rows of a table, with a cursor that stays on its row when the order changes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "end(0)", show=False),
        Binding("end", "end(1)", show=False),
        Binding("enter", "open", "open", show=False),
    ]
    cursor: reactive[int] = reactive(0)

    class Opened(Message):
        """Somebody wants to see more of a row."""

        def __init__(self, view: RowsView[Any], item: Any) -> None:
            super().__init__()
            self.view, self.item = view, item

    def __init__(self, table: Table[Item], *, id: str) -> None:
        super().__init__(id=id)
        self.table = table
        self.sort = table.sort
        self.descending = False
        self.typed = ""
        self._items: list[Item] = []
        self._rows: list[Item] = []
        self._empty = ""

    @property
    def rows(self) -> list[Item]:
        """The rows as they are shown."""
        return self._rows

    @property
    def selected(self) -> Item | None:
        """The row with the cursor; None: there is none."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def show(self, items: list[Item], empty: str = "none") -> None:
        """Show these rows. empty: what stands there if there are none."""
        self._items, self._empty = items, empty
        self.reorder()

    def reorder(self) -> None:
        """Order and filter the rows anew; the cursor stays on its row, unless it is at the top."""
        before = self.selected
        self._rows = self.table.ordered(
            self._items, self.sort, reverse=self.descending, typed=self.typed
        )
        place = min(self.cursor, max(0, len(self._rows) - 1))
        if before is not None and self.cursor:
            name = self.table.name(before)
            found = (n for n, row in enumerate(self._rows) if self.table.name(row) == name)
            place = next(found, place)
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._rows) + 1)
        self.set_reactive(RowsView.cursor, place)
        self._title()
        self.refresh()

    def _title(self) -> None:
        shown, there = len(self._rows), len(self._items)
        count = f"{shown:,} of {there:,}" if self.typed.strip() else f"{there:,}"
        order = f", by {self.sort}{' reversed' if self.descending else ''}" if self.sort else ""
        find = f", only: {self.typed.strip()}" if self.typed.strip() else ""
        self.border_title = Text(f"{self.table.what}: {count}{order}{find}")

    def next_sort(self) -> None:
        """Order by the next column that is seen."""
        headings = [c.heading for c in self.table.fitting(self._width) if c.heading]
        place = headings.index(self.sort) if self.sort in headings else -1
        self.sort, self.descending = headings[(place + 1) % len(headings)], False
        self.reorder()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def on_resize(self) -> None:
        self.virtual_size = Size(self._width, len(self._rows) + 1)

    def watch_cursor(self) -> None:
        self.scroll_to_region(
            Region(0, self.cursor, 1, 2), animate=False, force=True, immediate=True
        )
        self.refresh()

    def action_move(self, by: int) -> None:
        self.cursor = max(0, min(len(self._rows) - 1, self.cursor + by))

    def action_page(self, way: int) -> None:
        self.action_move(way * max(1, self.scrollable_content_region.height - 2))

    def action_end(self, last: int) -> None:
        self.cursor = max(0, len(self._rows) - 1) if last else 0

    def action_open(self) -> None:
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    def on_click(self, event: Any) -> None:
        place = event.y - self.gutter.top + self.scroll_offset.y - 1
        if 0 <= place < len(self._rows):
            self.cursor = place

    def render_line(self, y: int) -> Strip:
        """Return a line of what is seen: the headings, then rows."""
        width, place = self._width, self.scroll_offset.y + y - 1
        columns = self.table.fitting(width - 2)
        if y == 0:
            text = line(columns, None, width, " ")
            text.stylize("bold")
        elif place < len(self._rows):
            here = place == self.cursor and self.has_focus
            text = line(columns, self._rows[place], width, ">" if here else " ")
            if here:
                text = Text(text.plain, spans=[Span(0, len(text), "reverse")])  # no colours in it
        elif place == 0:
            text = Text(f"  {self._empty}", style="dim")
        else:
            text = Text("")
        return _strip(text, width, self)


def _strip(text: Text, width: int, widget: ScrollView) -> Strip:
    style = widget.rich_style
    strip = Strip(text.render(widget.app.console), text.cell_len)
    return strip.adjust_cell_length(width, style).apply_style(style)
