"""Whatever a server, a network and a coordinator do, the session keeps its promises:

1. no identify without a grant;
2. no second heartbeat after one that was followed by nothing, and no fifth after four without an
   acknowledgement, but where op 1 asks for it: a reconnect;
3. seq never goes back within a session;
4. RESUME always with the session and the seq that are the right ones;
5. every loop that reaches neither READY nor RESUMED is bounded: so many RESUMEs a session, so many
   tries of a resume host, so many identifies and connections in a time.

Connections that do not come to HELLO have bounds of their own (connect_queue.py): they follow each
other slowly, the slower the longer the gateway is away.

``World`` is a model of its own: it believes nothing that the session says of itself.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.discord.close_codes import CLOSE_CODES, Then
from cluster.wire.states import SessionState
from shard_worker.protocol import actions as do
from shard_worker.protocol.actions import Action
from shard_worker.protocol.frame import Frame, FrameEvent
from shard_worker.protocol.session import Resumable, Session
from shard_worker.protocol.states import CONNECTED
from tests.progress import progress

DAY_S = 24 * 3600.0
MAX_RESUMES, MAX_RESUMES_WITHOUT_EVENTS, MAX_HOST_TRIES = 20, 5, 3
MAX_EARLY_IDENTIFIES, LEAST_PAUSE_S = 9, 450.0
"""Identifies that lead to no READY: a few soon, then one in so long at least."""

MAX_SILENCE_S = 61.0
MAX_BEATS = 4
"""Heartbeats in a row without an acknowledgement."""
LEAST_APART_S, MOST_TRIES_A_DAY = 0.25, 5000
"""Connections that do not come to HELLO, in a row."""

NATURAL = {
    SessionState.WAITING: "due",
    SessionState.CONNECTING: "connected",
    SessionState.AWAITING_HELLO: "hello",
    SessionState.AWAITING_GRANT: "grant",
    SessionState.IDENTIFYING: "ready",
    SessionState.RESUMING: "resumed",
    SessionState.READY: "dispatch",
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
FRAMES = {
    "hello": Frame(10, "", -1, json.dumps({"heartbeat_interval": 1000}).encode()),
    "ack": Frame(11, "", -1, b"null"),
    "op1": Frame(1, "", -1, b"null"),
    "op7": Frame(7, "", -1, b"null"),
    "op9t": Frame(9, "", -1, b"true"),
    "op9f": Frame(9, "", -1, b"false"),
}


class World:
    """Feeds a session and checks all that it asks for."""

    def __init__(
        self, draw: Callable[[st.SearchStrategy[Any]], Any], held: Resumable | None
    ) -> None:
        self.draw = draw
        self.now = 0.0
        self.wire = ""
        """"opening", "open", or "": there is no connection."""
        self.grants: set[int] = set()
        self.given = 0
        self.beat_open = False
        """A heartbeat was sent, and nothing has come since."""
        self.beats = 0
        """Heartbeats since the last acknowledgement."""
        self.asked_to_beat = False
        self.known = held and held.session_id
        self.last = held.seq if held else -1
        self.epoch = held.epoch if held else 0
        self.resumes = 0
        self.resumes_with_events = 0
        self.had_events = False
        self.at_host = False
        self.host_tries = 0
        self.identifies: list[float] = []
        self.connects: list[float] = []
        """When each connection was begun that came to HELLO."""
        self.began = 0.0
        """When the last connection was begun."""
        self.unreached: list[float] = []
        """When those were begun that have not come to HELLO, since the last one that has."""
        jitter = st.floats(0, 1, exclude_max=True)
        self.session = Session(self.now, random=lambda: float(draw(jitter)), resumable=held)

    def step(self, what: str) -> None:
        if what == "natural":
            what = NATURAL.get(self.session.state, "grant")
        if what == "time":
            self.now += self.draw(st.floats(0, 100))
        elif what == "due":
            self.due()
        elif what == "grant":
            self.given += 1
            self.grants.add(self.given)
            epoch = self.draw(st.integers(1, 9))
            self.do(self.session.granted(self.given, epoch, self.now))
        elif what in ("connected", "failed"):
            if self.wire == "opening":  # a connection tells so once
                self.opened(well=what == "connected")
        elif self.wire == "open":  # of one that was given up the shell hears nothing
            self.brought(what)
        if self.session.state in (SessionState.FATAL, SessionState.CLOSED):
            assert self.session.due is None

    def due(self) -> None:
        if self.session.due is not None:
            self.now = max(self.now, self.session.due)
            before = self.session.state
            self.do(self.session.tick(self.now))
            due = self.session.due
            assert self.session.state is not before or (due and due > self.now), "time stands still"

    def opened(self, *, well: bool) -> None:
        if well:
            self.wire = "open"
            self.do(self.session.connected(self.now))
        else:
            self.lost()
            self.do(self.session.connect_failed("no", self.now))

    def brought(self, what: str) -> None:
        session, now = self.session, self.now
        if what != "closed":
            self.beat_open = False
            session.heard()
        if what == "closed":
            self.closed(self.draw(codes))
        elif what == "dispatch":
            seqs = self.draw(st.lists(st.integers(0, 12), min_size=1, max_size=4))
            self.dispatch(seqs)
        elif what == "ready":
            self.ready(self.draw(st.integers(0, 3)))
        elif what == "resumed":
            actions = session.resumed(now)
            if session.state is SessionState.READY:
                self.resumes = self.resumes_with_events = 0
                self.host_tries = 0 if self.at_host else self.host_tries
            self.do(actions)
        elif what == "broken":
            self.do(session.broken("corrupt", now))
        else:
            if what == "ack":
                self.beats = 0
            self.asked_to_beat = what == "op1"
            actions = session.frame(FRAMES[what], now)
            if what == "hello" and session.heartbeat_interval is not None:
                self.reached()
            self.do(actions)
            self.asked_to_beat = False
            assert what != "op9f" or self.known is None, "the server has ended it"

    def closed(self, code: int | None) -> None:
        self.lost()
        actions = self.session.closed(code, self.now)
        then = CLOSE_CODES[code].then if code in CLOSE_CODES else Then.RESUME
        gave_up = [action for action in actions if isinstance(action, do.GiveUp)]
        assert bool(gave_up) is (then is Then.FATAL)
        assert then is not Then.IDENTIFY or self.session.resumable is None
        self.do(actions)

    def dispatch(self, seqs: list[int]) -> None:
        events: list[FrameEvent] = [("A", seq, b"") for seq in seqs]
        taken = self.session.dispatched(events, self.now)
        if taken is None:
            self.do(self.session.broken("dispatch out of place", self.now))
            return
        right: list[int] = []
        for seq in seqs:
            if seq > max([self.last, *right]):
                right.append(seq)
        assert [seq for _, seq, _ in taken] == right, "seq went back, or an event was left out"
        self.last = max([self.last, *right])
        if self.session.state is SessionState.RESUMING:
            self.had_events = self.had_events or bool(right)
        assert self.session.seq == self.last

    def ready(self, seq: int) -> None:
        identifying = self.session.state is SessionState.IDENTIFYING
        actions = self.session.ready(f"id{self.given}", "wss://r", seq, self.now)
        if identifying:
            assert self.session.state is SessionState.READY
            self.known, self.last = f"id{self.given}", seq
            self.begun()
            self.identifies.clear()
        self.do(actions)

    def reached(self) -> None:
        """HELLO has come: the host lives."""
        if self.at_host and self.session.state is SessionState.RESUMING:
            self.host_tries -= 1
        self.connects.append(self.began)
        self.unreached.clear()

    def begun(self) -> None:
        """Another session, or none: what failed with the last one counts no more."""
        self.resumes = self.resumes_with_events = self.host_tries = 0

    def lost(self) -> None:
        self.wire, self.beat_open, self.beats = "", False, 0

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            self.check(action)

    def check(self, action: Action) -> None:
        match action:
            case do.Connect(url):
                self.connect(url)
            case do.SendIdentify(grant_id, epoch):
                assert self.wire == "open"
                assert self.known is None, "an identify where a resume would do"
                self.grants.remove(grant_id)  # KeyError: without a grant, or twice
                assert epoch > self.epoch, "an epoch twice"
                self.epoch, self.last = epoch, -1
                self.identify()
            case do.ReturnGrant(grant_id):
                self.grants.remove(grant_id)
            case do.SendResume(session_id, seq):
                assert self.wire == "open"
                assert (session_id, seq) == (self.known, self.last), "not what is to be resumed"
                self.resume()
            case do.SendHeartbeat(seq):
                assert self.wire == "open"
                assert seq == self.last
                self.beats += 1
                assert self.asked_to_beat or not self.beat_open, "nothing has come since the last"
                assert self.asked_to_beat or self.beats <= MAX_BEATS, "nobody acknowledges them"
                self.beat_open = True
            case do.Close(code):
                assert self.wire
                assert code not in (1000, 1001), "that would end the session"
                self.lost()
            case do.EndEpoch(epoch, seq, _):
                assert (epoch, seq) == (self.epoch, self.last)
                self.known, self.last = None, -1
                self.begun()
            case do.GiveUp():
                assert self.session.state is SessionState.FATAL
                assert not self.wire

    def connect(self, url: str) -> None:
        assert not self.wire, "two connections of one shard"
        self.wire, self.at_host = "opening", bool(url)
        self.began = self.now
        self.unreached.append(self.now)
        if url:
            assert self.known is not None
            self.host_tries += 1
            assert self.host_tries <= MAX_HOST_TRIES, "a dead resume host is tried for ever"

    def resume(self) -> None:
        self.resumes += 1
        self.resumes_with_events += self.had_events  # of the one before
        self.had_events = False
        assert self.resumes <= MAX_RESUMES, "a session that can't be resumed is tried for ever"
        without = self.resumes - 1 - self.resumes_with_events
        assert without < MAX_RESUMES_WITHOUT_EVENTS

    def identify(self) -> None:
        self.identifies.append(self.now)
        took = self.now - self.identifies[0]
        assert len(self.identifies) <= MAX_EARLY_IDENTIFIES + took / LEAST_PAUSE_S, "a budget spent"


held = st.none() | st.builds(
    Resumable, st.just("old"), st.sampled_from(["", "wss://r"]), st.integers(0, 9), st.just(1)
)


@settings(max_examples=200)
@given(st.data(), held, st.lists(inputs, min_size=30, max_size=80))
def test_whatever_happens(data: st.DataObject, held: Resumable | None, steps: list[str]) -> None:
    progress()
    world = World(data.draw, held)
    for what in steps:
        world.step(what)
    assert not world.grants, "a grant was neither used nor given back"
    assert bool(world.wire) == (world.session.state in CONNECTED)
    world.do(world.session.stop(world.now))
    assert not world.wire


STAGES = ("connected", "hello", "grant")
"""On the way to READY or RESUMED; a server may end each."""
ends = st.tuples(
    st.integers(0, len(STAGES)),
    st.sampled_from(["closed", "op7", "op9t", "op9f", "broken", "silence", "events"]),
)


@settings(max_examples=60)
@given(st.lists(ends, min_size=1, max_size=12), held)
def test_no_loop_without_ready_or_resumed_is_endless(
    script: list[tuple[int, str]], held: Resumable | None
) -> None:
    """A server that ends every try, in one way after the other, for a day. Chance is even here: a
    wait that is drawn as nothing each time would bound no loop in time."""
    world = World(lambda _: 0.5, held)
    for reached, how in itertools.cycle(script):
        if world.now > DAY_S:
            break
        fail(world, reached, how)
        assert world.session.state is SessionState.WAITING
        # A half of a minute between them (of 60 s, by half a chance), and less at the start.
        assert len(world.connects) <= 10 + world.now / 30, "it spins"
        away_s = world.unreached[-1] - world.unreached[0] if world.unreached else 0.0
        assert len(world.unreached) <= 2 + away_s / LEAST_APART_S, "it spins"
        assert len(world.unreached) <= MOST_TRIES_A_DAY, "it does not slow down"


def fail(world: World, reached: int, how: str) -> None:
    """One try, ended after so many stages."""
    session = world.session
    world.due()
    if not world.wire:  # the wait is over, and then comes the turn to connect
        world.due()
    assert world.wire == "opening"
    if reached == 0 and how != "silence":
        world.opened(well=False)
        return
    for stage in STAGES[:reached]:
        if stage == "connected":
            world.opened(well=True)
        elif stage == "hello":
            world.do(session.frame(FRAMES["hello"], world.now))
            world.reached()
        elif session.state is SessionState.AWAITING_GRANT:
            world.given += 1
            world.grants.add(world.given)
            world.do(session.granted(world.given, 1, world.now))
    if how == "events" and session.state is SessionState.RESUMING:
        world.dispatch([world.last + 1])
    if how == "silence":
        began = world.now
        while session.state is not SessionState.WAITING:
            world.due()
            if world.beat_open and session.state is not SessionState.AWAITING_GRANT:
                world.brought("ack")  # it lives, and still says nothing
            assert world.now - began <= MAX_SILENCE_S
    elif how in ("events", "closed"):
        world.closed(4000)
    else:
        world.brought(how)
