"""Who listens: reports that grow old."""

from __future__ import annotations

import msgspec

from cluster.discord.intents import ALL_INTENTS, Intents, privileged_needs
from cluster.wire.states import GapReason
from cluster.wire.status import SubscriberReport
from coordinator.control.subscribers import MOST, REASONS, SILENT_S, Subscribers


def report(name: str = "bot", *, reporter: str = "a", leaving: bool = False) -> SubscriberReport:
    return SubscriberReport(
        id=reporter, name=name, pid=1, lag=2, events=3, gaps=4, replays=5, unfit=6,
        misfits={"READY $.notes": 6}, leaving=leaving,
    )  # fmt: skip


def test_a_report_stays_for_a_while() -> None:
    subscribers = Subscribers()
    subscribers.report(report(), 100.0)
    subscribers.report(report(), 105.0)
    (row,) = subscribers.rows(105.0 + SILENT_S)
    assert (row.name, row.lag, row.events, row.gaps) == ("bot", 2, 3, 4)
    assert (row.replays, row.unfit, row.misfits) == (5, 6, {"READY $.notes": 6})
    assert row.since_s == 5.0 + SILENT_S
    assert subscribers.rows(105.1 + SILENT_S) == []


def test_what_the_cluster_lacks_for_a_subscriber_s_events() -> None:
    """MESSAGE_CREATE without message_content: the first bot's texts are empty."""
    needs = privileged_needs(["MESSAGE_CREATE", "GUILD_MEMBER_ADD", "READY"])
    poor = msgspec.structs.replace(report(), needs=int(needs) | 1 << 40 | Intents.GUILDS)
    for subscribers, lacks in (
        (Subscribers(), ["guild_members", "message_content"]),
        (Subscribers(Intents.GUILD_MEMBERS), ["message_content"]),
        (Subscribers(ALL_INTENTS), []),
        (Subscribers(0, "user"), []),
    ):
        subscribers.report(poor, 0.0)
        subscribers.report(report("z", reporter="b"), 0.0)
        assert [row.lacks for row in subscribers.rows(1.0)] == [lacks, []]


def test_who_leaves_is_gone_at_once() -> None:
    subscribers = Subscribers()
    subscribers.report(report("b", reporter="1"), 0.0)
    subscribers.report(report("a", reporter="2"), 0.0)
    assert [row.name for row in subscribers.rows(1.0)] == ["a", "b"]
    subscribers.report(report(reporter="1", leaving=True), 1.0)
    subscribers.report(report(reporter="3", leaving=True), 1.0)
    assert [row.name for row in subscribers.rows(1.0)] == ["a"]


def test_reports_are_bounded() -> None:
    subscribers = Subscribers()
    for number in range(MOST + 10):
        subscribers.report(report(reporter=str(number)), 0.0)
    assert len(subscribers.rows(0.0)) == MOST


def test_each_reason_of_a_gap_has_its_words() -> None:
    assert set(REASONS) == set(GapReason)
