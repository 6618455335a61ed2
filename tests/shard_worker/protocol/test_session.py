"""The session's state machine, by example: no clock, no sleep, no socket."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cluster.discord.close_codes import CLOSE_CODES, Then
from cluster.discord.intents import Intents, intents_advice
from cluster.wire.states import SessionState
from shard_worker.protocol import actions as do
from shard_worker.protocol.actions import Action
from shard_worker.protocol.dispatch_order import MAX_FAR, MAX_JUMP
from shard_worker.protocol.frame import Frame, FrameEvent
from shard_worker.protocol.heartbeat import LATE_S, MAX_UNANSWERED
from shard_worker.protocol.latencies import Latencies
from shard_worker.protocol.session import Resumable, Session
from shard_worker.protocol.states import CONNECTED, DEADLINES_S, TRANSITIONS, Input

INTERVAL = 40.0
HELLO = Frame(10, "", -1, json.dumps({"heartbeat_interval": INTERVAL * 1000}).encode())
ACK = Frame(11, "", -1, b"null")
MAIN, RESUME = "", "wss://resume"


def event(seq: int, name: str = "A") -> FrameEvent:
    return (name, seq, b"{}")


class Clock:
    """A session with its clock; ``random`` always gives a half."""

    def __init__(
        self,
        held: Resumable | None = None,
        *,
        random: float = 0.5,
        advice: dict[int, str] | None = None,
        latencies: Latencies | None = None,
    ) -> None:
        self.now = 1000.0
        self.session = Session(
            self.now, random=lambda: random, resumable=held, advice=advice,
            latencies=latencies,
        )  # fmt: skip

    def pass_to_due(self) -> list[Action]:
        assert self.session.due is not None
        self.now = max(self.now, self.session.due)
        return self.session.tick(self.now)

    def connect(self, url: str = MAIN) -> None:
        assert self.pass_to_due() == [do.Connect(url)]
        assert self.session.connected(self.now) == []

    def hello(self) -> list[Action]:
        return self.session.frame(HELLO, self.now)

    def identify(self, epoch: int = 1) -> None:
        self.connect()
        assert self.hello() == [do.RequestGrant()]
        assert self.session.granted(7, epoch, self.now) == [do.SendIdentify(7, epoch)]

    def ready(self, seq: int = 1) -> None:
        self.identify()
        assert self.session.ready("id", RESUME, seq, self.now) == []
        assert self.session.state is SessionState.READY

    def resume(self, url: str = RESUME) -> None:
        self.connect(url)
        assert self.hello() == [do.SendResume("id", self.session.seq)]

    def lose(self) -> None:
        self.session.closed(None, self.now)
        assert self.session.state is SessionState.WAITING

    def dispatch(self, *seqs: int) -> list[int]:
        taken = self.session.dispatched([event(seq) for seq in seqs], self.now)
        assert taken is not None
        return [seq for _, seq, _ in taken]


def test_the_table_is_whole() -> None:
    """Every state but the last is reached and left; what has a connection can lose it."""
    reached = {SessionState.WAITING} | set(TRANSITIONS.values())
    told_of_others = {SessionState.STARTING, SessionState.DOWN}  # by the coordinator
    assert reached == set(SessionState) - told_of_others
    for state in CONNECTED:
        assert TRANSITIONS[state, Input.LOST] is SessionState.WAITING
        assert TRANSITIONS[state, Input.REFUSED] is SessionState.FATAL
    assert not [state for state, _ in TRANSITIONS if state is SessionState.CLOSED]
    assert {i for s, i in TRANSITIONS if s is SessionState.FATAL} == {Input.STOP, Input.RETRY}


def test_first_start() -> None:
    clock = Clock()
    session = clock.session
    assert (session.state, session.epoch, session.seq) == (SessionState.WAITING, 0, -1)
    assert (session.detail, session.lost_by, session.reconnects) == ("", "", {})
    assert session.latency is session.refused is session.heartbeat_interval is None
    assert (session.late_acks, session.order.far, session.order.duplicates) == (0, 0, 0)
    clock.ready(seq=0)  # a server may begin at 0
    assert clock.session.resumable == Resumable("id", RESUME, 0, 1)
    assert clock.dispatch(1, 2, 3) == [1, 2, 3]
    assert (clock.session.seq, clock.session.epoch) == (3, 1)


def test_a_new_process_resumes_at_once() -> None:
    clock = Clock(Resumable("id", RESUME, 41, 3))
    assert clock.session.due == clock.now
    clock.resume()
    assert clock.dispatch(42, 43) == [42, 43]
    assert clock.session.resumed(clock.now) == []
    assert clock.session.state is SessionState.READY
    assert clock.session.reconnects == {}


@pytest.mark.parametrize(("waited_s", "latency"), [(0.0, 0.25), (0.125, 0.1875), (1.0, 0.125)])
def test_half_of_what_an_answer_may_have_waited_is_taken_off(
    waited_s: float, latency: float
) -> None:
    """But no more than half of all the time since the heartbeat, before which it did not wait."""
    clock = Clock()
    clock.connect()
    clock.hello()
    clock.pass_to_due()
    clock.now += 0.25
    clock.session.frame(ACK, clock.now, waited_s)
    assert clock.session.latency == latency


def test_round_trips_are_counted_with_those_of_other_sessions() -> None:
    latencies = Latencies()
    for took in (0.25, 0.5):
        clock = Clock(latencies=latencies)
        clock.ready()
        clock.pass_to_due()
        clock.session.frame(ACK, clock.now + took)
        clock.session.frame(ACK, clock.now + took)  # which answers nothing
    assert (sum(latencies.counts), latencies.seconds) == (2, 0.75)


def test_heartbeats() -> None:
    clock = Clock()
    clock.connect()
    clock.hello()
    first = clock.now
    assert clock.session.due == first + INTERVAL / 2  # jittered: random says a half
    assert clock.pass_to_due() == [do.SendHeartbeat(-1)]  # before IDENTIFY, nothing received
    clock.now += 0.25
    clock.session.frame(ACK, clock.now)
    assert clock.session.latency == 0.25
    assert clock.session.due == first + INTERVAL * 1.5
    clock.session.granted(7, 1, clock.now)
    clock.session.ready("id", RESUME, 1, clock.now)
    clock.dispatch(2, 3)
    assert clock.pass_to_due() == [do.SendHeartbeat(3)]


def test_a_missed_acknowledgement_is_a_zombie() -> None:
    clock = Clock()
    clock.ready()
    assert clock.pass_to_due() == [do.SendHeartbeat(1)]
    assert clock.pass_to_due() == [do.Close(4000)]
    assert clock.session.reconnects == {"zombie": 1}
    clock.resume()


def test_whatever_comes_after_a_heartbeat_proves_life() -> None:
    """Acknowledgements stand in line behind events: here they take one and a half intervals."""
    clock = Clock()
    clock.ready()
    acks: list[float] = []
    seq = 1
    for _ in range(50):
        assert clock.pass_to_due() == [do.SendHeartbeat(seq)]
        acks.append(clock.now + 1.5 * INTERVAL)
        clock.now += 0.7 * INTERVAL
        if acks[0] <= clock.now:
            clock.session.frame(ACK, acks.pop(0))
            assert clock.session.latency == 1.5 * INTERVAL, "measured, not from the last one"
        clock.session.heard()
        seq += 1
        clock.dispatch(seq)
    assert clock.session.reconnects == {}
    assert clock.session.late_acks == 49
    clock.pass_to_due()
    assert clock.pass_to_due() == [do.Close(4000)], "now nothing has come for an interval"
    assert clock.session.reconnects == {"zombie": 1}


def test_an_acknowledgement_is_late_that_comes_after_the_next_heartbeat_s_time() -> None:
    clock = Clock()
    clock.ready()
    for late, after in ((0, INTERVAL), (1, INTERVAL + 1)):
        clock.pass_to_due()
        clock.session.frame(ACK, clock.now + after)
        assert (clock.session.late_acks, clock.session.latency) == (late, after)


def test_who_sends_and_never_acknowledges_may_not_hear() -> None:
    clock = Clock()
    clock.ready()
    for _ in range(MAX_UNANSWERED):
        assert clock.pass_to_due() == [do.SendHeartbeat(1)]
        clock.session.heard()
    assert clock.pass_to_due() == [do.Close(4000)]
    assert clock.session.reconnects == {"zombie": 1}
    clock.resume()
    clock.session.resumed(clock.now)
    for _ in range(MAX_UNANSWERED - 1):
        clock.pass_to_due()
        clock.session.heard()
    clock.session.frame(ACK, clock.now)
    for _ in range(MAX_UNANSWERED):
        assert clock.pass_to_due() == [do.SendHeartbeat(1)], "one acknowledgement is enough"
        clock.session.heard()
    assert clock.pass_to_due() == [do.Close(4000)]


def test_answers_that_were_left_unread_say_nothing_of_the_way() -> None:
    clock = Clock()
    clock.ready()
    clock.pass_to_due()
    clock.now += 0.25
    clock.session.frame(ACK, clock.now)
    clock.session.hold(clock.now)
    for _ in range(3):
        clock.pass_to_due()
    clock.session.go_on(clock.now)
    for _ in range(3):
        clock.session.frame(ACK, clock.now)
    assert clock.session.latency == 0.25
    clock.pass_to_due()
    clock.now += 0.5
    clock.session.frame(ACK, clock.now)
    assert clock.session.latency == 0.5
    clock.pass_to_due()
    clock.session.hold(clock.now)
    clock.session.go_on(clock.now)
    for _ in range(MAX_UNANSWERED):
        assert clock.pass_to_due() == [do.SendHeartbeat(1)], "nor of whether it is heard"
        clock.session.heard()
    assert clock.pass_to_due() == [do.Close(4000)]


def test_what_is_left_unread_is_not_missed() -> None:
    """Heartbeats go on, and an answer has a whole interval from when it may be read again."""
    clock = Clock()
    clock.ready()
    clock.session.hold(clock.now)
    for _ in range(5):
        assert clock.pass_to_due() == [do.SendHeartbeat(1)]
    assert clock.session.due is not None
    clock.now = clock.session.due
    clock.session.go_on(clock.now)
    assert clock.session.tick(clock.now) == [do.SendHeartbeat(1)]
    assert clock.pass_to_due() == [do.Close(4000)]
    assert clock.session.reconnects == {"zombie": 1}


def test_a_replay_that_is_left_unread_does_not_time_out() -> None:
    clock = Clock(Resumable("id", RESUME, 5, 1))
    clock.resume()
    clock.session.hold(clock.now)
    until = clock.now + 3 * DEADLINES_S[SessionState.RESUMING]
    while clock.now < until:
        assert clock.pass_to_due() in ([], [do.SendHeartbeat(5)])
    clock.session.go_on(clock.now)
    read_at = clock.now
    while clock.session.state is SessionState.RESUMING:
        clock.pass_to_due()
        clock.session.frame(ACK, clock.now)
    assert clock.now == read_at + DEADLINES_S[SessionState.RESUMING]
    assert clock.session.reconnects == {"resuming timed out": 1}


def test_a_new_connection_is_read_whatever_was_held_before() -> None:
    clock = Clock()
    clock.ready()
    clock.session.hold(clock.now)
    clock.lose()
    clock.resume()
    clock.session.resumed(clock.now)
    assert clock.pass_to_due() == [do.SendHeartbeat(1)]
    assert clock.pass_to_due() == [do.Close(4000)]


def test_a_heartbeat_that_is_far_too_late_finds_nobody() -> None:
    """The process was stopped: the server has given the connection up long ago."""
    for late, actions in (
        (INTERVAL + LATE_S, [do.SendHeartbeat(1)]),
        (INTERVAL + LATE_S + 0.1, [do.Close(4000)]),
    ):
        clock = Clock()
        clock.ready()
        assert clock.session.due is not None
        clock.now = clock.session.due + late
        assert clock.session.tick(clock.now) == actions
    assert clock.session.reconnects == {"late heartbeat": 1}
    clock.resume()


@pytest.mark.parametrize("jitter", [0.0, 0.25, 0.999])
def test_the_first_heartbeat_is_jittered(jitter: float) -> None:
    clock = Clock(random=jitter)
    clock.connect()
    clock.hello()
    assert clock.session.due == clock.now + INTERVAL * jitter
    clock.pass_to_due()
    clock.session.frame(ACK, clock.now)
    assert clock.session.due == clock.now + INTERVAL, "only the first"


def test_op_1_is_answered_at_once_and_puts_the_next_heartbeat_off() -> None:
    clock = Clock()
    clock.ready()
    clock.now += 10
    assert clock.session.frame(Frame(1, "", -1, b"null"), clock.now) == [do.SendHeartbeat(1)]
    assert clock.session.due == clock.now + INTERVAL
    assert clock.session.frame(Frame(1, "", -1, b"null"), clock.now) == [], "one answers them all"
    assert clock.pass_to_due() == [do.Close(4000)], "op 1's answer wants its ACK too"


RESUMED_AFTER = (None, 1000, 1001, 1006, 3999, 4000, 4001, 4002, 4005, 4006, 4008, 4017, 4999)
"""With codes that nobody has listed, and none at all."""
IDENTIFIED_AFTER = (4003, 4007, 4009)
FATAL = {
    4004: ("authentication failed", "DCGW_TOKEN"),
    4010: ("invalid shard", "`shards`"),
    4011: ("sharding required", "reshard auto"),
    4012: ("invalid api version", "`api_version`"),
    4013: ("invalid intents", "`intents`"),
    4014: ("disallowed intents", "privileged intents"),
    4015: ("too many sessions", "close other sessions"),
    4016: ("connection request canceled", "took it back"),
}
"""Meaning, and a part of what to do."""


def test_the_tables_of_close_codes_are_the_same() -> None:
    ours = {code: c.then for code, c in CLOSE_CODES.items()}
    assert {code for code, then in ours.items() if then is Then.FATAL} == set(FATAL)
    assert {code for code, then in ours.items() if then is Then.IDENTIFY} == set(IDENTIFIED_AFTER)
    assert {code for code, then in ours.items() if then is Then.RESUME} <= set(RESUMED_AFTER)


@pytest.mark.parametrize("code", RESUMED_AFTER)
def test_closes_that_are_resumed(code: int | None) -> None:
    clock = Clock()
    clock.ready()
    clock.dispatch(2)
    assert clock.session.closed(code, clock.now) == []
    clock.resume()
    assert clock.session.seq == 2


@pytest.mark.parametrize("code", IDENTIFIED_AFTER)
def test_closes_that_end_the_session(code: int) -> None:
    clock = Clock()
    clock.ready()
    clock.dispatch(2)
    assert clock.session.closed(code, clock.now) == [do.EndEpoch(1, 2, f"closed {code}")]
    clock.identify(epoch=2)


@pytest.mark.parametrize("code", FATAL)
def test_closes_that_are_fatal(code: int) -> None:
    """The tries are over, and a reader sees what was meant and what to do about it."""
    meaning, advice = FATAL[code]
    clock = Clock()
    clock.ready()
    (gave_up,) = clock.session.closed(code, clock.now)
    assert isinstance(gave_up, do.GiveUp)
    assert gave_up.cause == f"closed {code} ({meaning})"
    assert advice in gave_up.action
    assert clock.session.detail == f"{gave_up.cause}: {gave_up.action}"
    assert clock.session.refused == code
    assert clock.session.state is SessionState.FATAL
    assert clock.session.due is None, "it would spin"
    assert clock.session.tick(clock.now + 1e6) == []


def test_4014_names_the_privileged_intents_and_4013_the_bits() -> None:
    asked = Intents.GUILDS | Intents.GUILD_MEMBERS | Intents.MESSAGE_CONTENT
    advice = intents_advice(int(asked) | 1 << 29 | 1 << 31)
    for code, named, unnamed in (
        (4014, ("GUILD_MEMBERS, MESSAGE_CONTENT", "portal"), ("GUILD_PRESENCES", "GUILDS")),
        (4013, ("bit 29, 31",), ("15", "unofficial", "bots")),
    ):
        clock = Clock(advice=advice)
        clock.identify()
        (gave_up,) = clock.session.closed(code, clock.now)
        assert isinstance(gave_up, do.GiveUp)
        assert all(word in gave_up.action for word in named)
        assert not [word for word in unnamed if word in gave_up.action]
        assert gave_up.action in clock.session.detail
    assert intents_advice(int(Intents.GUILDS)) == {}, "nothing better is known"


@pytest.mark.parametrize(
    "state", [SessionState.AWAITING_GRANT, SessionState.IDENTIFYING, SessionState.RESUMING]
)
def test_fatal_wherever_it_comes(state: SessionState) -> None:
    clock = Clock(Resumable("id", RESUME, 4, 1) if state is SessionState.RESUMING else None)
    if state is SessionState.RESUMING:
        clock.resume()
    else:
        clock.connect()
        clock.hello()
    if state is SessionState.IDENTIFYING:
        clock.session.granted(7, 1, clock.now)
    assert clock.session.state is state
    assert isinstance(clock.session.closed(4004, clock.now)[0], do.GiveUp)
    assert clock.session.granted(8, 2, clock.now) == [do.ReturnGrant(8)]


def test_op_7_resumes() -> None:
    clock = Clock()
    clock.ready()
    assert clock.session.frame(Frame(99, "", -1, b"{}"), clock.now) == []  # ops of later days
    assert clock.session.frame(Frame(7, "", -1, b"null"), clock.now) == [do.Close(4000)]
    clock.resume()


@pytest.mark.parametrize("random", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("resumable", [b"true", b"false", b"null"])
def test_after_op_9_it_waits_one_to_five_seconds(random: float, resumable: bytes) -> None:
    clock = Clock(random=random)
    clock.ready()
    clock.session.frame(Frame(9, "", -1, resumable), clock.now)
    assert clock.session.due is not None
    assert 1.0 <= clock.session.due - clock.now <= 5.0
    assert clock.session.tick(clock.now + 0.99) == []
    if resumable == b"true":
        clock.resume()
    else:
        clock.identify(epoch=2)


def test_op_9() -> None:
    clock = Clock()
    clock.ready()
    clock.dispatch(2)
    clock.session.frame(Frame(9, "", -1, b"true"), clock.now)
    assert clock.session.due == clock.now + 3.0  # 1 to 5 s: random says a half
    clock.resume()
    actions = clock.session.frame(Frame(9, "", -1, b"false"), clock.now)
    assert actions == [do.Close(4000), do.EndEpoch(1, 2, "op 9")]
    assert clock.session.due == clock.now + 3.0
    clock.identify(epoch=2)
    assert clock.session.seq == -1


def test_a_grant_that_comes_too_late_is_given_back() -> None:
    clock = Clock()
    clock.connect()
    clock.hello()
    clock.lose()
    assert clock.session.granted(7, 1, clock.now) == [do.ReturnGrant(7)]
    clock.identify()
    assert clock.session.granted(8, 2, clock.now) == [do.ReturnGrant(8)]


def test_a_grant_that_comes_twice_is_not_given_back_once_it_is_used() -> None:
    """The coordinator gives it again to who asks again, and would take its identify for unsent."""
    clock = Clock()
    clock.connect()
    clock.hello()
    assert clock.session.granted(7, 1, clock.now) == [do.SendIdentify(7, 1)]
    assert clock.session.granted(7, 1, clock.now) == []
    assert clock.session.granted(8, 2, clock.now) == [do.ReturnGrant(8)]
    clock.session.ready("id", RESUME, 1, clock.now)
    assert clock.session.granted(7, 1, clock.now) == []


def test_epochs_grow_even_if_the_coordinator_forgot() -> None:
    clock = Clock(Resumable("id", RESUME, 4, 9))
    clock.resume()
    clock.session.frame(Frame(9, "", -1, b"false"), clock.now)
    clock.connect()
    clock.hello()
    assert clock.session.granted(7, 1, clock.now) == [do.SendIdentify(7, 10)]


def test_repeated_seqs_take_no_position() -> None:
    clock = Clock(Resumable("id", RESUME, 5, 1))
    clock.resume()
    assert clock.dispatch(4, 5, 6, 6, 7) == [6, 7]
    clock.session.resumed(clock.now)
    assert clock.dispatch(7) == []
    assert clock.dispatch(10, 12) == [10, 12]  # a hole, which the journal's writer records
    assert (clock.session.seq, clock.session.order.duplicates) == (12, 4)


def test_an_s_far_beyond_the_last_is_left_out_unless_many_are() -> None:
    clock = Clock()
    clock.ready()
    assert clock.dispatch(2, 10**17, 3) == [2, 3]
    assert clock.dispatch(3 + MAX_JUMP) == [3 + MAX_JUMP]
    last = 3 + MAX_JUMP
    assert clock.dispatch(last + MAX_JUMP + 1, last + 1) == [last + 1], "one is as good as none"
    assert clock.session.order.far == 2
    far = [10**9 + n for n in range(MAX_FAR - 1)]
    assert clock.dispatch(*far) == []
    assert clock.dispatch(last + 2) == [last + 2], "and begins the count anew"
    assert clock.dispatch(*far[:5]) == clock.dispatch(*far[5:]) == []
    assert clock.dispatch(10**9 + 50, 10**9 + 51, 10**9 + 52) == [10**9 + 51, 10**9 + 52]
    assert clock.session.order.far == 2 + 2 * (MAX_FAR - 1) + 1
    assert clock.dispatch(10**12) == []
    assert (clock.session.seq, clock.session.order.duplicates) == (10**9 + 52, 0)
    far = [10**12 + n for n in range(MAX_FAR)]
    assert clock.dispatch(far[0], 10**9 + 53, *far) == [10**9 + 53], "anew within a slice too"


def test_a_session_s_first_dispatches_may_be_far_away() -> None:
    clock = Clock()
    clock.ready()
    for n in range(MAX_FAR):
        assert clock.dispatch(10**9 + n) == []
    assert clock.dispatch(10**9 + MAX_FAR) == [10**9 + MAX_FAR]


def test_what_is_out_of_place_is_a_reason_to_reconnect() -> None:
    clock = Clock()
    clock.ready()
    assert clock.session.ready("other", RESUME, 1, clock.now) == [do.Close(4000)]
    clock.resume()
    assert clock.hello() == [do.Close(4000)]
    clock.connect(RESUME)
    assert clock.session.resumed(clock.now) == [do.Close(4000)]
    clock = Clock()
    clock.identify()
    assert clock.session.dispatched([event(1)], clock.now) is None


@pytest.mark.parametrize(
    "data", [b"null", b"{}", b'{"heartbeat_interval":0}', b"[", b'{"heartbeat_interval":1e308}']
)
def test_a_hello_that_is_none(data: bytes) -> None:
    clock = Clock()
    clock.connect()
    assert clock.session.frame(Frame(10, "", -1, data), clock.now) == [do.Close(4000)]
    assert clock.session.reconnects == {"bad HELLO": 1}
    assert clock.session.detail not in ("", "the gateway gives no HELLO: None")
    assert ("heartbeat_interval" in clock.session.detail) is (data == b"{}"), "what is wrong of it"


@pytest.mark.parametrize(("interval_s", "good"), [(0.001, True), (3600, True), (3600.1, False)])
def test_intervals_that_hello_may_say(interval_s: float, good: bool) -> None:
    clock = Clock()
    clock.connect()
    data = json.dumps({"heartbeat_interval": interval_s * 1000}).encode()
    clock.session.frame(Frame(10, "", -1, data), clock.now)
    assert clock.session.heartbeat_interval == (interval_s if good else None)
    assert clock.session.lost_by == ("" if good else "bad HELLO")


@pytest.mark.parametrize("silent", [False, True])
def test_a_dead_resume_host_is_left_for_the_main_url(silent: bool) -> None:
    clock = Clock(Resumable("id", RESUME, 5, 1))
    for _ in range(3):
        if silent:  # upgrades, and then says nothing
            clock.connect(RESUME)
            assert clock.pass_to_due() == [do.Close(4000)]
        else:
            assert clock.pass_to_due() == [do.Connect(RESUME)]
            clock.session.connect_failed("the server answered 503", clock.now)
            assert "503" in clock.session.detail
    clock.resume(MAIN)
    clock.session.resumed(clock.now)
    clock.lose()
    clock.resume(MAIN)  # dead hosts stay dead for days
    clock.session.frame(Frame(9, "", -1, b"false"), clock.now)
    clock.identify(2)
    clock.session.ready("id", "wss://new", 1, clock.now)
    clock.lose()
    clock.connect("wss://new")


def test_resumes_that_lead_nowhere_end_in_an_identify() -> None:
    clock = Clock(Resumable("id", RESUME, 5, 1))
    for _ in range(4):
        clock.resume()
        assert clock.session.closed(4000, clock.now) == []
    clock.resume()
    assert clock.session.closed(4000, clock.now) == [do.EndEpoch(1, 5, "closed 4000")]
    clock.identify(2)


def test_resumes_that_bring_events_get_more_tries() -> None:
    clock = Clock(Resumable("id", RESUME, 5, 1))
    for n in range(20):
        clock.resume()
        assert clock.dispatch(6 + n) == [6 + n]
        ended = clock.session.closed(4000, clock.now)
        assert ended == ([do.EndEpoch(1, 25, "closed 4000")] if n == 19 else [])


def test_silence_after_identify_or_resume_is_bounded() -> None:
    clock = Clock()
    clock.identify()
    while clock.session.state is SessionState.IDENTIFYING:
        clock.session.frame(ACK, clock.now)
        clock.pass_to_due()
    assert clock.session.reconnects == {"identifying timed out": 1}
    clock = Clock(Resumable("id", RESUME, 5, 1))
    clock.resume()
    clock.now += 59
    clock.dispatch(6)  # the replay goes on
    deadline = clock.now + 60
    while clock.session.state is SessionState.RESUMING:
        clock.session.frame(ACK, clock.now)
        clock.pass_to_due()
    assert clock.now == deadline


def test_waits_grow_and_start_over_after_a_stable_half_minute() -> None:
    clock = Clock()
    clock.ready()
    waits = []
    for _ in range(9):
        clock.lose()
        assert clock.session.due is not None
        waits.append(clock.session.due - clock.now)
        clock.resume()
        clock.session.resumed(clock.now)
    assert waits == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]  # a half of 0.5, 1, 2 ... 60
    clock.now += 29
    clock.lose()
    assert clock.session.due == clock.now + 1, "a half of 60, from when the connection was begun"
    clock.resume()
    clock.session.resumed(clock.now)
    clock.now += 30
    for wait in (0.25, 0.5, 1):
        clock.lose()
        assert clock.session.due == clock.now + wait
        clock.resume()
        clock.session.resumed(clock.now)


def test_failures_to_connect_count_until_hello_and_no_further() -> None:
    clock = Clock()
    clock.ready()
    clock.now += 60
    clock.lose()
    began, tries = clock.now, 0
    while clock.now < began + 300:
        tries += 1
        assert clock.pass_to_due() == [do.Connect(RESUME if tries <= 3 else MAIN)]
        clock.session.connect_failed("refused", clock.now)
        assert clock.session.detail == "the gateway gives no HELLO: refused"
        assert clock.session.due is not None
        assert clock.session.due - clock.now <= 0.75
    clock.resume(MAIN)
    clock.session.frame(Frame(9, "", -1, b"false"), clock.now)
    assert clock.session.due == clock.now + 3.0, "1 to 5 s: random says a half"
    clock.identify(2)
    clock.session.ready("id", RESUME, 1, clock.now)
    clock.now += 36
    clock.session.broken("corrupt stream", clock.now)
    assert clock.session.due == clock.now + 0.25
    clock.resume()
    clock.session.frame(Frame(9, "", -1, b"false"), clock.now)
    assert clock.session.due == clock.now + 3.0


def test_failed_identifies_slow_down_to_four_an_hour() -> None:
    clock = Clock()
    sent, began = 0, clock.now
    while clock.now < began + 24 * 3600:
        clock.connect()
        clock.hello()
        clock.session.granted(sent, sent + 1, clock.now)
        sent += 1
        clock.session.frame(Frame(9, "", -1, b"false"), clock.now)
    assert sent < 24 * 8, "the daily budget would go on one shard"


LOSSES: list[tuple[Callable[[Session, float], list[Action]], str, str]] = [
    (lambda s, now: s.closed(None, now, "reset"), "connection lost", "connection lost (reset)"),
    (lambda s, now: s.closed(None, now), "connection lost", "connection lost"),
    (lambda s, now: s.closed(4000, now, "any"), "closed 4000", "closed 4000 (unknown error)"),
    (lambda s, now: s.closed(4999, now, "bye"), "closed 4999", "closed 4999 (bye)"),
    (lambda s, now: s.closed(4999, now), "closed 4999", "closed 4999"),
    (lambda s, now: s.broken("corrupt stream", now, "no zlib"), "corrupt stream", "no zlib"),
    (lambda s, now: s.broken("corrupt stream", now), "corrupt stream", "corrupt stream"),
    (lambda s, now: s.frame(Frame(7, "", -1, b"null"), now), "op 7", "op 7"),
    (lambda s, now: s.ready("x", "", 1, now), "READY out of place", "READY out of place"),
]


@pytest.mark.parametrize(("lose", "label", "detail"), LOSSES)
def test_losses_are_counted_by_a_label_and_told_of_in_words(
    lose: Callable[[Session, float], list[Action]], label: str, detail: str
) -> None:
    clock = Clock()
    clock.ready()
    for times in (1, 2):
        lose(clock.session, clock.now)
        assert (clock.session.lost_by, clock.session.detail) == (label, detail)
        assert clock.session.reconnects == {label: times}
        clock.resume()
        assert clock.session.detail == detail, "it is not ready yet"
        clock.session.resumed(clock.now)
        assert clock.session.detail == ""
    clock.session.closed(4009, clock.now)
    clock.identify(epoch=2)
    assert "4009" in clock.session.detail
    clock.session.ready("id", RESUME, 1, clock.now)
    assert clock.session.detail == ""


def test_a_loss_before_hello_is_told_of_in_the_words_of_its_cause() -> None:
    clock = Clock()
    clock.pass_to_due()
    clock.session.connect_failed("refused", clock.now)
    assert clock.session.reconnects == {"connect failed": 1}
    assert clock.session.lost_by == "connect failed"
    clock = Clock(Resumable("id", RESUME, 4, 1))
    clock.connect(RESUME)
    assert clock.session.resumed(clock.now) == [do.Close(4000)]
    assert clock.session.reconnects == {"RESUMED out of place": 1}


def test_success_begins_every_count_anew() -> None:
    """Those of resumes, of connections to the resume host, and of identifies."""
    clock = Clock(Resumable("id", RESUME, 5, 1))
    for _ in range(2):
        for _ in range(4):
            clock.resume()
            assert clock.session.closed(4000, clock.now) == []
        clock.resume()
        clock.session.resumed(clock.now)
        clock.lose()
        for _ in range(2):
            assert clock.pass_to_due() == [do.Connect(RESUME)]
            clock.session.connect_failed("refused", clock.now)
        clock.resume()
        clock.session.resumed(clock.now)
        clock.lose()
    for n in range(5):
        clock.resume()
        ended = clock.session.closed(4000, clock.now)
        assert bool(ended) is (n == 4), "five"
    assert clock.session.seq == -1
    clock.identify(2)
    clock.session.ready("id", RESUME, 1, clock.now)
    clock.lose()
    for n in range(5):
        clock.resume()
        ended = clock.session.closed(4000, clock.now)
        assert bool(ended) is (n == 4), "five of the next session too"


def test_stop() -> None:
    clock = Clock()
    clock.ready()
    assert clock.session.stop(clock.now) == [do.Close(4000)]
    assert clock.session.resumable is not None
    assert clock.session.due is None
    assert clock.session.stop(clock.now) == []
    assert clock.session.granted(8, 2, clock.now) == [do.ReturnGrant(8)]
    clock = Clock()
    clock.ready()
    assert clock.session.stop(clock.now, logout=True) == [
        do.Close(1000),
        do.EndEpoch(1, 1, "logout"),
    ]
    clock = Clock(Resumable("id", RESUME, 5, 1))
    assert clock.session.stop(clock.now) == []  # nothing is open


def test_another_connection_on_request() -> None:
    clock = Clock()
    clock.ready()
    clock.dispatch(2, 3)
    assert clock.session.reconnect(clock.now) == [do.Close(4000)]
    assert clock.session.due == clock.now, "at once"
    assert clock.session.detail == clock.session.lost_by == "restart"
    clock.resume()
    assert clock.session.reconnects == {"restart": 1}
    assert clock.session.seq == 3


def test_an_identify_that_is_under_way_is_not_thrown_away() -> None:
    clock = Clock()
    clock.connect()
    clock.hello()
    clock.session.granted(1, 1, clock.now)
    assert clock.session.reconnect(clock.now) == []
    clock.session.ready("id", RESUME, 1, clock.now)
    assert clock.session.state is SessionState.READY


def test_who_gave_up_tries_anew_when_asked() -> None:
    clock = Clock()
    clock.ready()
    clock.session.closed(4014, clock.now)
    assert clock.session.state is SessionState.FATAL
    assert clock.session.reconnect(clock.now) == []
    assert (clock.session.state, clock.session.refused) == (SessionState.WAITING, None)
    assert clock.session.detail == ""
    clock.resume()


def test_who_waits_for_its_next_try_tries_at_once_when_asked() -> None:
    clock = Clock()
    clock.ready()
    clock.session.closed(None, clock.now)
    assert clock.session.reconnect(clock.now) == []
    assert clock.session.due == clock.now
    clock.resume()


def test_a_logout_says_why_the_epoch_ends() -> None:
    clock = Clock()
    clock.ready()
    assert clock.session.stop(clock.now, logout=True, cause="resharded") == [
        do.Close(1000),
        do.EndEpoch(1, 1, "resharded"),
    ]


def test_a_replay_that_holds_the_resumed_of_an_earlier_try() -> None:
    """That try was cut before its RESUMED came: the server sends it again, and then another."""
    clock = Clock()
    clock.ready()
    clock.lose()
    clock.resume()
    for seq in (2, 3):
        assert clock.session.resumed(clock.now) == []
        assert clock.session.state is SessionState.READY
        assert clock.dispatch(seq) == [seq]
    assert clock.session.seq == 3
    assert not clock.session.reconnects["RESUMED out of place"]


@pytest.mark.parametrize("code", [1000, None, 4009])
def test_another_session_on_request(code: int | None) -> None:
    """What comes before the close is answered is of the old session, however it ends."""
    clock = Clock()
    clock.ready()
    clock.dispatch(2, 3)
    assert clock.session.reconnect(clock.now, identify=True) == [do.Leave(1000)]
    assert clock.session.reconnect(clock.now, identify=True) == [], "it is under way"
    assert clock.dispatch(4) == [4]
    assert clock.session.closed(code, clock.now) == [do.EndEpoch(1, 4, "refresh")]
    assert clock.session.due == clock.now, "at once"
    assert clock.session.resumable is None
    assert not clock.session.leaving
    assert clock.session.detail == clock.session.lost_by == "refresh"
    assert clock.session.reconnects == {"refresh": 1}
    clock.connect()
    assert clock.hello() == [do.RequestGrant()]
    assert clock.session.granted(2, 2, clock.now) == [do.SendIdentify(2, 2)]


def test_another_session_on_request_whatever_the_server_says_meanwhile() -> None:
    clock = Clock()
    clock.ready()
    clock.session.reconnect(clock.now, identify=True)
    assert clock.session.frame(Frame(7, "", -1, b"null"), clock.now) == [
        do.Close(4000),
        do.EndEpoch(1, 1, "refresh"),
    ]
    assert clock.session.due == clock.now
    clock = Clock()
    clock.ready()
    clock.session.reconnect(clock.now, identify=True)
    assert clock.session.stop(clock.now) == [do.Close(4000)], "the process ends first"
    assert clock.session.resumable is not None


def test_another_session_on_request_before_the_old_one_is_resumed() -> None:
    clock = Clock(Resumable("id", RESUME, 5, 1))
    clock.connect(RESUME)
    assert clock.session.reconnect(clock.now, identify=True) == [
        do.Close(1000),
        do.EndEpoch(1, 5, "refresh"),
    ]
    clock.connect()
    assert clock.hello() == [do.RequestGrant()]


@pytest.mark.parametrize("code", [None, 4014])
def test_another_session_on_request_where_there_is_no_connection(code: int | None) -> None:
    clock = Clock()
    clock.ready()
    clock.session.closed(code, clock.now)
    assert clock.session.reconnect(clock.now, identify=True) == [do.EndEpoch(1, 1, "refresh")]
    assert clock.session.state is SessionState.WAITING
    clock.connect()
    assert clock.hello() == [do.RequestGrant()]


def test_a_session_that_is_being_begun_is_another_one_already() -> None:
    clock = Clock()
    clock.connect()
    assert clock.session.reconnect(clock.now, identify=True) == []
    clock.hello()
    assert clock.session.reconnect(clock.now, identify=True) == []
    clock.session.granted(1, 1, clock.now)
    assert clock.session.reconnect(clock.now, identify=True) == []
    clock.session.ready("id", RESUME, 1, clock.now)
    assert clock.session.state is SessionState.READY
    assert clock.session.reconnects == {}
