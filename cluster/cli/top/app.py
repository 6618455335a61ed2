"""The application behind ``dcgw-cluster top``: asks once a second, shows, does what keys say."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widgets import Footer, Static

from cluster.cli.event_names import event_name
from cluster.cli.terminal import status_text
from cluster.cli.terminal.type_rates import TypeRate, TypeRates
from cluster.cli.top import details, tables
from cluster.cli.top.details import KEYS, Facts
from cluster.cli.top.dialogs import DetailScreen, Prompt, Question
from cluster.cli.top.event_screen import EventScreen
from cluster.cli.top.grid_view import GridView
from cluster.cli.top.heading import heading, tabs
from cluster.cli.top.rows_view import RowsView
from cluster.cli.top.source import Source
from cluster.errors import ClusterError
from cluster.wire.happenings import Happening
from cluster.wire.status import ClusterStatus, ShardStatus, WorkerStatus
from cluster.wire.traffic import OTHER

WIDE, HIGH = 150, 40
"""From so many columns and rows on all tables are seen at once, else one at a time."""
LOW: Final = 30
MOST_HAPPENINGS: Final = 100
PANES: Final = ("shards", "workers", "events", "subscribers", "happenings")
TABS: Final = tuple(enumerate(PANES, start=1))

STYLE: Final = """
#heading { height: auto; padding: 0 1; }
#panes, #left, #right { height: 1fr; width: 1fr; }
RowsView, GridView, RichLog { border: round $foreground 40%; border-title-color: $foreground;
                              border-subtitle-color: $foreground; height: 1fr;
                              scrollbar-size-vertical: 1; }
RowsView:focus, GridView:focus, RichLog:focus { border: round $primary; border-title-style: bold; }
#shards, #grid, #events, #happenings { height: 2fr; }
DetailScreen, Question, Prompt { align: center middle; }
.dialog { border: round $primary; border-title-color: $foreground;
          border-subtitle-color: $foreground; padding: 0 1; width: 76; height: auto;
          max-width: 100%; max-height: 100%; background: $surface; }
.dialog VerticalScroll { height: auto; }
.dialog Input { border: none; height: 1; padding: 0; }
"""


class TopApp(App[None]):
    """A cluster on the whole of a terminal, until somebody has seen enough."""

    CSS = STYLE
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n), f"pane({name!r})", name, show=False) for n, name in TABS),
        Binding("slash", "find", "find", key_display="/"),
        Binding("s", "sort", "sort"),
        Binding("i", "invert", "reverse", show=False),
        Binding("g", "grid", "grid"),
        Binding("f", "follow", "follow"),
        Binding("r", "restart", "restart"),
        Binding("question_mark", "keys", "keys", key_display="?"),
        Binding("q,ctrl+c", "quit", "quit"),
        Binding("exclamation_mark", "wrong", "what is wrong", show=False),
        Binding("h", "hosts", "hosts", show=False),
        Binding("d", "light", "dark or light", show=False),
        Binding("escape", "forget", show=False),
    ]

    def __init__(
        self,
        source: Source,
        *,
        every_s: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """every_s: from one look to the next; None: only when `look` is called. clock: monotonic
        seconds."""
        super().__init__()
        self._source, self._every_s, self._clock = source, every_s, clock
        self._status: ClusterStatus | None = None
        self._lost = ""
        self._heard_at = clock()
        self._rates = TypeRates()
        self._happened: deque[Happening] = deque(maxlen=MOST_HAPPENINGS)
        self._tells = True
        """Whether the coordinator told what happened when it was asked last: an older one does
        not."""
        self._head_lines = 0
        self._active = PANES[0]
        self._as_grid = False
        self._types: list[TypeRate] = []

    def compose(self) -> ComposeResult:
        yield Static(id="heading")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield RowsView(tables.SHARDS, id="shards")
                yield GridView(id="grid")
                yield RowsView(tables.WORKERS, id="workers")
            with Vertical(id="right"):
                yield RowsView(tables.EVENTS, id="events")
                yield RowsView(tables.SUBSCRIBERS, id="subscribers")
                yield RowsView(tables.HAPPENINGS, id="happenings")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._arrange()
        self.action_pane(self._active)
        if self._every_s is not None:
            self.run_worker(self._go_on(self._every_s), name="looks")

    # -- what is shown --------------------------------------------------------------------------

    async def _go_on(self, every_s: float) -> None:
        while True:
            await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Ask how the cluster is, and show it. One that does not answer is said to, and what it
        said last stays."""
        try:
            status = await self._source.status()
        except ClusterError as error:
            self._lost = error.cause
        else:
            now = self._clock()
            self._types = self._rates.take(status, now)
            self._status, self._lost, self._heard_at = status, "", now
            await self._hear()
        self._show()

    async def _hear(self) -> None:
        """Ask what happened since. One failure says nothing of the next time: it may be of a moment
        in which the coordinator was busy."""
        last = self._happened[-1].number if self._happened else 0
        try:
            news = await self._source.happenings(last)
        except ClusterError:
            self._tells = False
            return
        self._tells = True
        if news.last < last:  # of another store
            self._happened.clear()
        self._happened.extend(news.happenings)

    def _show(self) -> None:
        status = self._status
        base = self.screen_stack[0]
        if status is None:
            text = f"No answer yet: {self._lost}" if self._lost else "..."
            base.query_one("#heading", Static).update(Text(text))
            return
        size = self.size
        lines = heading(
            status,
            self._lost,
            self._clock() - self._heard_at,
            size.width - 2,
            low=size.height < LOW,
        )
        if not self._is_wide:
            lines.append(tabs(PANES, self._active))
        anew = len(lines) != self._head_lines  # else nothing moves, and nothing is measured
        self._head_lines = len(lines)
        base.query_one("#heading", Static).update(Text("\n").join(lines), layout=anew)
        self._rows("shards").show(status.shards)
        workers = self._rows("workers")
        workers.table = tables.WORKERS_ON_HOSTS if status.hosts else tables.WORKERS
        workers.show(status.workers)
        self._rows("events").show(self._types)
        unknown = status.subscribers_unknown
        others = f"none that reports itself; {unknown} connected" if unknown else "none"
        self._rows("subscribers").show(status.subscribers, others)
        nothing = "nothing" if self._tells else "this coordinator does not tell what happened"
        self._rows("happenings").show(list(self._happened), nothing)
        if self._as_grid:
            base.query_one(GridView).show(status.shards)
        for screen in self.screen_stack:
            if isinstance(screen, DetailScreen):
                screen.renew()

    def _rows(self, name: str) -> RowsView[Any]:
        return self.screen_stack[0].query_one(f"#{name}", RowsView)

    @property
    def _is_wide(self) -> bool:
        return self.size.width >= WIDE and self.size.height >= HIGH

    def _arrange(self) -> None:
        """Show all tables, or the one that is looked at where there is little room."""
        base, wide = self.screen_stack[0], self._is_wide
        for name in PANES:
            seen = wide or name == self._active
            self._rows(name).display = seen and not (name == "shards" and self._as_grid)
        grid = base.query_one(GridView)
        grid.display = self._as_grid and (wide or self._active == "shards")
        for column in ("#left", "#right"):
            box = base.query_one(column)
            box.display = any(pane.display for pane in box.children)

    def on_resize(self, event: Resize) -> None:
        self._arrange()
        self._show()

    def on_descendant_focus(self, event: Any) -> None:
        if (name := event.widget.id) in PANES:
            self._active = name

    # -- what keys do ---------------------------------------------------------------------------

    def action_pane(self, name: str) -> None:
        """Look at one of the tables."""
        self._active = name
        self._arrange()
        if name == "shards" and self._as_grid:
            self.screen_stack[0].query_one(GridView).focus()
        else:
            self._rows(name).focus()
        self._show()

    def action_grid(self) -> None:
        """Show the shards as a grid, or as a table again."""
        self._as_grid = not self._as_grid
        self.action_pane("shards")

    def action_sort(self) -> None:
        self._rows(self._active).next_sort()

    def action_invert(self) -> None:
        view = self._rows(self._active)
        view.descending = not view.descending
        view.reorder()

    def action_forget(self) -> None:
        """Show all rows again."""
        view = self._rows(self._active)
        view.typed = ""
        view.reorder()

    def action_light(self) -> None:
        self.theme = "textual-light" if self.theme == "textual-dark" else "textual-dark"

    def action_find(self) -> None:
        """Ask which rows are wanted."""
        view = self._rows(self._active)

        def found(typed: str | None) -> None:
            if typed is not None:
                view.typed = typed
                view.reorder()

        hint = "ready  !ready  17  10-20  w3"
        self.push_screen(Prompt(f"which {view.table.what}", hint, text=view.typed), found)

    def action_wrong(self) -> None:
        """Show all that is wrong, whole."""
        if self._status is not None:
            lines = [text.plain for text in status_text.verdict(self._status)]
            facts = [(str(n), line) for n, line in enumerate(lines, start=1)]
            self.push_screen(DetailScreen("what is wrong", lambda: facts, restartable=False))

    def action_hosts(self) -> None:
        """Show the hosts that workers run on."""

        def facts() -> Facts | None:
            return None if self._status is None else details.of_hosts(self._status.hosts)

        self.push_screen(DetailScreen("hosts", facts, restartable=False))

    def action_keys(self) -> None:
        """Say what keys do."""
        self.push_screen(DetailScreen("keys", lambda: KEYS, restartable=False))

    def action_follow(self) -> None:
        """Ask which events to follow."""

        def given(typed: str | None) -> None:
            if typed:
                try:
                    self.push_screen(EventScreen(self._source, event_name(typed.strip())))
                except ClusterError as error:
                    self.notify(str(error), severity="error")

        names = [rate.name for rate in self._types]
        self.push_screen(Prompt("follow one type of events", "MESSAGE_CREATE", names), given)

    def action_restart(self) -> None:
        """Ask whether what is selected is to be restarted."""
        item = self._rows(self._active).selected if self._active in ("shards", "workers") else None
        if item is None:
            self.notify("Select a worker or a shard first.")
        else:
            self._ask_to_restart(item)

    def _ask_to_restart(self, item: WorkerStatus | ShardStatus) -> None:
        work: Callable[[], Coroutine[Any, Any, str]]
        if isinstance(item, WorkerStatus):
            question = details.question_of_worker(item)
            work = partial(self._source.restart_worker, item.slot)
        else:
            question = details.question_of_shard(item)
            work = partial(self._source.restart_shard, item.shard_id)

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._do(work), name="restart")

        self.push_screen(Question(question), answered)

    async def _do(self, work: Callable[[], Coroutine[Any, Any, str]]) -> None:
        """Do something that was asked for, and say what came of it."""
        self.notify("Asked for; the line above shows it.")
        try:
            self.notify(f"{await work()}.")
        except ClusterError as error:
            self.notify(str(error), severity="error", timeout=15)

    def on_rows_view_opened(self, event: RowsView.Opened) -> None:
        """Show more of a row."""
        item = event.item
        if isinstance(item, TypeRate):
            if item.name != OTHER:
                self.push_screen(EventScreen(self._source, item.name))
            return

        def facts() -> Facts | None:
            return None if self._status is None else details.known(item, self._status)

        def ended(what: str | None) -> None:
            if what == "restart":
                self._ask_to_restart(item)

        restartable = isinstance(item, WorkerStatus | ShardStatus)
        screen = DetailScreen(details.title(item), facts, restartable=restartable)
        self.push_screen(screen, ended)
