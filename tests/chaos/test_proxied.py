"""The checker of the proxy's clients, checked."""

from __future__ import annotations

import random

import pytest

from tests.chaos.judgement.proxied import ProxiedAudit
from tests.chaos.judgement.records import ReceivedEvent
from tests.chaos.judgement.runs import Truth

NAME = "PRESENCE_UPDATE"
CAME_AT = 60.0
MUCH_LATER = 100.0


def event(shard: int, text: str, at: float) -> ReceivedEvent:
    return ReceivedEvent((2, shard), 1, 1, NAME, text, int(at * 1e9))


def of_one_shard(*texts: str, at: float = 10.0) -> list[ReceivedEvent]:
    return [event(0, text, at + n) for n, text in enumerate(texts)]


def audit(*events: ReceivedEvent) -> ProxiedAudit:
    truth = Truth()
    truth.add(events or [event(n % 2, str(n), 10.0 + n) for n in range(8)])
    made = ProxiedAudit("w", truth)
    made.began(9.0)
    return made


def take(made: ProxiedAudit, *texts: str, first: int = 1, now: float = MUCH_LATER) -> list[str]:
    """Let these come, and return the kinds of breaches."""
    for seq, text in enumerate(texts, first):
        made.take(seq, NAME, text, CAME_AT)
    made.work(now)
    return [breach.kind for breach in made.breaches]


def test_shards_may_come_in_any_order_among_each_other() -> None:
    made = audit()
    assert take(made, "1", "0", "2", "4", "3", "6", "5", "7") == []
    made.settle(MUCH_LATER)
    assert made.breaches == []


def test_what_does_not_come_is_lost() -> None:
    made = audit()
    assert take(made, "0", "1", "2", "4", "5", "6", "7") == []
    assert [spot.number for spot in made.due(MUCH_LATER)] == [1]
    assert made.due(13.0) == []
    made.settle(MUCH_LATER)
    assert [breach.kind for breach in made.breaches] == ["lost"]


def test_of_equal_events_one_that_does_not_come_is_lost() -> None:
    made = audit(*of_one_shard("a", "b", "a", "c", "a", "d", "e", "f"))
    take(made, "a", "b", "c", "a", "d", "e", "f")
    assert [spot.number for spot in made.due(MUCH_LATER)] == [2]


def test_what_was_before_it_was_ready_need_not_come() -> None:
    made = ProxiedAudit("w", audit().truth)
    made.began(13.5)
    assert take(made, "4", "5", "6", "7") == []
    made.settle(MUCH_LATER)
    assert made.breaches == []


def test_an_order_that_is_not_the_shards_is_seen() -> None:
    assert take(audit(), "0", "4", "2") == ["disorder"]
    made = audit()
    made.orders(False)
    assert take(made, "0", "4", "2", "1", "3", "5", "6", "7") == []


def test_a_duplicate_is_seen() -> None:
    assert take(audit(*of_one_shard(*map(str, range(40)))), "0", "1", "1") == ["duplicate"]
    made = audit(*of_one_shard("a", "b", "a", "c", "d", "e"))
    assert take(made, "a", "b", "a", "a", "c", "d", "e") == ["duplicate"]


def test_a_duplicate_is_seen_while_no_order_is() -> None:
    made = audit(*of_one_shard("a", "b", "a", "c"))
    made.orders(False)
    assert take(made, "a", "a", "b", "a") == ["duplicate"]


def test_while_no_order_is_none_is_taken_for_one_of_before_the_first() -> None:
    made = audit(*of_one_shard("a", "b", "c", "d", "e"))
    made._begun_ns = int(11.5e9)
    assert take(made, "b", "c", "d", "e") == []
    made.orders(False)
    made.truth.add(of_one_shard("f", "a", at=30.0))
    assert take(made, "a", "f") == []
    assert made.due(MUCH_LATER) == []


def test_after_a_restart_only_what_was_not_acknowledged_may_come_again() -> None:
    for acknowledged, kinds in ((2, []), (3, ["duplicate"])):
        made = audit(*of_one_shard(*map(str, range(40))))
        take(made, "0", "1", "2", "3")
        made.identified(acknowledged)
        assert take(made, "2", "3", "4") == kinds
        assert made.repeats == 2


def test_what_may_come_again_may_do_so_once() -> None:
    made = audit(*of_one_shard(*map(str, range(40))))
    take(made, "0", "1", "2", "3")
    made.identified(1)
    take(made, "1", "2", "3", "4")
    made.identified(3)
    assert take(made, "4", "5") == []
    made.identified(2)
    assert take(made, "3") == ["duplicate"]


def test_what_was_made_up_is_seen_once_all_has_come() -> None:
    made = audit()
    assert take(made, "0", "x", "1") == []
    assert made.unknown(MUCH_LATER) == (NAME, "x")
    made.settle(MUCH_LATER)
    assert "other" in [breach.kind for breach in made.breaches]


def test_the_same_content_twice_comes_twice() -> None:
    made = audit(*of_one_shard("a", "b", "a"))
    assert take(made, "a", "b", "a") == []
    made.settle(MUCH_LATER)
    assert made.breaches == []


def test_one_like_it_that_has_come_is_not_taken_for_one_that_is_not_known_yet() -> None:
    made = audit(*of_one_shard("a", "b", "c"))
    take(made, "a", "b", "c")
    made.identified(0)
    assert take(made, "c", "d", "a", "e", now=CAME_AT) == []
    made.truth.add(of_one_shard("d", "a", "e", at=30.0))
    made.work(CAME_AT)
    assert made.breaches == []
    assert made.due(MUCH_LATER) == []
    assert made.repeats == 1


def test_one_of_before_it_was_ready_is_not_taken_for_one_that_is_not_known_yet() -> None:
    made = audit(*of_one_shard("a", "b", "c"))
    made._begun_ns = int(12.5e9)
    assert take(made, "a", "d", "e", "f", now=CAME_AT) == []
    made.truth.add(of_one_shard("a", "d", "e", "f", at=30.0))
    made.work(CAME_AT)
    assert made.breaches == []
    assert made.due(MUCH_LATER) == []


def test_where_a_shard_begins_is_told_by_what_follows() -> None:
    made = audit(*of_one_shard("a", "b", "a", "c", "d", "e"))
    made._begun_ns = int(11.5e9)
    assert take(made, "a", "c", "d", "e", now=CAME_AT) == []
    assert made.due(MUCH_LATER) == []


@pytest.mark.parametrize("wrong", ["nothing", "lost", "duplicate"])
def test_one_fault_among_equal_events_is_seen_and_nothing_else(wrong: str) -> None:
    """The client restarts, and the truth lags behind it."""
    draw = random.Random(wrong)
    for _ in range(20):
        events = [_drawn(draw, number) for number in range(700)]
        made, known, seq = ProxiedAudit("w", Truth()), 0, 0
        made.began(events[100].received_ns / 1e9 - 0.001)
        place, restart, fault = draw.randrange(60, 101), draw.randrange(200, 400), 600
        while place < len(events):
            if place == restart:
                restart, back = 0, draw.randrange(80)
                made.identified(seq - back)
                place, seq = place - draw.randrange(back + 1), 0
            if place == fault and wrong == "lost":
                place += 1
            for _ in range(1 + (place == fault and wrong == "duplicate")):
                seq += 1
                made.take(seq, NAME, events[place].hash, events[place].received_ns / 1e9)
            place += 1
            if draw.random() < 0.05:
                upto = max(known, place - draw.randrange(150))
                made.truth.add(events[known:upto])
                known = upto
            made.work(events[place - 1].received_ns / 1e9)
        made.truth.add(events[known:])
        made.work(MUCH_LATER)
        assert [breach.kind for breach in made.breaches] == ["duplicate"] * (wrong == "duplicate")
        assert len(made.due(MUCH_LATER)) == (wrong == "lost")


def _drawn(draw: random.Random, number: int) -> ReceivedEvent:
    """Draw an event of one of two shards: one in four is like no other."""
    shard = draw.randrange(2)
    text = f"{number}" if draw.random() < 0.25 else f"like {shard} {draw.randrange(40)}"
    return event(shard, text, 10.0 + number * 0.02)
