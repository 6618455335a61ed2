"""A flood of lines leaves a few written, and how many more there were."""

from __future__ import annotations

import logging

import pytest

from cluster.logs.flood import MOST, MOST_KINDS, WINDOW_S, FloodFilter


class Handler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.lines: list[str] = []
        self.flood = FloodFilter(self, lambda: self.now)
        self.addFilter(self.flood)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def handler() -> Handler:
    return Handler()


def say(
    handler: Handler, text: str, *args: object, level: int = logging.WARNING, **more: object
) -> None:
    record = logging.LogRecord("room", level, "file", 1, text, args, None)
    record.__dict__.update(more)
    handler.handle(record)


def test_a_few_are_written_and_the_rest_is_counted(handler: Handler) -> None:
    for shard in range(500):
        say(handler, "shard %d: lost", shard)
    assert handler.lines == [f"shard {n}: lost" for n in range(MOST)]
    say(handler, "another %d", 1)
    assert handler.lines[MOST:] == ["another 1"]
    handler.now += WINDOW_S
    say(handler, "another %d", 2)
    left = f"{500 - MOST} more lines like this were left out within 10 s: shard %d: lost"
    assert handler.lines[MOST + 1 :] == [left, "another 2"]
    say(handler, "shard %d: lost", 7)
    assert handler.lines[-1] == "shard 7: lost"


def test_what_was_left_out_is_told_at_the_end(handler: Handler) -> None:
    for shard in range(MOST + 3):
        say(handler, "shard %d: lost", shard)
    handler.flood.flush()
    assert handler.lines[-1].startswith("3 more lines like this")
    handler.flood.flush()
    assert len(handler.lines) == MOST + 1


def test_debug_and_happenings_are_written_all(handler: Handler) -> None:
    for shard in range(100):
        say(handler, "%s", shard, level=logging.DEBUG)
        say(handler, "%s", shard, fields={"kind": "shard_lost"})
    assert len(handler.lines) == 200


def test_texts_that_are_made_up_take_no_memory(handler: Handler) -> None:
    for number in range(3 * MOST_KINDS):
        say(handler, f"text {number}")
    assert len(handler.flood._windows) <= MOST_KINDS
