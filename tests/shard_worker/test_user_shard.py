"""A shard of a user account: its token may change, its guilds are subscribed to, its session is
nobody's business."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
import uvloop

from cluster.wire.link import IdentifyGrant, Login, ShardPlan
from shard_worker.protocol.frame import FrameEvent
from shard_worker.shard import Shard
from shard_worker.transport.transport import Transport
from tests.shard_worker.test_shard import HELLO, Ordered, frame

PLAN = ShardPlan(shard_id=0, shard_count=1)
LOGIN = Login(
    token="first.token",
    kind="user",
    capabilities=1 << 8,
    client_build_number=1,
    subscribe_guilds="all",
    gateway_url="wss://localhost",
    compress="",
)
READY: dict[str, Any] = {
    "session_id": "the-session",
    "resume_gateway_url": "",
    "guilds": [{"id": "11"}, {"id": "22"}],
}


class Kept(Ordered):
    """An Ordered that also keeps what was delivered."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[FrameEvent] = []

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        self.events += events

    def take(self, op: int) -> list[Any]:
        """Return ``d`` of what was sent with this op, and forget it."""
        messages = [json.loads(payload) for payload in self.payloads]
        self.payloads = [p for p, m in zip(self.payloads, messages, strict=True) if m["op"] != op]
        return [message["d"] for message in messages if message["op"] == op]


def ready(scenario: Callable[[Shard, Kept], None], **changes: Any) -> None:
    """Run a scenario with a shard that is ready. changes: fields of its READY."""

    async def main() -> None:
        wire = Kept()
        shard = Shard(PLAN, LOGIN, cast(Transport, wire), wire, wire, None, 0)
        shard.start()
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=1, epoch=1))
        shard.on_messages([frame(0, READY | changes, "READY", 1)], [0])
        scenario(shard, wire)
        shard.stop(logout=False)

    uvloop.run(main())


def resume(shard: Shard) -> None:
    """Lose the connection, and make another that resumes the session."""
    shard.reconnect()
    shard.start()
    shard.on_connected()
    shard.on_messages([HELLO], [0])


def test_it_identifies_as_a_user_and_subscribes() -> None:
    def scenario(shard: Shard, wire: Kept) -> None:
        (d,) = wire.take(2)
        assert (d["token"], d["capabilities"]) == ("first.token", 1 << 8)
        assert not {"shard", "intents"} & set(d)
        (subscribed,) = wire.take(37)
        assert list(subscribed["subscriptions"]) == ["11", "22"]

    ready(scenario)


def test_subscriptions_that_may_be_lost_are_sent_again_and_others_are_not() -> None:
    def scenario(shard: Shard, wire: Kept) -> None:
        assert len(wire.take(37)) == 1
        resume(shard)
        assert wire.take(37) == [], "not before the session is there"
        shard.on_messages([frame(0, {}, "RESUMED", 2)], [0])
        assert len(wire.take(37)) == 1
        for _ in range(2):
            shard.on_messages([frame(1, None), frame(11, None)], [0, 1])
        resume(shard)
        shard.on_messages([frame(0, {}, "RESUMED", 3)], [0])
        assert wire.take(37) == []

    ready(scenario)


def test_a_new_token_is_used_and_shown_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def scenario(shard: Shard, wire: Kept) -> None:
        assert wire.events
        resume(shard)
        (d,) = wire.take(6)
        assert d["token"] == "second.token"
        assert b"second.token" not in b"".join(data for _, _, data in wire.events)

    ready(scenario, auth_token="second.token")
    assert "gave this account a new token" in caplog.text
    assert "second.token" not in caplog.text


def test_its_session_id_is_delivered_to_nobody() -> None:
    def scenario(shard: Shard, wire: Kept) -> None:
        sessions = [{"session_id": "the-session"}, {"session_id": "another"}]
        shard.on_messages([frame(0, sessions, "SESSIONS_REPLACE", 2)], [0])
        delivered = {name: data for name, _, data in wire.events}
        assert list(delivered) == ["READY", "SESSIONS_REPLACE"]
        assert b"the-session" not in b"".join(delivered.values())
        assert b"another" in delivered["SESSIONS_REPLACE"]

    ready(scenario)
