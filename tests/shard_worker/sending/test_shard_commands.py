"""Commands through a shard: when it is ready, in order, over a reconnect, and how each ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.commands import BusyError, Command, CommandError, NotSentError, raw
from cluster.commands.members import request_guild_members
from cluster.commands.sessions import qos_heartbeat
from cluster.errors import ClusterError
from cluster.wire.link import IdentifyGrant
from shard_worker.sending.limiter import PayloadTooLargeError
from shard_worker.shard import Shard
from tests.shard_worker.test_shard import HELLO, Ordered, frame, on_a_loop

READY = frame(0, {"session_id": "s", "resume_gateway_url": "", "guilds": []}, "READY", 1)

HEARTBEAT_WANTED = frame(1, None)


class Commands:
    """Sends commands through a shard, and keeps how each ended."""

    def __init__(self) -> None:
        self.results: list[ClusterError | None] = []

    def send(self, shard: Shard, command: Command) -> None:
        shard.send(command, self.results.append)


def connect(shard: Shard) -> None:
    shard.on_connected()
    shard.on_messages([HELLO], [0])


def ready(shard: Shard) -> None:
    connect(shard)
    shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
    shard.on_messages([READY], [0])


def sent(wire: Ordered) -> list[Any]:
    return [json.loads(payload) for payload in wire.payloads]


def test_at_once_when_it_is_ready() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        ready(shard)
        commands = Commands()
        commands.send(shard, raw(3, {"status": "dnd"}))
        assert sent(wire)[-1] == {"op": 3, "d": {"status": "dnd"}}
        assert commands.results == [None]

    on_a_loop(scenario)


def test_commands_alone_are_said_to_be_some() -> None:
    """Nothing rests for a second after one, so that its answer comes at once: an IDENTIFY or a
    heartbeat a second would keep a worker from resting for ever."""

    def scenario(shard: Shard, wire: Ordered) -> None:
        ready(shard)
        shard.on_messages([HEARTBEAT_WANTED], [0])
        assert [one["op"] for one in sent(wire)] == [2, 1]
        assert wire.commands == []
        Commands().send(shard, raw(3, {"status": "dnd"}))
        assert wire.commands == wire.payloads[-1:]

    on_a_loop(scenario)


def test_what_comes_before_ready_goes_out_after_it_in_order() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        commands = Commands()
        commands.send(shard, raw(3, 1))
        connect(shard)
        commands.send(shard, raw(3, 2))
        assert commands.results == []
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        assert [one["op"] for one in sent(wire)] == [2]
        shard.on_messages([READY], [0])
        assert [one["d"] for one in sent(wire)[1:]] == [1, 2]
        shard.on_closed(4000, "")
        commands.send(shard, raw(3, 3))
        shard.reconnect()
        shard._tick()
        connect(shard)
        assert sent(wire)[-1]["op"] == 6
        assert commands.results == [None, None]
        shard.on_messages([frame(0, {}, "RESUMED", 2)], [0])
        assert sent(wire)[-1] == {"op": 3, "d": 3}
        assert commands.results == [None, None, None]

    on_a_loop(scenario)


def test_a_command_that_waits_for_a_session_in_vain_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        commands = Commands()
        commands.send(shard, raw(3, 1))
        expires = shard._sender.due
        assert expires is not None
        assert shard._timer.due == min(expires, shard._session.due or expires)
        monkeypatch.setattr(shard._sender, "_clock", lambda: expires)
        assert commands.results == []
        shard._tick()
        (error,) = commands.results
        assert isinstance(error, NotSentError)
        assert str(error) == "shard 0 is connecting: send it once the shard is ready"

    on_a_loop(scenario)


def test_a_shard_that_has_given_up_fails_all_that_waits() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        commands = Commands()
        commands.send(shard, raw(3, 1))
        connect(shard)
        shard.on_closed(4014, "")
        commands.send(shard, raw(3, 2))
        assert [type(error) for error in commands.results] == [NotSentError, NotSentError]
        assert "shard 0 is fatal (closed 4014" in str(commands.results[0])

    on_a_loop(scenario)


def test_all_members_without_the_intent_would_end_the_shard() -> None:
    """Discord closes with 4014."""

    def scenario(shard: Shard, wire: Ordered) -> None:
        ready(shard)
        commands = Commands()
        commands.send(shard, request_guild_members(5))
        commands.send(shard, request_guild_members(5, query="a"))
        assert isinstance(commands.results[0], CommandError)
        assert "need the GUILD_MEMBERS intent" in str(commands.results[0])
        assert commands.results[1:] == [None]

    on_a_loop(scenario)


def test_a_stopped_shard_fails_all_that_waits() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        commands = Commands()
        commands.send(shard, raw(3, 1))
        shard.stop(logout=False)
        assert str(commands.results[0]) == "shard 0 is closed: send it once the shard is ready"

    on_a_loop(scenario)


def test_the_timer_is_set_for_what_waits_for_room() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        ready(shard)
        commands = Commands()
        for _ in range(300):
            commands.send(shard, raw(3, 1))
        refused = [error for error in commands.results if error is not None]
        assert {type(error) for error in refused} == {BusyError}
        assert 300 - len(refused) - commands.results.count(None) == 64
        due = shard._sender.due
        assert due is not None
        assert shard._timer.due == min(shard._session.due or due, due)

    on_a_loop(scenario)


def test_a_qos_heartbeat_that_the_seq_makes_too_large_is_refused() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        ready(shard)
        commands, before = Commands(), len(wire.payloads)
        commands.send(shard, raw(40, {"x": "y" * 4070}))
        assert isinstance(commands.results[0], PayloadTooLargeError)
        assert len(wire.payloads) == before

    on_a_loop(scenario)


def test_a_qos_heartbeat_names_the_session_s_own_seq() -> None:
    def scenario(shard: Shard, wire: Ordered) -> None:
        ready(shard)
        shard.on_messages([frame(0, {}, "A", 7)], [0])
        commands = Commands()
        commands.send(shard, qos_heartbeat())
        commands.send(shard, raw(40, {"seq": 99, "qos": 1}))
        commands.send(shard, raw(40, [99]))
        assert [one["d"]["seq"] for one in sent(wire)[-3:]] == [7, 7, 7]
        assert sent(wire)[-3]["d"]["qos"] == {
            "ver": 27,
            "active": True,
            "reasons": ["foregrounded"],
        }

    on_a_loop(scenario)
