"""Who listens: reports that grow old, and connections that are counted on real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import zmq

from cluster.discord.intents import ALL_INTENTS, Intents, privileged_needs
from cluster.wire.status import SubscriberReport
from coordinator.control.subscribers import MOST, SILENT_S, Subscribers
from coordinator.hub.connections import Connections


def report(name: str = "bot", *, reporter: str = "a", leaving: bool = False) -> SubscriberReport:
    return SubscriberReport(
        id=reporter, name=name, pid=1, lag=2, events=3, gaps=4, replays=5, unfit=6, leaving=leaving
    )


def test_a_report_stays_for_a_while() -> None:
    subscribers = Subscribers()
    subscribers.report(report(), 100.0)
    subscribers.report(report(), 105.0)
    (row,) = subscribers.rows(105.0 + SILENT_S)
    assert (row.name, row.lag, row.events, row.gaps) == ("bot", 2, 3, 4)
    assert (row.replays, row.unfit) == (5, 6)
    assert row.since_s == 5.0 + SILENT_S
    assert subscribers.rows(105.1 + SILENT_S) == []


def test_what_the_cluster_lacks_for_a_subscriber_s_events() -> None:
    """MESSAGE_CREATE without message_content: the first bot's texts are empty."""
    needs = privileged_needs(["MESSAGE_CREATE", "GUILD_MEMBER_ADD", "READY"])
    poor = msgspec.structs.replace(report(), needs=int(needs) | 1 << 40 | Intents.GUILDS)
    for intents, lacks in (
        (0, ["guild_members", "message_content"]),
        (Intents.GUILD_MEMBERS, ["message_content"]),
        (ALL_INTENTS, []),
        (None, []),
    ):
        subscribers = Subscribers(intents)
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


def until(condition: Callable[[], bool]) -> None:
    """libzmq's own thread tells when it does."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_connections_come_and_go(tmp_path: Path) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    publisher = context.socket(zmq.PUB)
    connections = Connections(publisher)
    publisher.bind(f"ipc://{tmp_path}/p")
    assert len(connections) == 0
    readers = [context.socket(zmq.SUB) for _ in range(3)]
    for reader in readers:
        reader.connect(f"ipc://{tmp_path}/p")
    until(lambda: len(connections) == 3)
    readers.pop().close(0)
    until(lambda: len(connections) == 2)
    for reader in readers:
        reader.close(0)
    until(lambda: len(connections) == 0)
    connections.close()
    connections.close()
    publisher.close(0)
    context.term()


def test_a_crowd_that_nobody_counts_stops_nothing(tmp_path: Path) -> None:
    """More comings and goings than a socket's queue holds: the publisher goes on."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    publisher = context.socket(zmq.XPUB)
    publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
    connections = Connections(publisher)
    publisher.bind(f"ipc://{tmp_path}/p")
    for number in range(1200):
        reader = context.socket(zmq.SUB)
        reader.setsockopt(zmq.LINGER, 0)
        reader.subscribe(str(number))
        reader.connect(f"ipc://{tmp_path}/p")
        assert publisher.poll(5000)
        assert publisher.recv() == b"\x01" + str(number).encode()
        reader.close()
        assert publisher.poll(5000)
        assert publisher.recv() == b"\x00" + str(number).encode()
    until(lambda: len(connections) == 0)
    connections.close()
    publisher.close(0)
    context.term()
