"""The page says the same words as the terminal: its own table is a copy of cluster/words.py."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cluster import words
from cluster.wire.states import ClusterState, HostState, SessionState, WorkerState

PAGE = Path(__file__).parents[3] / "coordinator" / "http" / "page"
STATE = re.compile(r"^  (\w+): (\[.+\]),$", re.MULTILINE)
SLOW = re.compile(r"^const SLOW_HEARTBEAT_MS = (\d+);", re.MULTILINE)
"""From so many milliseconds on the page calls a heartbeat slow."""


def test_states_are_said_as_in_the_terminal() -> None:
    script = (PAGE / "words.js").read_text()
    table = script.partition("const STATES = {\n")[2].partition("\n};")[0]
    rows = {name: json.loads(row) for name, row in STATE.findall(table)}
    assert {name: said for name, (_, said, *_) in rows.items()} == words.STATES
    assert {name: row[2] for name, row in rows.items() if len(row) > 2} == words.MEANINGS
    assert {kind for kind, *_ in rows.values()} == {"good", "way", "bad", "rest"}


def test_every_state_has_a_word() -> None:
    assert set(words.STATES) == {*SessionState, *WorkerState, *HostState, *ClusterState}
    assert words.explained(SessionState.FATAL) == "fatal (refused by Discord)"
    assert words.explained(SessionState.AWAITING_HELLO) == "awaiting hello"


def test_a_heartbeat_is_slow_from_the_same_time_on() -> None:
    (bound,) = SLOW.findall((PAGE / "picture.js").read_text())
    assert float(bound) == words.SLOW_HEARTBEAT_MS
