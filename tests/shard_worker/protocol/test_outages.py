"""A gateway that is away and comes back: when sessions are back, and what it costs the gateway.

The clock is played: whoever is due next acts, as on an event loop. The server is a model that
refuses connections while it is away.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections.abc import Iterator

import pytest

from cluster.wire.states import SessionState
from shard_worker.protocol import actions as do
from shard_worker.protocol.actions import Action
from shard_worker.protocol.connect_queue import PACE_S, ConnectQueue
from shard_worker.protocol.frame import Frame
from shard_worker.protocol.session import Resumable, Session
from tests.progress import progress

HELLO = Frame(10, "", -1, json.dumps({"heartbeat_interval": 41250}).encode())
ACK = Frame(11, "", -1, b"null")
LOST_AT, WAY_S = 100.0, 0.05
"""When the gateway goes, in the clock's seconds, and how long an answer of it takes."""


class Outage:
    """A process with ready sessions, and a gateway that is away for so long, from LOST_AT on."""

    def __init__(self, shards: int, away_s: float, seed: int, *, forgets: bool = False) -> None:
        """forgets: the gateway knows no session any more when it is back."""
        self.random = random.Random(seed)
        self.back_at = LOST_AT + away_s
        self.forgets = forgets
        self.queue = ConnectQueue(self.random.random)
        self.connects: list[float] = []
        self.wanted_grant: dict[int, float] = {}
        """When each shard asked for its identify's turn, in this outage."""
        self.resumed: dict[int, float] = {}
        self.now = 0.0
        self._heap: list[tuple[float, int, int]] = []
        self._order = itertools.count()
        self._due: dict[int, float] = {}
        self.sessions: list[Session] = []
        for n in range(shards):
            host = f"wss://host-{n % 7}"
            session = Session(
                0.0,
                random=self.random.random,
                resumable=Resumable(f"id{n}", host, 5, 1),
                connects=self.queue,
                on_turn_moved=lambda n=n: self._arm(n),  # type: ignore[misc]
            )
            self.sessions.append(session)
            self._arm(n)

    def _arm(self, n: int) -> None:
        due = self.sessions[n].due
        if due is not None and due != self._due.get(n):
            self._due[n] = due
            heapq.heappush(self._heap, (due, next(self._order), n))

    def run(self, until: float) -> None:
        """Let everybody act whose time comes before that."""
        while self._heap and self._heap[0][0] < until:
            due, _, n = heapq.heappop(self._heap)
            if self._due.get(n) != due:
                continue  # moved since
            del self._due[n]
            self.now = max(self.now, due)
            self.do(n, self.sessions[n].tick(self.now))
            self._arm(n)
        self.now = until

    def lose_all(self) -> None:
        self.run(LOST_AT)
        self.connects.clear()
        self.resumed.clear()
        for n, session in enumerate(self.sessions):
            assert session.state is SessionState.READY
            session.closed(None, self.now, "reset by peer")
            self._arm(n)

    def do(self, n: int, actions: list[Action]) -> None:
        session = self.sessions[n]
        for action in actions:
            match action:
                case do.Connect():
                    self.connects.append(self.now)
                    if LOST_AT <= self.now < self.back_at:
                        session.connect_failed("refused", self.now)
                    else:
                        session.connected(self.now)
                        self.do(n, session.frame(HELLO, self.now))
                case do.SendResume() if self.forgets and self.now >= LOST_AT:
                    session.frame(Frame(9, "", -1, b"false"), self.now)
                case do.SendResume():
                    session.resumed(self.now)
                    self.resumed[n] = self.now
                case do.RequestGrant():
                    self.wanted_grant[n] = self.now
                case do.SendHeartbeat():
                    session.frame(ACK, self.now)

    def most_in_a_second(self, since: float, until: float = float("inf")) -> int:
        """Return the most connections that were begun within one second of this time."""
        times = sorted(t for t in self.connects if since <= t < until)
        most, first = 0, 0
        for last, time in enumerate(times):
            while times[first] <= time - 1.0:
                first += 1
            most = max(most, last - first + 1)
        return most


def seeds() -> Iterator[int]:
    for seed in range(5):
        progress()
        yield seed


@pytest.mark.parametrize("away_s", [1.0, 20.0, 300.0])
@pytest.mark.parametrize("shards", [1, 16])
@pytest.mark.parametrize("forgets", [False, True])
def test_ready_within_6_s_of_the_return(shards: int, away_s: float, forgets: bool) -> None:
    """Or, where the gateway has forgotten them, in the line for an identify within that time."""
    for seed in seeds():
        outage = Outage(shards, away_s, seed, forgets=forgets)
        outage.lose_all()
        outage.run(outage.back_at + 6.0)
        back = outage.wanted_grant if forgets else outage.resumed
        assert len(back) == shards, f"{seed}: {len(back)} of {shards} are back"
        assert forgets or max(back.values()) < outage.back_at + 1.0


@pytest.mark.parametrize("away_s", [1.0, 20.0, 300.0, 4 * 3600.0])
def test_a_thousand_shards_are_no_storm(away_s: float) -> None:
    """Neither on a gateway that is away, nor on one that is back."""
    outage = Outage(1000, away_s, seed=7)
    outage.lose_all()
    outage.run(outage.back_at)
    assert outage.most_in_a_second(LOST_AT) <= 5
    tries = len(outage.connects)
    assert tries <= 5 + away_s / 0.25
    assert tries <= 3000, "it slows down"
    noticed = outage.back_at + max(1.0, away_s / 400)
    outage.run(noticed + 5.0)
    assert len(outage.resumed) == 1000
    assert outage.most_in_a_second(outage.back_at) <= 1 / PACE_S + 1


def test_all_are_in_line_for_their_identifies_10_s_after_the_return() -> None:
    outage = Outage(1000, 300.0, seed=3, forgets=True)
    outage.lose_all()
    outage.run(outage.back_at + 6.0)
    assert len(outage.wanted_grant) >= 300, "more than any limit lets through meanwhile"
    outage.run(outage.back_at + 10.0)
    assert len(outage.wanted_grant) == 1000
    assert outage.most_in_a_second(outage.back_at) <= 1 / PACE_S + 1
