"""The write queue: which frames leave, and in which order."""

from __future__ import annotations

from collections.abc import Callable

from shard_worker.transport.websocket import Opcode
from shard_worker.transport.write_queue import MAX_WAITING, WriteQueue


def opcodes(queue: WriteQueue) -> list[int]:
    """Return the opcodes of the frames that leave; each is shorter than 126 bytes."""
    data = b"".join(iter(lambda: queue.take(3), b""))
    found: list[int] = []
    while data:
        found.append(data[0] & 0x0F)
        data = data[6 + (data[1] & 0x7F) :]
    return found


def test_nothing_leaves_after_a_close() -> None:
    """RFC 6455, section 5.5.1. A frame that is begun is ended before the close frame."""
    queue = WriteQueue()
    assert queue.add(Opcode.TEXT, b"begun", urgent=False)
    begun = queue.take(4)
    for _ in range(3):
        assert queue.add(Opcode.TEXT, b"waits", urgent=False)
    assert queue.add(Opcode.CLOSE, b"\x0f\xa0", urgent=True)
    assert queue.add(Opcode.TEXT, b"late", urgent=False)
    assert queue.add(Opcode.PONG, b"late", urgent=True)
    rest = queue.take(100)
    assert len(begun + rest) == 6 + len(b"begun")
    assert opcodes(queue) == [Opcode.CLOSE]


def test_a_close_leaves_though_too_much_waits() -> None:
    queue = WriteQueue()
    while queue.add(Opcode.TEXT, b"x", urgent=False):
        pass
    assert len(queue) == MAX_WAITING
    assert queue.add(Opcode.CLOSE, b"", urgent=True)
    assert opcodes(queue) == [Opcode.CLOSE]


class Fates:
    """What became of frames, by name."""

    def __init__(self) -> None:
        self.known: list[tuple[str, bool]] = []

    def __call__(self, name: str) -> Callable[[bool], None]:
        return lambda leaves: self.known.append((name, leaves))


def test_a_frame_s_fate_is_told_once_when_it_leaves() -> None:
    queue, fates = WriteQueue(), Fates()
    queue.add(Opcode.TEXT, b"first", urgent=False, fate=fates("first"))
    queue.add(Opcode.TEXT, b"second", urgent=False, fate=fates("second"))
    assert fates.known == []
    queue.take(4)
    assert fates.known == [("first", True)], "some of it may be out"
    queue.drop()
    assert fates.known == [("first", True), ("second", False)]
    while queue.take(4):
        pass
    queue.drop()
    assert len(fates.known) == 2


def test_what_is_dropped_is_told_of_at_once() -> None:
    queue, fates = WriteQueue(), Fates()
    queue.add(Opcode.TEXT, b"waits", urgent=False, fate=fates("waits"))
    while queue.add(Opcode.TEXT, b"x", urgent=False):
        pass
    queue.add(Opcode.TEXT, b"too many", urgent=False, fate=fates("too many"))
    assert fates.known == [("too many", False)]
    queue.add(Opcode.CLOSE, b"", urgent=True)
    queue.add(Opcode.TEXT, b"late", urgent=False, fate=fates("late"))
    assert fates.known[1:] == [("waits", False), ("late", False)]


def test_what_may_not_leave_any_more_is_dropped_at_the_moment_at_which_it_would() -> None:
    queue, fates, may = WriteQueue(), Fates(), True
    for name in ("first", "second"):
        queue.add(Opcode.TEXT, b"x", urgent=False, fate=fates(name), may_leave=lambda: may)
    queue.add(Opcode.PONG, b"", urgent=False)
    first = queue.take(4)
    may = False
    rest = queue.take(100)
    assert len(first + rest) == 7, "a frame that is begun is ended"
    assert opcodes(queue) == [Opcode.PONG]
    assert fates.known == [("first", True), ("second", False)]
