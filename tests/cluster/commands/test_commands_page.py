"""docs/commands.md lists every command, with its op and the events that answer it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cluster.commands.command_rows import rows

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
LINE = re.compile(r"^\| (\d+) \| `(\w+)` \| (?:both|user) \|(.*)\|$", re.M)


def test_the_table_is_whole() -> None:
    table = {(int(op), name): set(re.findall(r"[A-Z_]{6,}", answer))
             for op, name, answer in LINE.findall(PAGE.read_text())}  # fmt: skip
    made = rows(1, 2, 3)
    assert table.keys() == {(row.op, row.name) for row in made}
    for row in made:
        assert set(row.answers) <= table[row.op, row.name], row.name
