"""Whatever a server, a network and a coordinator do, the session keeps its promises."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.gateway import CLOSE_CODES
from shard_worker import actions as do
from shard_worker.actions import Action
from shard_worker.frame import Frame
from shard_worker.session import CONNECTED, Resumable, Session, State

NATURAL = {
    State.WAITING: "due",
    State.CONNECTING: "connected",
    State.AWAITING_HELLO: "hello",
    State.AWAITING_GRANT: "grant",
    State.IDENTIFYING: "ready",
    State.RESUMING: "resumed",
    State.READY: "dispatch",
}
"""What mostly comes next, so that what is drawn meets all states often."""
inputs = st.sampled_from(
    [
        *("natural",) * 12,
        *("due", "due", "due", "due", "dispatch", "dispatch", "ack", "ack", "op1", "op7", "op9t"),
        *("op9f", "closed", "broken", "time", "connected", "failed", "hello", "grant", "ready"),
        "resumed",
    ]
)
codes = st.sampled_from([None, 1000, 1006, *CLOSE_CODES])


class World:
    """Feeds a session what is drawn and checks all that it asks for."""

    def __init__(self, data: st.DataObject, held: Resumable | None) -> None:
        self.data = data
        self.now = 0.0
        self.connected = False
        self.open = False
        self.grants: set[int] = set()
        self.given = 0
        self.unanswered = 0
        self.known = held
        self.last = held.seq if held else -1
        self.session = Session(
            self.now, random=lambda: data.draw(st.floats(0, 1, exclude_max=True)), held=held
        )

    def step(self, what: str) -> None:
        session = self.session
        seq_before, epoch_before, state_before = session.seq, session.epoch, session.state
        actions = self.feed(what)
        for action in actions:
            self.check(action)
        if session.state in (State.FATAL, State.CLOSED):
            assert session.due is None
        if (
            session.held is not None
            and session.epoch == epoch_before
            and state_before is not State.IDENTIFYING
        ):
            assert session.seq >= seq_before, "seq went back within a session"

    def feed(self, what: str) -> list[Action]:
        session, now, draw = self.session, self.now, self.data.draw
        if what == "natural":
            what = NATURAL.get(session.state, "grant")
        if what == "time":
            self.now += draw(st.floats(0, 100))
            return []
        if what == "due":
            if session.due is None:
                return []
            self.now = max(now, session.due)
            before = session.state
            actions = session.tick(self.now)
            assert session.state is not before or session.due > self.now, "time stands still"
            return actions
        if what == "grant":
            self.given += 1
            self.grants.add(self.given)
            return session.granted(self.given, draw(st.integers(1, 9)), now)
        # All else is brought by a connection; the shell hears nothing of one that was given up.
        if not self.connected:
            return []
        if what == "connected":
            if session.state is not State.CONNECTING:
                return []
            self.open = True
            return session.connected(now)
        if what == "failed":
            if session.state is not State.CONNECTING:
                return []
            self.lost()
            return session.connect_failed("no", now)
        if not self.open:
            return []
        if what == "closed":
            self.lost()
            return session.closed(draw(codes), now)
        if what == "dispatch":
            seqs = draw(st.lists(st.integers(0, 12), min_size=1, max_size=4))
            taken = session.dispatched([("A", seq, b"") for seq in seqs], now)
            if taken is None:
                return session.broken("dispatch out of place", now)
            assert all(a[1] < b[1] for a, b in pairwise(taken))
            self.last = max([self.last, *seqs])
            return []
        if what == "ready":
            seq = draw(st.integers(0, 3))
            actions = session.ready(f"id{self.given}", "wss://r", seq, now)
            if session.state is State.READY:
                self.known, self.last = session.held, seq
            return actions
        if what == "resumed":
            return session.resumed(now)
        if what == "broken":
            return session.broken("corrupt", now)
        if what == "ack":
            self.unanswered = 0
        frames = {
            "hello": Frame(10, "", -1, json.dumps({"heartbeat_interval": 1000}).encode()),
            "ack": Frame(11, "", -1, b"null"),
            "op1": Frame(1, "", -1, b"null"),
            "op7": Frame(7, "", -1, b"null"),
            "op9t": Frame(9, "", -1, b"true"),
            "op9f": Frame(9, "", -1, b"false"),
        }
        if what == "op1":
            self.unanswered = -1  # its answer is extra
        return session.frame(frames[what], now)

    def lost(self) -> None:
        self.connected = self.open = False
        self.unanswered = 0

    def check(self, action: Action) -> None:
        session = self.session
        match action:
            case do.Connect():
                assert not self.connected, "two connections of one shard"
                self.connected = True
            case do.SendIdentify(grant_id, _):
                assert session.held is None, "an identify where a resume would do"
                self.grants.remove(grant_id)  # KeyError: without a grant, or twice
            case do.ReturnGrant(grant_id):
                self.grants.remove(grant_id)
            case do.SendResume(session_id, seq):
                assert self.known is not None
                assert (session_id, seq) == (self.known.session_id, self.last)
            case do.SendHeartbeat(seq):
                assert seq == self.last
                self.unanswered += 1
                assert self.unanswered <= 1, "a second heartbeat over an unanswered one"
            case do.Close():
                assert self.connected
                self.lost()
            case do.EndEpoch():
                self.known, self.last = None, -1
            case do.GiveUp():
                assert session.state is State.FATAL


held = st.none() | st.builds(
    Resumable, st.just("old"), st.sampled_from(["", "wss://r"]), st.integers(0, 9), st.just(1)
)


@settings(max_examples=150)
@given(st.data(), held, st.lists(inputs, min_size=30, max_size=80))
def test_whatever_happens(data: st.DataObject, held: Resumable | None, steps: list[str]) -> None:
    world = World(data, held)
    for what in steps:
        world.step(what)
    assert not world.grants, "a grant was neither used nor given back"
    assert world.connected == (world.session.state in CONNECTED)
    for action in world.session.stop(world.now):
        world.check(action)
    assert not world.connected


@settings(max_examples=50)
@given(st.data(), st.lists(st.sampled_from(["op7", "op9t", "closed", "broken"]), min_size=1))
def test_no_loop_without_ready_or_resumed_is_endless(data: st.DataObject, ends: list[str]) -> None:
    """A server that takes RESUME and then always ends it: the session is soon given up."""
    world = World(data, Resumable("old", "wss://r", 5, 1))
    for turn in range(6):
        world.step("due")
        world.step("connected")
        world.step("hello")
        if world.session.state is not State.RESUMING:
            break
        end = ends[turn % len(ends)]
        if end == "closed":
            world.lost()
            for action in world.session.closed(4000, world.now):
                world.check(action)
        else:
            world.step(end)
    assert turn <= 5
    assert world.session.state is State.AWAITING_GRANT
