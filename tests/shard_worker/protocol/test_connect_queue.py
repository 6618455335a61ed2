"""Turns to connect, by example and by chance; how they serve a thousand is in test_outages.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.states import SessionState
from shard_worker.protocol import actions as do
from shard_worker.protocol.connect_queue import (
    HOST_S,
    MAX_HOSTS,
    PACE_S,
    ConnectQueue,
)
from shard_worker.protocol.frame import Frame
from shard_worker.protocol.outage import LEAST_PAUSE_S, LONGEST_PAUSE_S
from shard_worker.protocol.session import Resumable, Session


class Queue:
    """A queue with its clock; chance always gives the most."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.queue = ConnectQueue(lambda: 1.0)
        self.moved: list[str] = []

    def join(self, *sessions: str) -> None:
        for session in sessions:
            self.queue.join(session, partial(self.moved.append, session), self.now)

    def take_next(self, *sessions: str) -> str:
        """Let the clock come to the next turn, and return whose it was."""
        dues = {one: due for one in sessions if (due := self.queue.due(one)) is not None}
        ((first, due),) = dues.items()
        self.now = max(self.now, due)
        assert self.queue.take(first, self.now)
        return first


def test_they_go_in_their_order_at_a_pace() -> None:
    made = Queue()
    made.join("a", "b", "c")
    began = made.now
    assert not made.queue.take("b", made.now), "it is not its turn"
    assert [made.take_next("a", "b", "c") for _ in range(3)] == ["a", "b", "c"]
    assert made.now == began + 2 * PACE_S
    assert made.moved == ["b", "c"], "each was told when it became the first"


def test_while_nothing_is_reached_one_tries_for_all_and_its_hello_wakes_the_others() -> None:
    made = Queue()
    made.join("a", "b", "c")
    assert made.take_next("a", "b", "c") == "a"
    made.queue.failed("", "refused", made.now)
    assert made.queue.due("b") == made.now + LEAST_PAUSE_S
    assert made.queue.trouble == "refused"
    made.join("a")
    assert [made.take_next("a", "b", "c") for _ in range(3)] == ["b", "c", "a"]
    made.join("b")
    made.moved.clear()
    made.now += 0.1
    made.queue.reached("", made.now)
    assert made.moved == ["b"]
    assert made.queue.due("b") == made.now
    assert made.queue.trouble == ""
    assert made.queue.unreached_s(made.now) == 0.0


def test_the_others_keep_the_pace_of_who_came_to_hello_at_once() -> None:
    made = Queue()
    made.queue.failed("", "refused", made.now)
    made.join("a", "b")
    assert made.take_next("a", "b") == "a"
    made.queue.reached("", made.now)
    assert made.queue.due("b") == made.now + PACE_S


def test_the_pause_is_in_proportion_to_the_outage() -> None:
    made = Queue()
    made.join("a")
    for away_s, pause in ((0.0, 0.5), (100.0, 0.5), (400.0, 1.0), (4000.0, 10.0), (1e6, 60.0)):
        made.queue.failed("", "refused", 1000.0)
        made.now = 1000.0 + away_s
        made.take_next("a")
        made.queue.failed("", "refused", made.now)
        made.join("a")
        assert made.queue.due("a") == made.now + pause
        made.queue.reached("", made.now)


def test_a_failure_of_long_ago_says_nothing() -> None:
    """Whoever failed then was stopped, and nobody has tried since."""
    made = Queue()
    made.queue.failed("", "refused", made.now)
    made.now += 2 * LONGEST_PAUSE_S + 1
    made.join("a")
    assert made.queue.trouble == ""
    made.take_next("a")
    made.join("a", "b")
    assert made.queue.due("a") == made.now + PACE_S


def test_who_leaves_holds_nobody_up() -> None:
    made = Queue()
    made.join("a", "b")
    made.queue.leave("a")
    assert made.moved == ["b"]
    assert made.take_next("a", "b") == "b"
    made.queue.leave("a")


def test_a_dead_resume_host_is_left_by_all() -> None:
    made = Queue()
    for tries in range(3):
        assert not made.queue.is_left("wss://dead", made.now), tries
        made.queue.failed("wss://dead", "refused", made.now)
    assert made.queue.is_left("wss://dead", made.now)
    assert not made.queue.is_left("wss://other", made.now)
    assert not made.queue.is_left("", made.now)
    made.queue.reached("", made.now)
    assert made.queue.is_left("wss://dead", made.now + HOST_S - 1)
    assert not made.queue.is_left("wss://dead", made.now + HOST_S + 1)
    made.queue.reached("wss://dead", made.now)
    assert not made.queue.is_left("wss://dead", made.now)


def test_what_is_known_of_hosts_is_bounded() -> None:
    made = Queue()
    for n in range(MAX_HOSTS + 10):
        for _ in range(3):
            made.queue.failed(f"wss://{n}", "refused", made.now)
    assert sum(made.queue.is_left(f"wss://{n}", made.now) for n in range(1000)) == MAX_HOSTS


def test_sessions_learn_of_a_dead_resume_host_from_each_other() -> None:
    queue = ConnectQueue(lambda: 0.5)
    now = 0.0
    sessions = [
        Session(now, random=lambda: 0.5, connects=queue, resumable=Resumable("id", "wss://d", 1, 1))
        for _ in range(5)
    ]
    queue.join("before them", lambda: None, now)
    assert [session.tick(now) for session in sessions] == [[]] * 5
    queue.leave("before them")
    urls = []
    for session in sessions:
        assert session.due is not None
        now = max(now, session.due)
        (action,) = session.tick(now)
        assert isinstance(action, do.Connect)
        urls.append(action.url)
        if action.url:
            session.connect_failed("refused", now)
    assert urls == ["wss://d"] * 3 + ["", ""]


def test_a_session_that_meets_a_no_slows_all_down() -> None:
    queue, tried, now = ConnectQueue(lambda: 1.0), [], 0.0
    sessions = [Session(0.0, random=lambda: 1.0, connects=queue) for _ in range(3)]
    while now < 60.0:
        for session in sessions:
            session.tick(now)
            if session.state is SessionState.CONNECTING:
                tried.append(now)
                session.connect_failed("answered CONNECT with 407", now, denied=True)
        now = min(due for session in sessions if (due := session.due) is not None)
    assert tried == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def failed(session: Session) -> int:
    """Return how many tries have failed since the last HELLO."""
    return session.outage.tries if session.outage else 0


def test_of_a_row_of_tries_in_vain_few_are_remarkable() -> None:
    session, now = Session(0.0, random=lambda: 1.0), 0.0
    assert (session.unremarkable, failed(session)) == (False, 0)
    seen = []
    for _ in range(5):
        session.tick(now)
        seen.append((session.state, session.unremarkable))
        session.connected(now)
        seen.append((session.state, session.unremarkable))
        session.closed(None, now, "reset")
        seen.append((session.state, session.unremarkable))
        assert session.due is not None
        now = session.due
    connecting, hello, waiting = (state for state, _ in seen[:3])
    assert seen == [
        (connecting, False), (hello, False), (waiting, False),
        (connecting, True), (hello, True), (waiting, False),
        (connecting, True), (hello, True), (waiting, True),
        (connecting, True), (hello, True), (waiting, False),
        (connecting, True), (hello, True), (waiting, True),
    ]  # fmt: skip
    assert failed(session) == 5
    session.tick(now)
    session.reconnect(now)
    assert (session.state, session.unremarkable) == (waiting, False), "somebody asked for it"
    session.tick(now)
    session.connected(now)
    session.frame(Frame(10, "", -1, b'{"heartbeat_interval": 41250}'), now)
    assert failed(session) == 0
    session.closed(None, now, "reset")
    assert (session.state, session.unremarkable) == (waiting, False), "it came to HELLO"


def test_somebody_s_wish_waits_for_no_turn() -> None:
    """However long the gateway was away: the one who asks may know that it is back."""
    queue = ConnectQueue(lambda: 0.5)
    sessions = [Session(0.0, random=lambda: 0.5, connects=queue) for _ in range(2)]
    queue.failed("", "refused", 0.0)
    for session in sessions:
        session.tick(0.0)
    assert [session.next_try for session in sessions] == [0.375, None]
    assert sessions[1].detail == "the gateway gives no HELLO: refused"
    sessions[1].reconnect(0.0)
    assert sessions[1].due == 0.0
    assert sessions[1].tick(0.0) == [do.Connect("")]
    sessions[1].reconnect(0.0)
    assert sessions[1].state is SessionState.WAITING
    assert queue.trouble == "refused", "a connection that somebody ended has not failed"


steps = st.lists(
    st.tuples(st.sampled_from(["join", "leave", "due", "due", "failed", "reached"]),
              st.integers(0, 5), st.floats(0, 50)),
    max_size=60,
)  # fmt: skip


@given(steps)
def test_whoever_waits_comes_to_its_turn(script: list[tuple[str, int, float]]) -> None:
    """Nobody is forgotten, nobody is told late, and no two turns are closer than the pace."""
    queue, now, last = ConnectQueue(lambda: 0.5), 0.0, -1.0
    armed: dict[int, float | None] = {}
    waiting: list[int] = []

    def arm(n: int) -> Callable[[], None]:
        return lambda: armed.__setitem__(n, queue.due(n))

    for what, n, later in script:
        now += later * (what != "due")
        if what == "join" and n not in waiting:
            queue.join(n, arm(n), now)
            waiting.append(n)
            arm(n)()
        elif what == "leave":
            queue.leave(n)
            waiting = [one for one in waiting if one != n]
        elif what == "failed":
            queue.failed("", "no", now)
        elif what == "reached":
            queue.reached("", now)
        elif what == "due" and waiting:
            due = armed[waiting[0]]
            assert due is not None
            assert due == queue.due(waiting[0]), "its timer stands at another moment"
            now = max(now, due)
            assert queue.take(waiting.pop(0), now)
            assert now >= last + PACE_S * 0.99
            last = now
        assert [one for one in range(6) if queue.due(one) is not None] == waiting[:1]
