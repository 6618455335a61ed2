"""The vectors that other languages test against are what this code writes, and are right."""

from __future__ import annotations

import contextlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it carries no types
import pytest

VECTORS = Path(__file__).parents[2] / "vectors"
EXPECTED = {
    "ordinary": ["0 A", "1 B", "2 A", "3 B"],
    "dropped_other_name": ["ask -1 2"],
    "dropped_unsubscribed": ["0 A", "2 A"],
    "late_joiner": ["2 B"],
    "half_replayed": ["1 B", "2 A", "3 A"],
    "new_epoch": ["0 A", "gap 1 None", "0 A"],
    "hole": ["0 A", "gap 1 2", "3 A"],
    "watermark": ["ask -1 0"],
    "epoch_end": ["0 A", "gap 1 None"],
    "moved": ["0 A", "1 A", "2 B", "3 B", "4 A", "5 A", "6 B"],
    "unknown_prev": ["ask 0 3"],
    "unknown_prev_reached": ["2 A", "3 B"],
}
"""By hand: what each one must come to."""


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"loaded_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    return load(VECTORS / "generate.py")


def test_they_are_current(generator: ModuleType) -> None:
    texts = generator.texts()
    assert set(texts) == {file.name for file in VECTORS.glob("*.json")}
    for name, text in texts.items():
        assert (VECTORS / name).read_text() == text, "run tests/vectors/generate.py"


@pytest.mark.parametrize("name", EXPECTED)
def test_they_mean_what_they_say(name: str) -> None:
    vector = json.loads((VECTORS / f"{name}.json").read_text())
    short = []
    for kind, epoch, *rest in vector["then"]:
        assert epoch in (2, 5)
        if kind == "event":
            short.append(f"{rest[1]} {rest[0]}")
            assert json.loads(rest[2]) == {"n": rest[1]}
        else:
            short.append(f"{kind} {rest[0]} {rest[1]}")
    assert short == EXPECTED[name]


def test_any_msgpack_reader_can_read_them() -> None:
    for file in VECTORS.glob("*.json"):
        for text in json.loads(file.read_text())["messages"]:
            topic, _, payload = bytes.fromhex(text).partition(b"\0")
            fields = msgpack.unpackb(payload)
            assert fields[:2] == [1, "0123456789abcdef"]
            if not topic.startswith((b"_watermark", b"_epoch_end")):
                assert len(fields) == 12
                assert topic.split(b".")[1] == b"%d" % fields[2]


class _Over(Exception):
    """No message is left."""


class _Played:
    """A socket that has received these messages."""

    def __init__(self, messages: list[bytes]) -> None:
        self._messages = messages[:]

    def recv(self) -> bytes:
        if not self._messages:
            raise _Over
        return self._messages.pop(0)


def read_raw(messages: list[bytes], last: dict[tuple[int, int, int, str], int]) -> list[Any]:
    """All that the example makes of these messages."""
    example = load(VECTORS.parents[1] / "examples" / "raw_subscriber.py")
    found: list[Any] = []
    with contextlib.suppress(_Over):
        for item in example.events(_Played(messages), last):
            found.append(item)  # noqa: PERF402  # list() would lose what came before the end
    return found


def messages_of(name: str) -> list[bytes]:
    vector = json.loads((VECTORS / f"{name}.json").read_text())
    return [bytes.fromhex(text) for text in vector["messages"]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ordinary", ["A0", "A2", "B1", "B3", "C4"]),
        ("half_replayed", ["A0", "A2", "B1", "A3"]),
        (
            "moved",
            ["A0", "A4", "B2", "A5", "B6"],
        ),  # A1 and B3 are breaks
        ("new_epoch", ["A0", "A0"]),
        ("epoch_end", ["A0"]),
    ],
)
def test_the_raw_example_has_each_name_once_in_order(name: str, expected: list[str]) -> None:
    found = [item for item in read_raw(messages_of(name), {}) if item[0] == "event"]
    assert [f"{event}{seq}" for _, event, _, _, seq, _ in found] == expected


def test_the_raw_example_sees_a_break() -> None:
    found = read_raw(messages_of("half_replayed")[-1:], {(3, 16, 2, "A"): 0})
    assert found[0] == ("break", "A", 3, 2, 0, 2)
    assert found[1][:5] == ("event", "A", 3, 2, 3)


def test_the_raw_example_follows_epochs() -> None:
    once, *rest = read_raw(messages_of("new_epoch"), {})
    assert once[0] == "event"
    assert rest[0] == ("session", "_", 3, 5, [2, 0])
    assert rest[1][:5] == ("event", "A", 3, 5, 0)


def test_the_raw_example_sees_what_an_epoch_lost_at_its_ends(generator: ModuleType) -> None:
    shard = generator.writer()
    seen, missed = generator.drain(shard, "A"), generator.drain(shard, "A", "B")
    end = shard.end_epoch("op 9", 1)
    shard.begin_epoch(3)
    early, late = generator.drain(shard, "A"), generator.drain(shard, "A")
    assert missed
    assert early
    kinds = [item[:1] + item[3:] for item in read_raw([*seen, *end, *late], {})]
    assert kinds == [
        ("event", 2, 0, b'{"n":0}'),
        ("break", 2, 0, 1),
        ("session", 3, [2, 2]),
        ("break", 3, -1, 0),
        ("event", 3, 1, b'{"n":1}'),
    ]
