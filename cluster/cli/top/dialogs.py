"""What opens before the tables: details of a row, a question, a line to type into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from cluster.cli.top.details import Facts


class DetailScreen(ModalScreen[str]):
    """All that is known of one row, as long as it is open. It ends with what is to be done:
    "restart" or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss('')", "close"),
        Binding("r", "restart", "restart"),
    ]

    def __init__(self, title: str, facts: Callable[[], Facts | None], *, restartable: bool) -> None:
        """facts: returns what is known now; None: it is no more."""
        super().__init__()
        self._title, self._facts, self._restartable = title, facts, restartable

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            keys = "r restarts it; " if self._restartable else ""
            box.border_subtitle = f"{keys}Esc closes"
            with VerticalScroll():
                yield Static(self._table(), id="facts")

    def renew(self) -> None:
        """Show what is known now."""
        self.query_one("#facts", Static).update(self._table())

    def action_restart(self) -> None:
        if self._restartable:
            self.dismiss("restart")

    def _table(self) -> Table | Text:
        facts = self._facts()
        if facts is None:
            return Text("It is no more.")
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts:
            table.add_row(name, Text(value))
        return table


class Question(ModalScreen[bool]):
    """A question that is answered by y or n."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "yes"),
        Binding("n,escape,q,enter", "dismiss(False)", "no"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog question") as box:
            box.border_subtitle = "y: yes   n: no"
            yield Static(Text(self._text))


class Prompt(ModalScreen[str | None]):
    """A line to type into. It ends with what was typed; None: nothing is wanted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "cancel")]

    def __init__(
        self, title: str, hint: str, proposals: Sequence[str] = (), text: str = ""
    ) -> None:
        super().__init__()
        self._title, self._hint, self._text = title, hint, text
        self._proposals = proposals

    def compose(self) -> ComposeResult:
        suggester = SuggestFromList(self._proposals, case_sensitive=False)
        with Vertical(classes="dialog question") as box:
            box.border_title, box.border_subtitle = self._title, "Enter: go   Esc: cancel"
            yield Input(self._text, placeholder=self._hint, suggester=suggester)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
