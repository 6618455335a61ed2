"""Where a shard's session is, over the journals of a host; files that kill whoever maps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster.journal import Journal, ShardState, manifest, other_slots, schema
from cluster.journal.other_slots import NOTE, ReadAttempt, newest
from cluster.journal.reader import JournalReader
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import ShardKey

STORE, BOOT = "0123456789abcdef", "boot"
COUNT = 4


def journal(root: Path, slot: int) -> Journal:
    folder = root / f"slot-{slot}"
    return Journal.open(folder, budget_bytes=1 << 20, slot=slot, cluster=STORE, boot_id=BOOT)


def received(made: Journal, shard: int, epoch: int, events: int) -> None:
    writer = ShardWriter(STORE, ShardState(shard_id=shard, shard_count=COUNT))
    writer.begin_epoch(epoch, session_id=f"session of {epoch}")
    messages = writer.drain([("A", seq, b"{}") for seq in range(1, events + 1)], 1)
    made.append(shard, messages, writer.state)


def newest_states(root: Path, slot: int = 9) -> dict[ShardKey, ShardState]:
    return newest(root / f"slot-{slot}", cluster=STORE, boot_id=BOOT)


def test_the_newest_state_in_any_other_slot(tmp_path: Path) -> None:
    (tmp_path / "slot-9").mkdir()
    first, second = journal(tmp_path, 0), journal(tmp_path, 1)
    received(first, shard=0, epoch=2, events=5)
    received(second, shard=0, epoch=2, events=9)
    received(first, shard=1, epoch=3, events=1)
    received(second, shard=1, epoch=2, events=50)
    first.close()  # LMDB must not be opened twice in one process
    second.close()
    found = newest_states(tmp_path)
    assert {key: other_slots.place(state) for key, state in found.items()} == {
        (COUNT, 0): (2, 9),
        (COUNT, 1): (3, 1),
    }
    assert found[ShardKey(COUNT, 1)].session_id == "session of 3"
    assert other_slots.place(newest_states(tmp_path, slot=1)[ShardKey(COUNT, 0)]) == (2, 5), (
        "a slot's own is not looked at"
    )


@pytest.mark.parametrize("damage", ["cut", "another cluster's", "died of", "rebooted"])
def test_a_journal_that_may_not_be_opened_is_left_out(tmp_path: Path, damage: str) -> None:
    made = journal(tmp_path, 0)
    received(made, shard=0, epoch=2, events=5)
    made.close()
    folder = tmp_path / "slot-0"
    whose = manifest.read(folder)
    assert whose is not None
    if damage == "cut":
        data = folder / schema.DATA
        data.write_bytes(data.read_bytes()[:9000])
    changes: dict[str, dict[str, Any]] = {
        "another cluster's": {"cluster": "f" * 16},
        "died of": {"opening": 2},
        "rebooted": {"boot_id": "before", "clean": False},
    }
    manifest.write(folder, msgspec.structs.replace(whose, **changes.get(damage, {})))
    assert newest_states(tmp_path) == {}


def test_a_file_at_which_this_worker_died_twice_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = journal(tmp_path, 0)
    received(made, shard=0, epoch=2, events=5)
    made.close()
    own = tmp_path / "slot-9"
    own.mkdir()

    def dies(folder: Path) -> None:
        raise SystemExit("as SIGBUS would end it: nothing after this is done")

    with monkeypatch.context() as patched:
        patched.setattr(JournalReader, "open", dies)
        for times in (1, 2):
            with pytest.raises(SystemExit):
                newest_states(tmp_path)
            noted = msgspec.json.decode((own / NOTE).read_bytes(), type=ReadAttempt)
            assert (noted.folder, noted.times) == ("slot-0", times)
    assert newest_states(tmp_path) == {}
    (tmp_path / "slot-0" / schema.DATA).rename(tmp_path / "elsewhere")
    again = journal(tmp_path, 0)  # another file in its place
    received(again, shard=0, epoch=3, events=1)
    again.close()
    assert other_slots.place(newest_states(tmp_path)[ShardKey(COUNT, 0)]) == (3, 1)
    assert not (own / NOTE).exists()
