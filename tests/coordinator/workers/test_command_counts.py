"""Commands by opcode: those that wait, those that were sent, those that failed."""

from __future__ import annotations

import pytest

from cluster.discord.opcodes import Op
from cluster.wire.status import CommandStatus
from coordinator.workers.command_counts import CommandCounts


def row(op: str, sent: int, failed: int, waiting: int) -> CommandStatus:
    return CommandStatus(op=op, sent=sent, failed=failed, waiting=waiting)


def test_a_command_waits_and_then_is_sent_or_fails() -> None:
    counts = CommandCounts()
    with counts.under_way(Op.PRESENCE_UPDATE):
        with counts.under_way(Op.PRESENCE_UPDATE):
            assert counts.rows() == [row("presence_update", 0, 0, 2)]
        assert counts.rows() == [row("presence_update", 1, 0, 1)]
    with pytest.raises(TimeoutError), counts.under_way(Op.PRESENCE_UPDATE):
        raise TimeoutError
    assert counts.rows() == [row("presence_update", 2, 1, 0)]


def test_opcodes_without_a_name_are_one() -> None:
    counts = CommandCounts()
    for op in range(256):
        with counts.under_way(op):
            pass
    rows = {one.op: one.sent for one in counts.rows()}
    assert rows.keys() == {"other"} | {op.name.lower() for op in Op}
    assert rows["other"] == 256 - len(Op)
