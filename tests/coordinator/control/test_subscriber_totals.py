"""What subscribers of a name have counted together."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.states import GapReason
from cluster.wire.status import SubscriberReport, SubscriberTotals
from coordinator.control.subscriber_totals import (
    FORGET_S,
    MOST_COUNT,
    MOST_KNOWN,
    MOST_NAMES,
    NameTotals,
)
from coordinator.control.subscribers import SILENT_S, Subscribers


def report(reporter: str = "a", name: str = "bot", **changed: Any) -> SubscriberReport:
    usual: dict[str, Any] = {"events": 0, "gaps": 0, "replays": 0}
    return SubscriberReport(id=reporter, name=name, pid=1, lag=0, **usual | changed)


def only(totals: NameTotals) -> SubscriberTotals:
    (row,) = totals.rows()
    return row


def test_each_counts_from_its_last_report() -> None:
    totals = NameTotals()
    totals.add(report(events=5, replays=1, misses=2, fenced=1, unfit=3), 0.0)
    totals.add(report(events=7, replays=1, misses=3, fenced=4, unfit=3), 0.0)
    totals.add(report("b", events=10), 0.0)
    totals.add(
        report("b", events=4), 0.0
    )  # another process cannot have this id: nothing is taken back
    assert only(totals) == SubscriberTotals(
        name="bot", events=17, gaps={}, replays=1, misses=3, fenced=4, unfit=3
    )


def test_what_leaves_stays_counted() -> None:
    totals = NameTotals()
    totals.add(report(events=5), 0.0)
    totals.add(report(events=6, leaving=True), 0.0)
    assert totals._known == {}
    totals.add(report("b", events=1), 0.0)
    assert only(totals).events == 7


def test_gaps_by_reason() -> None:
    totals = NameTotals()
    totals.add(report(gaps=6, gap_reasons={"gone": 2, "skipped": 1, "of another day": 1}), 0.0)
    assert only(totals).gaps == {"gone": 2, "skipped": 1, "other": 3}


def test_one_that_was_silent_for_a_while_is_not_counted_twice() -> None:
    subscribers = Subscribers()
    subscribers.report(report(events=5), 0.0)
    assert subscribers.rows(SILENT_S + 1) == []
    subscribers.report(report(events=6), SILENT_S + 2)
    assert only(subscribers.totals).events == 6


def test_there_is_a_bound_to_all_that_is_kept() -> None:
    totals = NameTotals()
    for number in range(MOST_KNOWN + 5):
        totals.add(report(f"{number:x}", f"bot {number}", events=1), 0.0)
    rows = totals.rows()
    assert len(rows) == MOST_NAMES
    assert rows[0].name == f"bot {MOST_KNOWN + 4}", "the newest come first"
    assert len(totals._known) == MOST_KNOWN


def test_a_name_is_forgotten_a_day_after_it_was_heard_of_last() -> None:
    subscribers = Subscribers()

    def names(now: float) -> list[tuple[str, int]]:
        subscribers.forget_silent(now)
        return [(row.name, row.events) for row in subscribers.totals.rows()]

    subscribers.report(report("a", "bot", events=5), 0.0)
    subscribers.report(report("b", "shell-4711", events=1), 10.0)
    subscribers.report(report("c", "shell-4712", events=2, leaving=True), 20.0)
    subscribers.report(report("a", "bot", events=7), 30.0)
    assert len(names(9.0 + FORGET_S)) == 3
    assert names(10.0 + FORGET_S) == [("bot", 7), ("shell-4712", 2)]
    assert names(29.0 + FORGET_S) == [("bot", 7)]
    assert names(30.0 + FORGET_S) == []
    subscribers.report(report("a", "bot", events=9), 31.0 + FORGET_S)
    assert names(31.0 + FORGET_S) == [("bot", 2)], "a counter that has restarted"


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.integers(-(2**63), 2**64 - 1),
            st.dictionaries(
                st.sampled_from([*GapReason, "?"]), st.integers(0, 2**64 - 1), max_size=4
            ),
        )
    )
)
def test_whatever_is_said_the_totals_can_be_told(
    said: list[tuple[str, int, dict[str, int]]],
) -> None:
    totals, before = NameTotals(), 0
    for reporter, number, reasons in said:
        totals.add(report(reporter, events=number, gaps=number, gap_reasons=reasons), 0.0)
        row = only(totals)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=SubscriberTotals) == row
        assert before <= row.events <= MOST_COUNT, "it only grows"
        assert row.gaps.keys() <= {*(reason.value for reason in GapReason), "other"}
        before = row.events
