"""The checker of the proxy's clients, checked."""

from __future__ import annotations

from tests.chaos.judgement.proxied import ProxiedAudit, Truth
from tests.chaos.judgement.records import ReceivedEvent

NAME = "MESSAGE_CREATE"


def event(shard: int, text: str, at: float) -> ReceivedEvent:
    return ReceivedEvent((2, shard), 1, 1, NAME, text, int(at * 1e9))


def audit(*events: ReceivedEvent) -> ProxiedAudit:
    truth = Truth()
    truth.add(events or [event(n % 2, str(n), 10.0 + n) for n in range(8)])
    made = ProxiedAudit("w", truth)
    made.began(9.0)
    return made


def take(made: ProxiedAudit, *texts: str, first: int = 1) -> list[str]:
    """Let these come, and return the kinds of breaches."""
    for seq, text in enumerate(texts, first):
        made.take(seq, NAME, text, 30.0)
    made.work()
    return [breach.kind for breach in made.breaches]


def test_shards_may_come_in_any_order_among_each_other() -> None:
    made = audit()
    assert take(made, "1", "0", "2", "4", "3", "6", "5", "7") == []
    made.settle(100.0)
    assert made.breaches == []


def test_what_does_not_come_is_lost() -> None:
    made = audit()
    assert take(made, "0", "1", "2", "4", "5", "6", "7") == []
    assert [spot.number for spot in made.due(100.0)] == [1]
    assert made.due(13.0) == []
    made.settle(100.0)
    assert [breach.kind for breach in made.breaches] == ["lost"]


def test_what_was_before_it_was_ready_need_not_come() -> None:
    made = ProxiedAudit("w", audit().truth)
    made.began(13.5)
    assert take(made, "4", "5", "6", "7") == []
    made.settle(100.0)
    assert made.breaches == []


def test_an_order_that_is_not_the_shards_is_seen() -> None:
    assert take(audit(), "0", "4", "2") == ["disorder"]
    made = audit()
    made.ordered = False
    assert take(made, "0", "4", "2", "1", "3", "5", "6", "7") == []


def test_a_duplicate_is_seen() -> None:
    made = audit(*(event(0, str(n), 10.0 + n) for n in range(40)))
    assert take(made, "0", "1", "1") == ["duplicate"]


def test_after_a_restart_only_what_was_not_acknowledged_may_come_again() -> None:
    made = audit(*(event(0, str(n), 10.0 + n) for n in range(40)))
    take(made, "0", "1", "2", "3")
    made.identified(2)
    assert take(made, "2", "3", "4") == []
    assert made.repeats == 2
    made = audit(*(event(0, str(n), 10.0 + n) for n in range(40)))
    take(made, "0", "1", "2", "3")
    made.identified(3)
    assert take(made, "2", "3", "4") == ["duplicate"]


def test_what_was_made_up_is_seen_once_all_has_come() -> None:
    made = audit()
    assert take(made, "0", "x", "1") == []
    assert made.unknown(100.0) == (NAME, "x")
    made.settle(100.0)
    assert "other" in [breach.kind for breach in made.breaches]


def test_the_same_content_twice_comes_twice() -> None:
    made = audit(event(0, "a", 10.0), event(0, "b", 11.0), event(0, "a", 12.0))
    assert take(made, "a", "b", "a") == []
    made.settle(100.0)
    assert made.breaches == []


def test_content_of_before_it_was_ready_may_be_that_of_an_event_that_is_not_known_yet() -> None:
    first = [event(0, text, 10.0 + n) for n, text in enumerate(("a", "b", "c"))]
    made = audit(*first)
    made._begun_ns = int(13.5e9)
    made.truth.add([event(0, "d", 14.0)])
    assert take(made, "d", "a") == []
    made.truth.add([event(0, "a", 30.0)])
    made.work()
    made.settle(100.0)
    assert made.breaches == []
