"""What a shard does not do any more where another host may have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import uvloop

from cluster.config.worker_spec import WorkerSpec
from cluster.wire.link import IdentifyGrant
from cluster.wire.states import SessionState
from shard_worker.protocol.frame import FrameEvent
from shard_worker.protocol.session import Resumable
from shard_worker.shard import Shard
from shard_worker.transport.transport import Transport
from tests.shard_worker.test_shard import HELLO, PLAN, Ordered, frame

READY = frame(0, {"session_id": "s", "resume_gateway_url": "", "guilds": []}, "READY", 1)


class Leased(Ordered):
    """What a shard with a lease does, and how often it asks whether that holds."""

    def __init__(self) -> None:
        super().__init__()
        self.holds = True
        self.closes: list[int] = []
        self.epochs: list[object] = []
        self.known: int | None = None
        """What the coordinator knows; None: everything."""

    def may_hold(self) -> bool:
        return self.holds

    def close(self, code: int) -> None:
        self.closes.append(code)

    def begin_epoch(self, epoch: int, session_id: str, resume_url: str, guilds: int) -> None:
        self.epochs.append(epoch)

    def end_epoch(self, cause: str) -> None:
        self.epochs.append(cause)

    def deliver(self, events: Sequence[FrameEvent], received_ns: int) -> None:
        self.done.append([seq for _, seq, _ in events])

    def resumed_after(self, seq: int) -> int:
        return seq if self.known is None else self.known


def on_a_loop(scenario: Callable[[Shard, Leased], None], held: Resumable | None = None) -> None:
    async def main() -> None:
        wire = Leased()
        spec = WorkerSpec(
            slot=0, cluster="", boot_id="", shards=[PLAN], shard_count=1, token="t", intents=1,
            gateway_url="wss://localhost", compress="", journal_dir="", link_endpoint="",
            hub_endpoint="", lease_s=30.0,
        )  # fmt: skip
        shard = Shard(PLAN, spec, cast(Transport, wire), wire, wire, held, may_hold=wire.may_hold)
        scenario(shard, wire)
        shard.stop(logout=False)

    uvloop.run(main())


def test_no_connection_begins() -> None:
    def scenario(shard: Shard, wire: Leased) -> None:
        wire.holds = False
        shard.start()
        shard.reconnect()
        assert (wire.done, shard.state) == ([], SessionState.WAITING)
        wire.holds = True
        shard.start()
        assert len(wire.done) == 1

    on_a_loop(scenario)


def test_no_identify_leaves_and_its_grant_goes_back() -> None:
    def scenario(shard: Shard, wire: Leased) -> None:
        shard.start()
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        wire.holds = False
        shard.granted(IdentifyGrant(shard_id=0, grant_id=5, epoch=1))
        assert wire.payloads == []
        assert ("unused", 5) in wire.done

    on_a_loop(scenario)


def test_no_resume_leaves() -> None:
    def scenario(shard: Shard, wire: Leased) -> None:
        shard.start()
        shard.on_connected()
        wire.holds = False
        shard.on_messages([HELLO], [0])
        assert wire.payloads == []

    on_a_loop(scenario, Resumable("s", "", 7, 1))


def test_a_session_that_begins_too_late_is_not_taken() -> None:
    """The coordinator has given the next epoch to another host. It would be a second session."""

    def scenario(shard: Shard, wire: Leased) -> None:
        shard.start()
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=5, epoch=1))
        wire.holds = False
        wire.done.clear()
        shard.on_messages([READY, frame(0, {}, "A", 2)], [0, 1])
        assert (wire.epochs, wire.done, wire.closes) == ([], [], [1000])
        assert shard.state is SessionState.CLOSED

    on_a_loop(scenario)


def test_what_was_received_is_delivered_and_no_epoch_is_ended() -> None:
    """Positions are the same wherever a session goes on; whether it has ended says its owner."""

    def scenario(shard: Shard, wire: Leased) -> None:
        shard.start()
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.granted(IdentifyGrant(shard_id=0, grant_id=5, epoch=1))
        shard.on_messages([READY], [0])
        wire.holds = False
        wire.done.clear()
        shard.on_messages([frame(0, {}, "A", 2), frame(9, False)], [0, 1])
        assert wire.done == [[2]]
        assert wire.epochs == [1]
        assert wire.closes == [4000]

    on_a_loop(scenario)


def test_with_a_lease_an_epoch_ends_as_ever() -> None:
    def scenario(shard: Shard, wire: Leased) -> None:
        shard.start()
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        shard.on_messages([frame(9, False)], [0])
        assert wire.epochs == ["op 9"]

    on_a_loop(scenario, Resumable("s", "", 7, 1))


def test_a_resume_names_what_the_coordinator_knows_and_the_rest_takes_no_position() -> None:
    def scenario(shard: Shard, wire: Leased) -> None:
        wire.known = 5
        shard.start()
        shard.on_connected()
        shard.on_messages([HELLO], [0])
        assert (6, {"token": "t", "session_id": "s", "seq": 5}) in wire.done
        wire.done.clear()
        replay = [frame(0, {}, "A", seq) for seq in range(6, 10)]
        shard.on_messages([*replay, frame(0, {}, "RESUMED", 10)], list(range(5)))
        assert [seq for drain in wire.done for seq in drain] == [8, 9, 10]

    on_a_loop(scenario, Resumable("s", "", 7, 1))
