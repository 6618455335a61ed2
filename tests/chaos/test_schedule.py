"""The schedule, and the judgement of identifies."""

from __future__ import annotations

from typing import Any

from tests.chaos.faults.actions import FAULT_ACTIONS
from tests.chaos.faults.schedule import (
    ALONE,
    DECK,
    ENDING_CLOSES,
    HOST_DECK,
    RESUMABLE_CLOSES,
    Shape,
    fault_pairs,
)
from tests.chaos.judgement.identifies import judge_identifies

SHAPE = Shape(shards=6, slots=3)
ON_HOSTS = {kind for kind in FAULT_ACTIONS if kind.startswith(("host_", "agent_"))}


def test_the_same_seed_deals_the_same_faults() -> None:
    assert list(fault_pairs(5, 61, SHAPE)) == list(fault_pairs(5, 61, SHAPE))
    assert list(fault_pairs(5, 61, SHAPE)) != list(fault_pairs(6, 61, SHAPE))


def test_so_many_faults_in_pairs() -> None:
    pairs = list(fault_pairs(1, 61, SHAPE))
    assert [pair.number for pair in pairs] == list(range(1, 62, 2))
    assert [len(pair.faults) for pair in pairs] == [2] * 30 + [1]
    assert all(0 <= pair.offset < 1 for pair in pairs)


def test_one_pair_alone_is_the_one_of_the_whole_run() -> None:
    pairs = list(fault_pairs(3, 60, SHAPE))
    assert list(fault_pairs(3, 60, SHAPE, only=17)) == [pairs[8]]
    assert list(fault_pairs(3, 60, SHAPE, only=18)) == [pairs[8]]


def test_every_kind_comes_before_any_comes_too_often() -> None:
    deck = sum(weight for weight, _ in DECK)
    kinds = {fault.kind for pair in fault_pairs(9, deck, SHAPE) for fault in pair.faults}
    assert kinds == set(FAULT_ACTIONS) - ALONE - ON_HOSTS
    assert deck <= 60, "60 faults have to hold every kind"
    kinds = {fault.kind for pair in fault_pairs(9, 100, SHAPE) for fault in pair.faults}
    assert kinds == set(FAULT_ACTIONS) - ON_HOSTS


def test_hosts_have_faults_of_their_own() -> None:
    shape = Shape(shards=6, slots=3, hosts=3)
    deck = sum(weight for weight, _ in HOST_DECK)
    faults = [fault for pair in fault_pairs(9, deck, shape) for fault in pair.faults]
    kinds = {fault.kind for fault in faults}
    assert kinds >= ON_HOSTS
    assert kinds <= set(FAULT_ACTIONS)
    assert {fault.params["host"] for fault in faults if "host" in fault.params} == {0, 1, 2}


def test_every_close_code_is_dealt() -> None:
    codes = {
        fault.params["code"]
        for pair in fault_pairs(1, 1000, SHAPE)
        for fault in pair.faults
        if "code" in fault.params
    }
    assert codes == {*RESUMABLE_CLOSES, *ENDING_CLOSES}
    assert {4000, 4001, 4002, 4005, 4008} <= set(RESUMABLE_CLOSES)
    assert set(ENDING_CLOSES) == {4003, 4007, 4009}


def session(n: int, opened_at: float, **more: Any) -> dict[str, Any]:
    return {"n": n, "session": f"s{n}", "shard": 1, "shard_count": 4, "opened_at": opened_at,
            "ended_at": None, "cause": "", "acknowledged": 5, **more}  # fmt: skip


def dues(*rows: dict[str, Any], witnessed: set[str] | None = None) -> list[bool]:
    return [identify.due for identify in judge_identifies(rows, witnessed or set())]


def test_which_identifies_are_due() -> None:
    ended = session(1, 1.0, ended_at=2.0, cause="op 9")
    assert dues(ended, session(2, 3.0)) == [True, True]
    assert dues(session(1, 1.0), session(2, 3.0)) == [True, False]
    # What the client brought about is its own.
    assert dues(session(1, 1.0, ended_at=2.0, cause="invalid seq"), session(2, 3.0)) == [
        True, False,
    ]  # fmt: skip
    # It identified before the server ended the session.
    assert dues(session(1, 1.0, ended_at=4.0, cause="op 9"), session(2, 3.0)) == [True, False]
    # Another shard's end is no reason.
    assert dues(ended | {"shard": 2}, session(2, 0.5), session(3, 3.0)) == [True, True, False]


def test_a_session_that_was_to_be_logged_out() -> None:
    left = session(1, 1.0, ended_at=2.0, cause="left")
    assert dues(left, session(2, 3.0)) == [True, False]
    for rows, count, expected in (
        ([left, session(2, 3.0)], 4, True),
        ([left, session(2, 3.0)], 6, False),
        ([session(1, 1.0), session(2, 3.0)], 4, True),  # it had no connection to say it on
        ([session(1, 2.7), session(2, 3.0)], 4, False),
    ):
        again = judge_identifies(rows, set(), [(count, 2.5)])
        assert [identify.due for identify in again] == [True, expected]


def test_a_session_whose_ready_never_came() -> None:
    unheard = session(1, 1.0, acknowledged=0)
    assert dues(unheard, session(2, 3.0)) == [True, True]
    assert dues(unheard, session(2, 3.0), witnessed={"s1"}) == [True, False]
