"""What leaves the process, by whichever way, is in the journal's file by then: a crash right after
it loses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cluster.commands import Command
from cluster.discord.opcodes import Op
from cluster.journal import Journal, JournalReader, RangeQuery
from cluster.wire import topic, watermark
from cluster.wire.batch import decode_batch
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.link import IdentifyGrant, ShardPlan
from cluster.wire.shard_state import ShardState
from cluster.wire.states import SessionState
from shard_worker.delivery.publisher import Publisher
from shard_worker.delivery.shard_delivery import ShardDelivery
from shard_worker.delivery.slot_journal import SlotJournal
from shard_worker.shard import Shard
from shard_worker.transport.connection import Connection
from shard_worker.transport.transport import Transport
from shard_worker.transport.write_queue import Fate
from tests.shard_worker.delivery.test_held_shards import spec
from tests.shard_worker.played_connection import PlayedConnection

STORE = "0123456789abcdef"
HELLO = b'{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}}'
ASKED = b'{"t":null,"s":null,"op":1,"d":null}'
READY = b'{"t":"READY","s":1,"op":0,"d":{"session_id":"a","resume_gateway_url":"","guilds":[]}}'


RESUMED = b'{"t":"RESUMED","s":1,"op":0,"d":{}}'


def dispatch(seq: int) -> bytes:
    return b'{"t":"A","s":%d,"op":0,"d":{}}' % seq


class Slot:
    """The shards of a slot, with a journal; their transport, their coordinator and the hub note
    how far the file is when something leaves."""

    def __init__(self, folder: Path, shards: int) -> None:
        self.sent: list[tuple[int, Any, int]] = []
        """Op and d of what a gateway was sent, and the seq that the file had then."""
        self.published: list[tuple[int, int]] = []
        """For each message to the hub, and each row of a watermark: the last seq that it tells of,
        and up to which seq the file had its shard's events then."""
        self._count = shards
        self.turn_ends: list[Callable[[], None]] = []
        self.journal = Journal.open(
            folder / "slot", budget_bytes=1 << 20, slot=0, cluster=STORE, boot_id="b"
        )
        self.publisher = Publisher(
            self.journal, endpoint=f"ipc://{folder}/hub", hwm=10, cluster=STORE, slot=0
        )
        self.publisher._hub = cast(Any, self)
        self.publisher._loop = cast(Any, self)
        self.shards = [
            self._shard(folder, ShardPlan(shard_id=n, shard_count=shards)) for n in range(shards)
        ]

    def _shard(self, folder: Path, plan: ShardPlan) -> Shard:
        state = ShardState(shard_id=plan.shard_id, shard_count=plan.shard_count)
        delivery = ShardDelivery(ShardWriter(STORE, state), self.journal, self.publisher)
        login = replace(spec(folder, 0), compress="")
        shard = Shard(plan, login, cast(Transport, self), delivery, self)
        self._connect(shard)
        shard.granted(IdentifyGrant(shard_id=plan.shard_id, grant_id=1, epoch=1))
        shard.on_messages([READY], [])
        assert shard.state is SessionState.READY
        self.end_turn()
        self.sent.clear()
        self.published.clear()
        return shard

    def _connect(self, shard: Shard) -> None:
        shard.reconnect()
        shard._tick()
        shard.on_connected()
        shard.on_messages([HELLO], [])

    def end_turn(self) -> None:
        ends, self.turn_ends = self.turn_ends, []
        for end in ends:
            end()

    def seq_in_file(self, shard_id: int) -> int:
        assert self.journal._pages is not None
        heads = JournalReader(self.journal._pages.env, clock=lambda: 0.0).heads()
        return {head.state.shard_id: head.state.seq for head in heads}.get(shard_id, -1)

    def reached_in_file(self, shard_id: int) -> int:
        assert self.journal._pages is not None
        reader = JournalReader(self.journal._pages.env, clock=lambda: 0.0)
        return reader.read(RangeQuery(shard_id, self._count, 1, -1)).reached

    # -- transport and connection: each shard's own, but nobody asks whose

    def connect(self, url: str, receiver: Shard) -> Connection:
        return cast(Connection, GatewayEnd(self, receiver.plan.shard_id))

    # -- the hub's socket

    there = True
    full = False

    def send(self, message: bytes) -> bool:
        name, number, payload = topic.split(message)
        if self.full:
            return False
        if name == topic.WATERMARK:
            told = [(row.shard_id, row.seq) for row in watermark.decode(payload).shards]
        else:
            told = [(number, decode_batch(payload).last)]
        self.published += [(seq, self.reached_in_file(shard_id)) for shard_id, seq in told]
        return True

    def flush(self) -> None: ...

    # -- the event loop, as far as a publisher needs it

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.turn_ends.append(callback)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        return None

    # -- the coordinator

    def request_grant(self, shard_id: int) -> None: ...

    def identify_sent(self, shard_id: int, grant_id: int) -> None: ...

    def identify_unused(self, shard_id: int, grant_id: int) -> None: ...

    def changed(self) -> None: ...


class GatewayEnd(PlayedConnection):
    """One shard's connection."""

    def __init__(self, slot: Slot, shard_id: int) -> None:
        self._slot, self._shard_id = slot, shard_id

    def took(self, payload: bytes, command: bool, fate: Fate | None) -> None:
        frame = json.loads(payload)
        in_file = self._slot.seq_in_file(self._shard_id)
        self._slot.sent.append((frame["op"], frame["d"], in_file))


def in_a_slot(folder: Path, scenario: Callable[[Slot], None], shards: int = 1) -> None:
    async def main() -> None:
        slot = Slot(folder, shards)
        scenario(slot)
        for shard in slot.shards:
            shard.stop(logout=False)
        slot.journal.close()

    asyncio.run(main())


def test_a_heartbeat_carries_what_is_in_the_file(tmp_path: Path) -> None:
    def scenario(slot: Slot) -> None:
        slot.shards[0].on_messages([dispatch(2), dispatch(3), ASKED, dispatch(4)], [])
        assert slot.sent == [(Op.HEARTBEAT, 3, 3)]
        assert slot.seq_in_file(0) == 3, "nothing depends on it yet"
        slot.shards[0].send(Command(Op.QOS_HEARTBEAT, b'{"op":40,"d":{"seq":null}}'), print)
        assert slot.sent[1:] == [(Op.QOS_HEARTBEAT, {"seq": 4}, 4)]

    in_a_slot(tmp_path, scenario)


def test_a_resume_names_what_is_in_the_file(tmp_path: Path) -> None:
    def scenario(slot: Slot) -> None:
        slot.shards[0].on_messages([dispatch(2), dispatch(3)], [])
        slot.shards[0].on_closed(None, "cut")
        slot._connect(slot.shards[0])
        ((op, d, in_file),) = slot.sent
        assert (op, d["seq"], in_file) == (Op.RESUME, 3, 3)

    in_a_slot(tmp_path, scenario)


def test_what_is_published_is_in_the_file_and_a_turn_is_one_transaction(tmp_path: Path) -> None:
    def scenario(slot: Slot) -> None:
        assert slot.journal._pages is not None
        before = slot.journal._pages.env.info()["last_txnid"]
        for seq in (2, 3):
            for shard in slot.shards:
                shard.on_messages([dispatch(seq)], [])
        assert slot.published == []
        slot.end_turn()
        assert slot.published == [(2, 3)] * 3 + [(3, 3)] * 3
        assert slot.journal._pages.env.info()["last_txnid"] == before + 1

    in_a_slot(tmp_path, scenario, shards=3)


events = st.tuples(st.just("events"), st.integers(0, 2), st.integers(1, 3))
doings = st.sampled_from(
    ["ask 0", "ask 1", "cut 0", "cut 2", "turn", "turn", "mark", "hub", "room", "tick"]
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(events, events, doings), max_size=30))
def test_whatever_leaves_in_whatever_order_is_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    def do(slot: Slot, step: Any) -> None:
        match step:
            case "events", shard_id, count:
                shard = slot.shards[shard_id]
                seq = shard._session.seq
                shard.on_messages([dispatch(seq + n) for n in range(1, count + 1)], [])
            case "ask 0" | "ask 1":
                slot.shards[int(step[-1])].on_messages([ASKED], [])
            case "cut 0" | "cut 2":
                shard = slot.shards[int(step[-1])]
                shard.on_closed(None, "cut")
                slot._connect(shard)
                shard.on_messages([RESUMED], [])
            case "turn":
                slot.end_turn()
            case "mark":
                slot.publisher.watermark_due(whole=True)
            case "hub":
                slot.there = not slot.there
            case "room":
                slot.full = not slot.full
                slot.publisher.pump()
            case "tick":
                slot.journal.retry()

    def scenario(slot: Slot) -> None:
        for step in steps:
            do(slot, step)
        for op, d, in_file in slot.sent:
            assert (d["seq"] if op == Op.RESUME else d) <= in_file
        for seq, in_file in slot.published:
            assert seq <= in_file
        slot.publisher.pump()
        assert [slot.seq_in_file(n) for n in range(3)] == [s._session.seq for s in slot.shards]

    in_a_slot(tmp_path_factory.mktemp("slot"), scenario, shards=3)


@pytest.mark.parametrize("why", ["no hub", "held"])
def test_what_is_not_published_is_in_the_file_at_the_end_of_its_turn(
    tmp_path: Path, why: str
) -> None:
    def scenario(slot: Slot) -> None:
        slot.there = why != "no hub"
        slot.publisher.held = why == "held"
        slot.shards[0].on_messages([dispatch(2)], [])
        slot.end_turn()
        assert (slot.published, slot.seq_in_file(0)) == ([], 2)

    in_a_slot(tmp_path, scenario)


def test_a_shard_is_let_go_when_its_tombstone_is_in_the_file(tmp_path: Path) -> None:
    """Its new owner reads it there, as soon as the coordinator has heard of it."""
    slot = SlotJournal(spec(tmp_path, 0))
    shard = slot.shard(ShardPlan(shard_id=2, shard_count=6))[0]
    shard.begin_epoch(8, "session", "", 1)
    shard.deliver([("READY", 1, b"{}")], 1)
    slot.release(2, 1)
    (head,) = JournalReader(slot._journal.env(), clock=lambda: 0.0).heads()
    assert (head.state.seq, head.state.moved_to) == (1, 1)
    slot.close()
