"""The shards as a grid, of which only the rows that are seen are drawn."""

from __future__ import annotations

from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cluster.cli.top import grid
from cluster.wire.status import ShardStatus


class GridView(ScrollView, can_focus=True):
    """All shards, a character each; what the characters mean stands below."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shards: list[ShardStatus] = []
        self._many = grid.WIDTHS[-1]

    def show(self, shards: list[ShardStatus]) -> None:
        """Show these shards."""
        self._shards = shards
        self.border_title = f"shards: {len(shards):,}"
        self.border_subtitle = grid.legend(shards)
        self._measure()
        self.refresh()

    def on_resize(self) -> None:
        self._measure()

    def _measure(self) -> None:
        width = self.scrollable_content_region.width
        self._many = grid.a_row(width)
        self.virtual_size = Size(width, -(-len(self._shards) // self._many))

    def render_line(self, y: int) -> Strip:
        """Return a row of what is seen."""
        number, width = self.scroll_offset.y + y, self.scrollable_content_region.width
        text = Text("") if y < 0 else grid.row(self._shards, number, self._many)
        strip = Strip(text.render(self.app.console), text.cell_len)
        return strip.adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)
