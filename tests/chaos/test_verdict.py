"""The checker, checked: what it must see in a stream, and what it must let pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire import position
from tests.chaos.judgement.dispatch_ledger import DispatchLedger
from tests.chaos.judgement.overlap import OverlapTally
from tests.chaos.judgement.records import DispatchRow, Item, Place, ReceivedEvent, ReportedGap
from tests.chaos.judgement.sessions import ended_early, unexplained_gaps
from tests.chaos.judgement.verdict import Audit

KEY = (4, 1)
NAMES = ("READY", "A", "B", "A", "B", "A", "B", "A", "B", "A")
"""Names of the dispatches s = 1, 2 ... of every session here."""


def ledger_of(*sessions: tuple[str, float, int]) -> DispatchLedger:
    """Make a ledger with an event a second. sessions: name, moment of READY, dispatches."""
    ledger = DispatchLedger()
    n = 0
    for session, began, count in sessions:
        for s in range(1, count + 1):
            n += 1
            ledger.add([row(n, session, s, began + s - 1)])
    ledger.as_of = 1e6
    return ledger


def row(n: int, session: str, s: int, moment: float) -> dict[str, Any]:
    name = NAMES[(s - 1) % len(NAMES)]
    return {"n": n, "shard": KEY[1], "shard_count": KEY[0], "session": session, "s": s,
            "name": name, "hash": f"{session}{s}", "at": moment}  # fmt: skip


def came(epoch: int, seq: int, session: str, received: float = 0.0) -> ReceivedEvent:
    name = NAMES[(seq - 1) % len(NAMES)]
    digest = "" if name == "READY" else f"{session}{seq}"
    return ReceivedEvent(KEY, epoch, seq, name, digest, int((received or seq) * 1e9))


def gap(epoch: int, first: int, last: int | None, reason: str = "skipped") -> ReportedGap:
    return ReportedGap(KEY, epoch, None, first, last, reason)


def judge(
    items: list[Item], ledger: DispatchLedger | None = None, handled: Place | None = None
) -> Audit:
    """Judge a stream that was handled up to its last item, or to a place."""
    audit = Audit("w")
    audit.take(items, {KEY: handled or items[-1].place})
    audit.work(ledger or ledger_of(("x", 1.0, 10)))
    return audit


def kinds(audit: Audit) -> list[str]:
    return [breach.kind for breach in audit.breaches]


WHOLE: list[Item] = [came(1, seq, "x") for seq in range(1, 11)]


def test_a_whole_stream() -> None:
    audit = judge(WHOLE)
    assert (kinds(audit), audit.counts["events"], audit.places()) == ([], 10, {KEY: (1, 10)})
    assert (audit.said_at, audit.due_at) == ([], [])


def without(*seqs: int) -> list[Item]:
    return [item for item in WHOLE if item.place[1] not in seqs]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (without(4), ["lost"]),
        (without(4, 5, 6), ["lost"] * 3),
        ([*WHOLE[:5], WHOLE[4], *WHOLE[5:]], ["duplicate"]),
        ([*WHOLE[:3], WHOLE[4], WHOLE[3], *WHOLE[5:]], ["lost", "disorder"]),
        ([*WHOLE[:3], came(1, 4, "y"), *WHOLE[4:]], ["lost"]),
        # Gaps that are not exact
        ([*WHOLE[:3], gap(1, 4, 5), *WHOLE[4:]], ["gap"]),
        ([*WHOLE[:5], gap(1, 5, 5), *WHOLE[5:]], ["gap"]),
        ([*WHOLE[:3], gap(1, 4, 4), *WHOLE[5:]], ["lost"]),
        ([*WHOLE, gap(1, 10, None, "session_lost")], ["gap"]),
        ([*WHOLE, gap(1, 11, None, "gone")], ["gap"]),
        ([*WHOLE, gap(1, 11, None, "session_lost"), gap(1, 11, None, "session_lost")], ["gap"]),
        ([*WHOLE[:8], gap(1, 9, None, "session_lost"), WHOLE[8]], ["gap"]),
        # Right ones
        ([*WHOLE[:3], gap(1, 4, 4), *WHOLE[4:]], []),
        ([*WHOLE[:3], gap(1, 4, 6), *WHOLE[6:]], []),
        ([*WHOLE[:8], gap(1, 9, None, "session_lost")], []),
    ],
)  # fmt: skip
def test_what_is_seen_in_a_session(items: list[Item], expected: list[str]) -> None:
    assert kinds(judge(items, handled=items[-1].place)) == expected


def test_gaps_said_and_due() -> None:
    audit = judge([*WHOLE[:3], gap(1, 4, 5), *WHOLE[5:], gap(1, 11, None, "session_lost")])
    assert len(audit.said_at) == len(audit.due_at) == 3
    assert [(session, s) for session, s, _ in audit.covered] == [("x", 4), ("x", 5)]
    assert unexplained_gaps(audit.covered, {"x": {4, 5, 6}}, "w") == []
    assert [b.kind for b in unexplained_gaps(audit.covered, {"x": {4}}, "w")] == ["gap"]


def test_what_was_sent_before_the_servers_word_must_have_come() -> None:
    audit = judge([*WHOLE[:8], gap(1, 9, None, "session_lost")])
    assert audit.ends == {"x": 8}
    ended = {"session": "x", "seq": 8, "cause": "op 9", "ended_at": 9.0}
    assert ended_early([ended], audit.ends) == []
    assert [ended_at for ended_at, _ in ended_early([ended | {"seq": 9}], audit.ends)] == [9.0]
    assert ended_early([ended | {"seq": 9, "cause": "forgotten"}], audit.ends) == []
    assert ended_early([ended | {"seq": 9, "session": "y"}], audit.ends) == []


def test_an_epoch_that_ends_without_a_word() -> None:
    ledger = ledger_of(("x", 1.0, 5), ("y", 100.0, 5))
    items = [*WHOLE[:5], came(3, 1, "y", 100.5), came(3, 2, "y")]
    assert kinds(judge(items, ledger)) == ["gap"]
    reported = [*WHOLE[:5], gap(1, 6, None, "session_lost"), *items[5:]]
    assert kinds(judge(reported, ledger)) == []


def test_an_epoch_is_the_session_that_was_newest_when_ready_came() -> None:
    """Two sessions between the epochs brought nothing: their events are nobody's."""
    ledger = ledger_of(("x", 1.0, 5), ("a", 50.0, 9), ("b", 60.0, 9), ("y", 100.0, 5))
    items = [*WHOLE[:5], gap(1, 6, None, "session_lost"), came(4, 1, "y", 100.2)]
    audit = judge(items, ledger)
    assert (kinds(audit), ledger.witnessed) == ([], {"x", "y"})
    assert audit.behind(ledger, ledger.heads()) == [KEY]  # of y, s 2 to 5 are still to come


def test_what_is_not_handled_or_not_in_the_ledger_yet_waits() -> None:
    ledger = ledger_of(("x", 1.0, 5))
    audit = judge(WHOLE, ledger, handled=(1, 7))
    assert (kinds(audit), audit.places()) == ([], {KEY: (1, 5)})
    ledger.add([row(6, "x", 6, 6.0), row(7, "x", 7, 7.0), row(8, "x", 8, 8.0)])
    audit.work(ledger)
    assert (kinds(audit), audit.places()) == ([], {KEY: (1, 7)})


def test_a_position_beyond_the_last_item_says_that_nothing_was_there() -> None:
    assert kinds(judge(WHOLE[:5], handled=(1, 8))) == ["lost"] * 3


def test_a_witness_that_dies_gets_again_what_it_had_not_handled() -> None:
    ledger = ledger_of(("x", 1.0, 10))
    audit = judge(WHOLE[:8], ledger, handled=(1, 5))
    audit.restarted()
    audit.take(WHOLE[5:], {KEY: (1, 10)})
    audit.work(ledger)
    assert (kinds(audit), audit.counts["events"]) == ([], 10)


def test_names() -> None:
    """A witness that takes some names is owed those alone."""
    ledger = ledger_of(("x", 1.0, 10))
    full = Audit("all")
    full.take(WHOLE, {KEY: (1, 10)})
    full.work(ledger)
    some = Audit("some", frozenset("A"))
    some.take([i for i in WHOLE if isinstance(i, ReceivedEvent) and i.name == "A"], {KEY: (1, 10)})
    some.work(ledger)
    assert (kinds(some), some.places()) == ([], {KEY: (1, 10)})
    less = Audit("less", frozenset("A"))
    less.take([came(1, 4, "x")], {KEY: (1, 6)})
    less.work(ledger)
    assert kinds(less) == ["lost"] * 2


def test_a_late_joiner_is_owed_what_was_dispatched_after_it_had_joined() -> None:
    ledger = ledger_of(("x", 1.0, 10))
    judge(WHOLE, ledger)
    for first, expected in ((6, []), (7, []), (8, ["lost"])):
        late = Audit("late", late={KEY: (1, 2)})
        assert late.places() == {KEY: (1, 2)}
        late.joined(6.5)
        late.take([came(1, s, "x") for s in range(first, 11)], {KEY: (1, 10)})
        late.work(ledger)
        assert kinds(late) == expected


def test_what_all_are_past_is_dropped() -> None:
    ledger = ledger_of(("x", 1.0, 10))
    audit = judge(WHOLE, ledger, handled=(1, 7))
    late = Audit("late", late={KEY: (1, 4)})
    ledger.drop([audit.places(), late.places()])
    session = ledger.session_of(KEY, 1)
    assert session is not None
    assert (session.base, session.head) == (4, 10)
    assert session.row(4) is None
    ledger.drop([audit.places(), {}])  # one that has not begun holds all
    assert session.base == 4


OLD, NEW = (4, 1), (6, 2)


@pytest.mark.parametrize(
    ("old", "new", "lost", "twice"),
    [
        ({3, 4, 5, 6}, {4, 5, 6, 7}, 0, 3),  # both gave all
        ({3, 4}, {5, 6, 7}, 0, 0),  # one of two
        ({3, 4, 6}, {4, 6, 7}, 1, 2),  # s 5 by neither
        ({3, 5, 6}, {4, 5, 6, 7}, 0, 2),
        ({4, 5, 6}, {7}, 1, 0),  # s 3 was the old one's alone
        ({3, 4, 5, 6}, {6}, 1, 1),  # and s 7 the new one's
    ],
)
def test_a_resharding(old: set[int], new: set[int], lost: int, twice: int) -> None:
    """What two sessions bring comes once, and so does what one of them brings. Contents here are
    named by their s; the old session sees 1 to 6, the new one 4 to 7 (and a READY of its own)."""
    ledger = DispatchLedger()
    for n in range(1, 7):
        ledger.add([row(n, "x", n, float(n))])
    again = [(1, 1, "READY"), *((s - 2, s, NAMES[s - 1]) for s in range(4, 8))]
    for n, (seq, s, name) in enumerate(again, 7):
        plain = row(n, "y", seq, float(s)) | {"shard_count": NEW[0], "shard": NEW[1]}
        ledger.add([plain | {"name": name, "hash": f"x{s}"}])
    ledger.as_of = 1e6
    audit = Audit("w")
    audit.take(WHOLE[:2], {OLD: (1, 2)})
    audit.work(ledger)
    audit.resharding(OLD[0], NEW[0])
    audit.take([came(1, s, "x") for s in sorted(old)], {OLD: (1, 3)})
    items: list[Item] = [ReceivedEvent(NEW, 1, 1, "READY", "", int(7.5e9))]
    items += [ReceivedEvent(NEW, 1, s - 2, NAMES[s - 1], f"x{s}", 0) for s in sorted(new)]
    audit.take(items, {OLD: (1, 4), NEW: (1, 5)})
    audit.work(ledger)
    assert audit.unfinished(OLD[0]) == [OLD]
    audit.take([], {OLD: (1, position.WHOLE), NEW: (1, 5)})
    audit.work(ledger)
    assert audit.unfinished(OLD[0]) == []
    audit.resharded({OLD: (1, 6)}, ledger)
    assert sorted(kinds(audit)) == ["duplicate"] * twice + ["lost"] * lost
    assert audit.places() == {OLD: (1, 6), NEW: (1, 5)}


@pytest.mark.parametrize(
    ("dispatches", "breaches"),
    [
        ("4 1 came, 6 1", []),
        ("4 1, 6 1", ["lost"]),
        ("4 1 came, 6 1 came", ["duplicate"]),
        ("4 1 came, 6 1, 6 3 came", []),  # it happened again when the old count had ended
        ("4 1 came, 6 1, 6 3", ["lost"]),
        ("4 1 came, 4 3 came, 6 3, 6 5 came", []),
        ("6 1, 4 1 came, 6 1, 4 1 came", []),
    ],
)
def test_what_two_counts_are_dispatched_at_the_same_moment_happened_once(
    dispatches: str, breaches: list[str]
) -> None:
    tally = OverlapTally(4, 6)
    for words in dispatches.split(", "):
        count, moment, *came = words.split()
        tally.record(int(count), DispatchRow("A", "x", float(moment)), received=bool(came))
    assert [kind for kind, _, _ in tally.breaches()] == breaches


@given(st.data())
def test_every_event_is_accounted_for(data: st.DataObject) -> None:
    """However a stream is thinned and covered by gaps: lost is what neither came nor is said."""
    received = data.draw(st.sets(st.integers(2, 10)))
    said = data.draw(st.sets(st.integers(2, 10)))
    items: list[Item] = [WHOLE[0]]
    for seq in range(2, 11):
        if seq in said:
            items.append(gap(1, seq, seq))
        if seq in received:
            items.append(WHOLE[seq - 1])
    audit = judge(items, handled=(1, 10))
    assert audit.counts["lost"] == len(set(range(2, 11)) - received - said)
    assert audit.counts["gap"] == len(received & said)
    assert audit.counts["events"] == 1 + len(received)
    assert len(audit.due_at) == len(set(range(2, 11)) - received)
