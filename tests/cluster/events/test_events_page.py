"""docs/events.md is what the code says, and no event of the Rust client or of the documentation is
missing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cluster.events import GatewayEvent, HeartbeatAck, Reconnect
from cluster.events.base import DISPATCHES
from cluster.sandbox.catalogue import catalogue
from tests.cluster.events.events_page import PAGE, UNDOCUMENTED, page

RUST_CLIENT: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "rust_client_events.json").read_text(encoding="utf-8")
)
FRAMES = {"RECONNECT(op 7)": Reconnect, "HEARTBEAT_ACK(op 11)": HeartbeatAck, None: GatewayEvent}
"""Rows of the Rust client that are no dispatch: two ops, and "Gateway Payload", any event."""
CLASS = re.compile(r"^\| \*?`([A-Z0-9_]+)`\*? \| `(\w+)` \|", re.M)


def test_the_page_is_generated_from_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run python tests/cluster/events/events_page.py"
    )


def test_no_event_of_the_rust_client_misses() -> None:
    assert len(RUST_CLIENT) == 115
    rows = [row for row in RUST_CLIENT if row["wire_name"] not in FRAMES]
    assert len(rows) == 112
    for row in rows:
        cls = DISPATCHES[row["wire_name"]]
        assert cls.category == row["category"], row
        assert cls.listed, row
    assert {row["wire_name"] for row in rows} == {c.name for c in DISPATCHES.values() if c.listed}


def test_no_event_of_the_documentation_misses() -> None:
    assert set(DISPATCHES) == set(catalogue().events)
    assert dict(CLASS.findall(page())) == {name: cls.__name__ for name, cls in DISPATCHES.items()}


def test_a_class_says_whether_its_fields_are_documented() -> None:
    known = catalogue().events
    assert {name: cls.documented for name, cls in DISPATCHES.items()} == {
        name: event.documented for name, event in known.items()
    }
    marked = [line for line in page().splitlines() if UNDOCUMENTED in line and line[0] == "|"]
    assert len(marked) == sum(not event.documented for event in known.values()) == 28


def test_a_class_bears_the_name_of_its_event() -> None:
    for name, cls in DISPATCHES.items():
        assert cls.__name__.upper() == name.replace("_", "")
        assert cls.__doc__, name
