"""What waits to be sent, and what leaves of it."""

from __future__ import annotations

from shard_worker.transport.websocket import Opcode
from shard_worker.transport.write_queue import MAX_UNSENT, WriteQueue


def opcodes(unsent: WriteQueue) -> list[int]:
    """Of the frames that leave; each is shorter than 126 bytes."""
    data = b"".join(iter(lambda: unsent.take(3), b""))
    found: list[int] = []
    while data:
        found.append(data[0] & 0x0F)
        data = data[6 + (data[1] & 0x7F) :]
    return found


def test_nothing_leaves_after_a_close() -> None:
    """RFC 6455, section 5.5.1. The frame that is begun is ended before it."""
    unsent = WriteQueue()
    assert unsent.add(Opcode.TEXT, b"begun", urgent=False)
    begun = unsent.take(4)
    for _ in range(3):
        assert unsent.add(Opcode.TEXT, b"waits", urgent=False)
    assert unsent.add(Opcode.CLOSE, b"\x0f\xa0", urgent=True)
    assert unsent.add(Opcode.TEXT, b"late", urgent=False)
    assert unsent.add(Opcode.PONG, b"late", urgent=True)
    rest = unsent.take(100)
    assert len(begun + rest) == 6 + len(b"begun")
    assert opcodes(unsent) == [Opcode.CLOSE]


def test_a_close_leaves_though_too_much_waits() -> None:
    unsent = WriteQueue()
    while unsent.add(Opcode.TEXT, b"x", urgent=False):
        pass
    assert len(unsent) == MAX_UNSENT
    assert unsent.add(Opcode.CLOSE, b"", urgent=True)
    assert opcodes(unsent) == [Opcode.CLOSE]
