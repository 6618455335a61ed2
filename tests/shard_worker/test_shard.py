"""The shell around the session: what is journalled, sent and reported, and in which order."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, cast
from unittest.mock import Mock

import pytest
import uvloop

from cluster.commands import Command
from cluster.config.worker_spec import WorkerSpec
from cluster.discord.intents import Intents
from cluster.errors import ClusterError
from cluster.wire.link import IdentifyGrant, ShardPlan
from shard_worker.protocol.actions import Action
from shard_worker.protocol.frame import Frame, FrameEvent
from shard_worker.protocol.heartbeat import Heartbeat
from shard_worker.protocol.session import Resumable, Session
from shard_worker.shard import Shard
from shard_worker.transport.connection import Connection
from shard_worker.transport.transport import Transport
from shard_worker.transport.write_queue import Fate
from tests.shard_worker.test_shard_timer import Wire

PLAN = ShardPlan(shard_id=0, shard_count=1)
PRIVILEGED = Intents.GUILDS | Intents.GUILD_PRESENCES


class Ordered(Wire):
    """A Wire that remembers in which order what was done."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Any] = []
        self.fates: list[Fate] = []
        self.payloads: list[bytes] = []
        self.commands: list[bytes] = []
        self.settlings: list[bool] = []

    def settled(self, settled: bool) -> None:
        self.settlings.append(settled)

    def connect(self, url: str, receiver: Shard) -> Connection:
        self.done.append(url)
        return super().connect(url, receiver)

    def took(self, payload: bytes, command: bool, fate: Fate | None) -> None:
        self.payloads.append(payload)
        if command:
            self.commands.append(payload)
        if fate is not None:
            self.fates.append(fate)
        message = json.loads(payload)
        if message["op"] in (1, 6):
            self.done.append((message["op"], message["d"]))

    def identify_sent(self, shard_id: int, grant_id: int) -> None:
        self.done.append(("sent", grant_id))

    def identify_unused(self, shard_id: int, grant_id: int) -> None:
        self.done.append(("unused", grant_id))

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        self.done.append([seq for _, seq, _ in events])


def on_a_loop(scenario: Callable[[Shard, Ordered], None], held: Resumable | None = None) -> None:
    async def main() -> None:
        wire = Ordered()
        spec = WorkerSpec(
            slot=0, cluster="", boot_id="", shards=[PLAN], shard_count=1, token="t",
            intents=int(PRIVILEGED), gateway_url="wss://localhost", compress="", journal_dir="",
            link_endpoint="", hub_endpoint="",
        )  # fmt: skip
        shard = Shard(PLAN, spec, cast(Transport, wire), wire, wire, held, 1 if held else 0)
        shard.start()
        scenario(shard, wire)
        shard.stop(logout=False)

    uvloop.run(main())


def frame(op: int, d: Any, name: str | None = None, seq: int | None = None) -> bytes:
    return json.dumps({"t": name, "s": seq, "op": op, "d": d}, separators=(",", ":")).encode()


HELLO = frame(10, {"heartbeat_interval": 41250})


def test_a_heartbeat_carries_what_is_journalled_and_no_more() -> None:
    """That holds within a drain, too: Discord may trim its replay by it."""

    def scenario(shard: Shard, wire: Ordered) -> None:
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        ready = frame(0, {"session_id": "s", "resume_gateway_url": "", "guilds": []}, "READY", 1)
        shard.on_messages([ready], [0])
        wire.done.clear()
        a, b = frame(0, {}, "A", 2), frame(0, {}, "A", 3)
        shard.on_messages([a, b, frame(1, None), frame(0, {}, "A", 4)], [0, 1, 2, 3])
        assert wire.done == [[2, 3], (1, 3), [4]]

    on_a_loop(scenario)


def test_a_session_id_is_delivered_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord tells user accounts of their sessions; another server may tell a bot too."""
    delivered: list[FrameEvent] = []

    def scenario(shard: Shard, wire: Ordered) -> None:
        monkeypatch.setattr(wire, "deliver", lambda events, _: delivered.extend(events))
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        ready = frame(0, {"session_id": "hush", "resume_gateway_url": "", "guilds": []}, "READY", 1)
        sessions = [{"session_id": "hush"}, {"session_id": "another"}]
        replaced = [frame(0, sessions, "SESSIONS_REPLACE", seq) for seq in range(3, 7)]
        shard.on_messages([ready, frame(0, {}, "A", 2), *replaced], [0, 1, 2, 3, 4, 5])
        shard.on_messages([frame(0, sessions, "SESSIONS_REPLACE", 7)], [0])

    on_a_loop(scenario)
    assert [seq for _, seq, _ in delivered] == list(range(1, 8))
    assert b"hush" not in b"".join(data for _, _, data in delivered)
    assert delivered[-1][2] == b'[{"session_id":""},{"session_id":"another"}]'


def test_what_an_acknowledgement_has_waited_is_said_to_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    def scenario(shard: Shard, wire: Ordered) -> None:
        answer = Session.frame

        def told(session: Session, frame: Frame, now: float, waited_s: float) -> list[Action]:
            waits.append(waited_s)
            return answer(session, frame, now, waited_s)

        monkeypatch.setattr(Session, "frame", told)
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        wire.waited_s = 0.005
        shard.on_messages([frame(11, None)], [0])

    on_a_loop(scenario)
    assert waits == [0.0, 0.005]


def test_nothing_rests_while_a_session_is_on_its_way() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        shard.on_connected()
        assert not any(wire.settlings)
        shard.on_messages([HELLO], [0])
        assert wire.settlings.pop(), "a grant may take minutes"
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        assert not wire.settlings.pop()
        ready = frame(0, {"session_id": "s", "resume_gateway_url": "", "guilds": []}, "READY", 1)
        shard.on_messages([ready], [0])
        assert wire.settlings.pop()
        shard.reconnect()
        shard.start()
        shard.on_connected()
        shard.on_messages([HELLO, frame(0, {}, "A", 2)], [0, 1])
        assert not any(wire.settlings), "it resumes"
        shard.on_messages([frame(0, {}, "RESUMED", 3)], [0])
        assert wire.settlings.pop()

    on_a_loop(scenario)


def test_a_wait_is_told_of_while_it_lasts_and_not_after(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def scenario(shard: Shard, wire: Ordered) -> None:
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        shard.on_messages([frame(9, False)], [0])
        wait = shard.report().next_try_s
        assert wait is not None
        assert 0.9 <= wait <= 5.0
        shard.reconnect()
        shard.start()
        assert (shard.report().state, shard.report().next_try_s) == ("connecting", None)
        assert shard.report().detail == "op 9", "why it is not ready yet"
        shard.on_connect_failed("refused", denied=False)
        assert shard.report().detail == "the gateway gives no HELLO: refused"

    on_a_loop(scenario)
    lines = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(r"shard 0: waiting: op 9; next try in \d\.\d s", lines[-4])
    assert lines[-3] == "shard 0: connecting"
    told = r"shard 0: waiting: the gateway gives no HELLO: refused; next try in 0\.\d s"
    assert re.fullmatch(told, lines[-2])
    assert lines[-1] == "shard 0: closed"


def test_a_row_of_tries_in_vain_writes_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def scenario(shard: Shard, wire: Ordered) -> None:
        for n in range(100):
            if n % 2:
                shard.on_connected()  # then it ends before HELLO
                shard.on_closed(None, "reset")
            else:
                shard.on_connect_failed(f"no answer after {n} ms", denied=False)
            shard.reconnect()
            shard.start()
        report = shard.report()
        assert report.reconnects == {"connect failed": 50, "connection lost": 50}
        assert report.detail == "connection lost (reset)"
        assert report.state == "connecting"
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.on_closed(None, "a loss behind HELLO")
        shard.reconnect()
        shard.start()

    on_a_loop(scenario)
    lines = [record.getMessage().removeprefix("shard 0: ") for record in caplog.records]
    told = [re.sub(r"; next try in \d+\.\d s| in \d+ s", "", line) for line in lines]
    failed, lost = "no answer after {} ms", "connection lost (reset)"
    row = [(1, failed.format(0)), *((2**n, lost) for n in range(1, 7))]
    assert told == [
        "connecting",
        *(
            f"waiting: the gateway gives no HELLO: {cause}"
            + (f" ({tries} tries)" if tries > 1 else "")
            for tries, cause in row
        ),
        "the gateway gives HELLO again, after 100 tries",
        "awaiting_grant",
        "waiting: connection lost (a loss behind HELLO)",
        "connecting",
        "closed",
    ]


def test_a_no_is_told_to_the_session_as_one() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        shard.on_connect_failed("answered CONNECT with 407", denied=True)
        outage = shard._session.outage
        assert outage is not None
        assert outage.pause(outage.since + 10.0) >= 10.0

    on_a_loop(scenario)


def test_it_is_reported_since_when_nothing_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but dispatches counts: a connection that is silent acknowledges heartbeats."""

    def scenario(shard: Shard, wire: Ordered) -> None:
        clock = Mock(time=lambda: 100.0)
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        assert shard.report().silent_s is None
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        monkeypatch.setattr(shard, "_loop", clock)
        ready = frame(0, {"session_id": "s", "resume_gateway_url": "", "guilds": []}, "READY", 1)
        shard.on_messages([ready, frame(0, {}, "A", 2)], [0, 1])
        clock.time = lambda: 130.0
        shard.on_messages([frame(11, None)], [0])
        shard.on_messages([frame(0, {}, "A", 2)], [0])  # has come before
        assert shard.report().silent_s == 30.0
        shard.on_messages([frame(0, {}, "A", 3)], [0])
        assert shard.report().silent_s == 0.0
        monkeypatch.undo()

    on_a_loop(scenario)


def test_any_message_tells_the_session_that_somebody_is_there() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.on_messages([frame(1, None)], [0])  # asks for a heartbeat
        heartbeat = shard._session._heartbeat
        assert heartbeat is not None
        for message in (frame(0, {}, "A", 2), frame(99, None), b"[]"):
            heartbeat.sent(0.0)
            shard.on_messages([message], [0])
            assert not heartbeat.zombie
            shard._session._heartbeat = heartbeat = Heartbeat(40.0, 0.0, 0.5)

    on_a_loop(scenario)


def test_a_resume_url_that_can_t_be_is_left_for_the_main_one() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        assert wire.done == ["wss://localhost/?v=10&encoding=json"]
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        assert wire.done[1] == (6, {"token": "t", "session_id": "s", "seq": 7})

    on_a_loop(scenario, Resumable("s", "wss://h:99999", 7, 1))


def test_a_refusal_is_reported_with_what_was_asked_for() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.on_closed(4014, "Disallowed intent(s).")
        report = shard.report()
        assert report.state == "fatal"
        assert "closed 4014 (disallowed intents): enable GUILD_PRESENCES for" in report.detail

    on_a_loop(scenario)


READY = frame(0, {"session_id": "s", "resume_gateway_url": "", "guilds": []}, "READY", 1)
TEN_YEARS_S = 315_360_000


@pytest.mark.parametrize("step_s", [-TEN_YEARS_S, -3600, 3600, TEN_YEARS_S])
@pytest.mark.parametrize("age_s", [None, 100])
def test_a_session_s_age_goes_on_while_the_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, step_s: int, age_s: int | None
) -> None:
    """age_s: of a session that another process began; None: it begins here."""
    wall_ns, ahead_ns = time.time_ns, 0
    monkeypatch.setattr("time.time_ns", lambda: wall_ns() + ahead_ns)
    if age_s is not None:
        monkeypatch.setattr(Ordered, "began_ns", wall_ns() - age_s * 10**9)

    def scenario(shard: Shard, wire: Ordered) -> None:
        nonlocal ahead_ns
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        if age_s is None:
            shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
            shard.on_messages([READY], [0])
        ahead_ns = step_s * 10**9
        reported = shard.report().session_age_s
        assert reported is not None
        assert 0 <= reported - (age_s or 0) < 60

    on_a_loop(scenario, None if age_s is None else Resumable("s", "", 7, 1))


@pytest.mark.parametrize("ahead_s", [3600, TEN_YEARS_S])
def test_a_session_that_began_in_the_future_is_no_age_old(
    monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    monkeypatch.setattr(Ordered, "began_ns", time.time_ns() + ahead_s * 10**9)

    def scenario(shard: Shard, wire: Ordered) -> None:
        reported = shard.report().session_age_s
        assert reported is not None
        assert 0 <= reported < 60

    on_a_loop(scenario, Resumable("s", "", 7, 1))


@pytest.mark.parametrize("leaves", [True, False])
def test_what_became_of_an_identify_is_told_when_it_is_known(leaves: bool) -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        wire.done.clear()
        shard.granted(IdentifyGrant(shard_id=0, grant_id=9, epoch=1))
        assert wire.done == [], "the frame waits in this process"
        (fate,) = wire.fates
        fate(leaves)
        assert wire.done == [("sent" if leaves else "unused", 9)]

    on_a_loop(scenario)


def test_who_leaves_delivers_what_comes_and_sends_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        ready = frame(0, {"session_id": "s", "resume_gateway_url": "", "guilds": []}, "READY", 1)
        shard.on_messages([ready], [0])
        wire.done.clear()
        left: list[int] = []
        monkeypatch.setattr(wire, "leave", left.append)
        monkeypatch.setattr(wire, "end_epoch", wire.done.append)
        shard.reconnect(identify=True)
        assert left == [1000]
        sent = len(wire.payloads)
        errors: list[ClusterError | None] = []
        shard.send(Command(3, b"{}"), errors.append)
        shard.on_messages([frame(0, {}, "A", 2), frame(1, None), frame(0, {}, "A", 3)], [0, 1, 2])
        assert wire.done == [[2], [3]]
        assert len(wire.payloads) == sent
        assert errors == [], "the command waits for the next session"
        due = shard._sender.due
        assert due is not None
        assert due > time.monotonic() + 1, "nothing hurries meanwhile"
        shard.on_closed(1000, "")
        assert wire.done[2:] == ["refresh"]
        shard.start()
        assert wire.done[3:] == ["wss://localhost/?v=10&encoding=json"]

    on_a_loop(scenario)
