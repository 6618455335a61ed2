"""The checkpoints on disk, and that workers acknowledge nothing that is not there."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from cluster.wire.link import Kept, KeptReport
from cluster.wire.shard_state import ShardState
from coordinator.hosts.checkpoint_file import CheckpointFile
from coordinator.hosts.checkpoints import Checkpoints

STORE = "0123456789abcdef"


class Room:
    def __init__(self, folder: Path, cluster: str = STORE) -> None:
        self.path = folder / "checkpoints"
        self.told: list[tuple[int, Kept]] = []
        self.checkpoints = Checkpoints()
        self.file = CheckpointFile(
            self.path,
            cluster,
            self.checkpoints,
            tell=lambda slot, kept: self.told.append((slot, kept)),
            shard_counts=lambda: {4},
        )

    def known(self, shard_id: int = 0) -> ShardState | None:
        return self.checkpoints.state(4, shard_id)


def state(shard_id: int = 0, count: int = 4, seq: int = 7) -> ShardState:
    return ShardState(
        shard_id=shard_id, shard_count=count, epoch=2, seq=seq, session_id="secret", last={"A": seq}
    )


def test_what_was_written_is_what_the_next_one_knows(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.checkpoints.take([state(0), state(1, count=8)])
    room.file.reported(0, 99, 1, [])
    asyncio.run(room.file.write())
    after = Room(tmp_path)
    after.file.read()
    assert after.known() == state(0)
    assert after.checkpoints.state(8, 1) is None, "its shard count is no more in force"
    assert stat.S_IMODE(room.path.stat().st_mode) == 0o600


def test_a_report_may_be_acknowledged_once_it_is_on_disk(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.checkpoints.take([state(0)])
    room.file.reported(3, 99, 5, [2])
    room.file.reported(3, 99, 6, [])
    room.file.reported(4, 77, 1, [])
    assert room.told == []
    asyncio.run(room.file.write())
    assert room.told == [
        (3, Kept(pid=99, reports=[KeptReport(5, [2]), KeptReport(6, [])])),
        (4, Kept(pid=77, reports=[KeptReport(1, [])])),
    ]
    asyncio.run(room.file.write())
    assert len(room.told) == 2, "nothing is said twice"


def test_what_is_reported_while_it_is_written_waits_for_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(tmp_path)

    async def write_beside(work: object, file: Path, data: bytes) -> None:
        room.checkpoints.take([state(0, seq=9)])
        room.file.reported(3, 99, 2, [])

    async def scenario() -> None:
        room.checkpoints.take([state(0)])
        room.file.reported(3, 99, 1, [])
        with monkeypatch.context() as patch:
            patch.setattr(asyncio, "to_thread", write_beside)
            await room.file.write()
        assert [kept.reports for _, kept in room.told] == [[KeptReport(1, [])]]
        await room.file.write()
        assert [kept.reports for _, kept in room.told[1:]] == [[KeptReport(2, [])]]

    asyncio.run(scenario())
    after = Room(tmp_path)
    after.file.read()
    assert after.known() == state(0, seq=9)


def test_while_it_can_not_be_written_nothing_is_acknowledged(tmp_path: Path) -> None:
    room = Room(tmp_path / "nowhere")
    room.file.reported(3, 99, 1, [])
    asyncio.run(room.file.write())
    assert room.told == []
    assert "checkpoints can't be written" in room.file.trouble
    (tmp_path / "nowhere").mkdir()
    room.file.reported(3, 99, 2, [])
    asyncio.run(room.file.write())
    assert room.told == [(3, Kept(pid=99, reports=[KeptReport(1, []), KeptReport(2, [])]))]
    assert room.file.trouble == ""


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x92\xa1x\x91\x01"])
def test_rubbish_is_nothing(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(tmp_path)
    room.path.write_bytes(content)
    room.file.read()
    assert room.known() is None
    assert "can't be read" in caplog.text


def test_those_of_another_store_mean_nothing(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.checkpoints.take([state(0)])
    room.file.reported(0, 99, 1, [])
    asyncio.run(room.file.write())
    other = Room(tmp_path, "fedcba9876543210")
    other.file.read()
    assert other.known() is None


def test_after_a_logout_there_is_none(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.file.remove()
    room.file.reported(0, 99, 1, [])
    asyncio.run(room.file.write())
    room.file.remove()
    assert not room.path.exists()
