"""What the processes of the proxy say of themselves, and are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.errors import ClusterError
from cluster.wire.control import as_args
from cluster.wire.proxies import ProxyFacts, ProxyReport
from coordinator.control.proxies import MOST, SILENT_S, Proxies, proxy_troubles

FACTS = ProxyFacts(shard_count=4, intents=513)


class Played:
    """Proxies with a clock that is set."""

    def __init__(self) -> None:
        self.now = 100.0
        self.proxies = Proxies(lambda: FACTS, lambda: self.now)

    def say(self, **of: Any) -> ProxyFacts:
        usual: dict[str, Any] = {"id": "a", "pid": 7}
        report = ProxyReport(**usual | of)
        return asyncio.run(self.proxies.report(as_args(report)))

    def names(self) -> list[tuple[str, int, str]]:
        return [(row.key, row.number, row.id) for row in self.proxies.rows()]


def test_a_process_is_told_how_the_cluster_is() -> None:
    assert Played().say() == FACTS


def test_the_cluster_s_own_are_first() -> None:
    played = Played()
    played.say(id="far", key="host-2")
    played.say(id="b", number=1)
    played.say(id="a", number=0)
    assert played.names() == [("", 0, "a"), ("", 1, "b"), ("host-2", 0, "far")]


def test_one_that_leaves_or_says_nothing_is_gone() -> None:
    played = Played()
    played.say(id="a")
    played.say(id="b", number=1)
    played.say(id="a", leaving=True)
    assert played.names() == [("", 1, "b")]
    played.now += SILENT_S
    assert played.names() == [("", 1, "b")]
    played.now += 0.1
    assert played.names() == []


def test_one_that_takes_the_place_of_another_is_alone_there() -> None:
    played = Played()
    played.say(id="far", key="host-2")
    played.say(id="a")
    played.say(id="b", number=1)
    played.say(id="c")
    played.say(id="far too", key="host-2")
    assert played.names() == [
        ("", 0, "c"), ("", 1, "b"), ("host-2", 0, "far"), ("host-2", 0, "far too"),
    ]  # fmt: skip


def test_reports_are_bounded_and_those_beyond_are_answered_all_the_same() -> None:
    played = Played()
    for number in range(MOST):
        played.say(id=str(number), number=number)
    assert played.say(id="one more", number=MOST) == FACTS
    assert len(played.names()) == MOST
    played.now += SILENT_S + 1
    played.say(id="one more", number=MOST)
    assert played.names() == [("", MOST, "one more")]


@pytest.mark.parametrize(
    "more", [{"id": "x" * 33}, {"events": -1}, {"number": -1}, {"trouble": "x" * 401}]
)
def test_a_report_is_what_it_should_be(more: dict[str, Any]) -> None:
    played = Played()
    with pytest.raises(ClusterError, match="not the arguments"):
        played.say(**more)
    assert played.names() == []


def test_troubles_say_whose_they_are() -> None:
    rows = [
        ProxyReport(id="a", pid=7, number=1, trouble="the cache does not answer"),
        ProxyReport(id="b", pid=8),
        ProxyReport(id="c", pid=9, key="host-2", trouble="it is full"),
    ]
    assert proxy_troubles(rows) == [
        "proxy 1 lets no client begin: the cache does not answer",
        "the proxy of host-2 (pid 9) lets no client begin: it is full",
    ]
