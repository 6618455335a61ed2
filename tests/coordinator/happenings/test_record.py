"""The last hundred happenings, their numbers, their sentences, and the lines in the log."""

from __future__ import annotations

import logging

import pytest

from cluster.wire.happenings import HappeningKind
from coordinator.happenings.record import KEPT, HappeningRecord
from coordinator.happenings.sentences import SENTENCES, cause_in_words, many, one

K = HappeningKind


class Rig:
    def __init__(self) -> None:
        self.now, self.wall = 100.0, 1_700_000_000.0
        self.record = HappeningRecord(lambda: self.now, lambda: self.wall)

    def texts(self, after: int = 0) -> list[str]:
        return [happening.text for happening in self.record.since(after).happenings]


@pytest.mark.parametrize("kind", K)
def test_each_kind_has_its_sentences(kind: HappeningKind) -> None:
    text = one(kind, "why", worker=1, shard=2, epoch=3, what="thing")
    assert text.endswith(": why")
    assert "{" not in text + many(kind, "", count=7, more=True, seconds=9.6, shards=[])
    assert "None" not in text
    assert "7 more" in many(kind, "", count=7, more=True, seconds=9.6, shards=[])
    assert kind in SENTENCES


def test_what_happened_in_words() -> None:
    rig = Rig()
    rig.record.tell(K.WORKER_STARTED, "pid 7", worker=1)
    rig.record.tell(K.SHARD_LOST, worker=1, shard=3, epoch=2, cause=cause_in_words("closed 4009"))
    rig.record.tell(K.SHARD_IDENTIFIED, worker=1, shard=3, epoch=3)
    rig.record.tell(K.STOPPING, ", logging out")
    assert rig.texts() == [
        "worker 1 started, pid 7",
        "shard 3 lost its connection: Discord closed with 4009, session timed out",
        "shard 3 is ready with a new session, epoch 3",
        "the cluster stops, logging out",
    ]
    lost = rig.record.since(0).happenings[1]
    assert (lost.at, lost.worker, lost.shard, lost.epoch) == (rig.wall, 1, 3, 2)
    assert (lost.kind, lost.severity, lost.count) == (K.SHARD_LOST, "info", 1)


def test_many_are_one_sentence() -> None:
    rig = Rig()
    for shard in range(40):
        rig.record.tell(K.SHARD_RESUMED, worker=shard % 2, shard=shard, epoch=1)
    rig.record.tick()
    assert len(rig.texts()) == 5
    rig.now += 10
    rig.record.tick()
    told = rig.record.since(0).happenings[-1]
    assert told.text == "35 more shards (5-39) resumed their sessions, within 1 s"
    assert (told.count, told.shards, told.shard, told.worker) == (
        35,
        list(range(5, 40)),
        None,
        None,
    )


def test_what_is_held_is_told_at_the_end() -> None:
    rig = Rig()
    for worker in range(7):
        rig.record.tell(K.WORKER_STARTED, f"pid {worker}", worker=worker)
    rig.record.flush()
    assert rig.texts()[-2:] == ["worker 5 started, pid 5", "worker 6 started, pid 6"]


def test_numbers_only_grow_also_over_a_restart() -> None:
    rig = Rig()
    assert rig.record.since(0).last == 0
    for _ in range(3):
        rig.record.tell(K.STARTED, "x")
    first = rig.record.since(0)
    numbers = [happening.number for happening in first.happenings]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert first.last == numbers[2] < 1 << 53
    assert rig.texts(numbers[1]) == ["x"]
    assert rig.texts(numbers[2]) == []
    assert len(rig.texts(numbers[2] + 1)) == 3, "a number that was not given yet"
    rig.wall += 1
    again = HappeningRecord(lambda: 0.0, lambda: rig.wall)
    again.tell(K.STARTED, "y")
    assert again.since(first.last).happenings[0].number > first.last


def test_a_hundred_are_kept() -> None:
    rig = Rig()
    for number in range(KEPT + 10):
        rig.record.tell(K.OPERATION_BEGAN, str(number), cause=str(number))
    assert len(rig.texts()) == KEPT
    assert rig.texts()[0] == "10 begins: 10"


def test_the_log_says_the_same(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    with caplog.at_level(logging.INFO):
        rig.record.tell(K.WORKER_DIED, "again in 0.5 s", worker=1, cause="killed by signal 9")
        rig.record.tell(K.SHARD_REFUSED, worker=0, shard=2, epoch=4, cause="closed 4004")
    assert [record.getMessage() for record in caplog.records] == rig.texts()
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert [record.__dict__["fields"] for record in caplog.records] == [
        {"kind": "worker_died", "worker": 1, "cause": "killed by signal 9"},
        {"kind": "shard_refused", "worker": 0, "shard": 2, "epoch": 4, "cause": "closed 4004"},
    ]


def test_a_fault_in_a_sentence_gets_no_further_than_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = SENTENCES[K.SHARD_LOST]._replace(one="{nobody} {shard}", many="{nobody}")
    monkeypatch.setitem(SENTENCES, K.SHARD_LOST, wrong)
    rig = Rig()
    for shard in range(20):
        rig.record.tell(K.SHARD_LOST, worker=3, shard=shard)
        rig.record.tell(K.SHARD_RESUMED, worker=3, shard=shard, epoch=1)
    assert len(rig.texts()) == 5, "others are told as ever"
    rig.now += 10
    rig.record.tick()
    assert rig.texts()[5:] == ["15 more shards (5-19) resumed their sessions, within 1 s"]
    rig.record.tell(K.SHARD_LOST, worker=3, shard=20)
    rig.record.flush()
    assert rig.record.untold == 7
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert errors[0].getMessage() == (
        "what happened can't be told (shard_lost, worker 3, shard 0; 1 times so far)"
    )
    assert errors[0].exc_info


def test_a_broken_clock_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    monkeypatch.delattr(rig, "now")
    rig.record.tell(K.STARTED, "x")
    rig.record.tick()
    rig.record.flush()
    assert rig.record.untold == 3
    assert rig.texts() == []


def test_a_text_of_a_server_is_no_format_and_not_long() -> None:
    rig = Rig()
    rig.record.tell(K.SHARD_LOST, shard=1, cause="{shard} %s {0}" + "x" * 10_000)
    (text,) = rig.texts()
    assert text.startswith("shard 1 lost its connection: {shard} %s {0}xxx")
    assert len(text) < 400


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("op 7", "Discord asked for it (op 7)"),
        ("closed 4000", "Discord closed with 4000, unknown error"),
        ("closed 1006", "Discord closed with 1006"),
        ("closed wrong", "closed wrong"),
        ("resuming timed out", "resuming timed out"),
    ],
)
def test_causes_in_words(cause: str, words: str) -> None:
    assert cause_in_words(cause) == words


def test_operations_are_told_at_once_however_many_come() -> None:
    rig = Rig()
    for number in range(20):
        rig.record.tell(K.OPERATION_BEGAN, f"drain of host {number}")
    assert rig.texts()[-1] == "drain of host 19 begins"
    assert len(rig.texts()) == 20
