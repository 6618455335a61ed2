"""The write queue: which frames leave, and in which order."""

from __future__ import annotations

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
