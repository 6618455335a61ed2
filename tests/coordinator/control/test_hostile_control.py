"""Every part of a cluster under a flood of nonsense: whoever else is there is served, what is
refused is counted and said in a few lines, and memory does not grow."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio

from cluster.control import ControlClient
from cluster.errors import ClusterError
from cluster.journal import Journal, JournalReader, ShardState
from cluster.journal.history import History
from cluster.process_stats import own_memory_bytes
from cluster.subscriber import Event, Subscriber
from cluster.subscriber.chain import RangeAsk
from cluster.subscriber.replay_client import ReplayClient
from cluster.wire import control, link, replay
from cluster.wire.batch_writer import ShardWriter
from coordinator.control import server
from coordinator.control.server import ControlServer
from coordinator.hub.hub import Hub
from coordinator.hub.last_out import LastOut
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.replay.server import ReplayServer
from coordinator.state.store import Store
from coordinator.verb import Verb
from coordinator.workers.link import WorkerLink
from tests.fuzz.hostile_corpus import ANSWERED, ASKED, DEEP, EXTREMES, PUBLISHED, REQUESTED, SAID

STORE = "0" * 16
WITHIN_S = 60.0
FLOOD = 1000
LINES = 40
"""How many log lines a flood may cost: some for each part."""


def spoilt(messages: list[bytes], count: int) -> Iterator[bytes]:
    """Yield messages with a place or two replaced; the same ones each time."""
    chance = random.Random(1)
    for _ in range(count):
        message = chance.choice(messages)
        for _ in range(chance.randint(1, 2)):
            place = chance.randint(0, len(message))
            message = (
                message[:place] + chance.choice(EXTREMES) + message[place + chance.randint(0, 4) :]
            )
        yield message
    yield messages[0] + DEEP


class Reader(JournalReader):
    """Reads a journal that is open for writing in this process: the journal is not closed with
    it."""

    def close(self) -> None: ...

    def current(self, folder: Path) -> bool:
        return True


async def ping(args: dict[str, Any]) -> object:
    return args


class Parts:
    """All parts that listen, with one journal behind them."""

    def __init__(self, folder: Path, **verbs: Verb) -> None:
        self.verbs = {"ping": ping, **verbs}
        self.endpoints = {name: f"ipc://{folder}/{name[0]}" for name in
                   ("control", "link", "hub", "subscribers", "replay")}  # fmt: skip
        self.context = zmq.asyncio.Context()
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context(self.context)
        self.heard: list[Any] = []

        self.control = ControlServer(self.context, self.endpoints["control"])
        self.link = WorkerLink(self.context, self.endpoints["link"])
        self.hub = Hub(plain, workers_endpoint=self.endpoints["hub"],
                       subscribers_endpoint=self.endpoints["subscribers"])  # fmt: skip
        self.last_out = LastOut(plain, [self.endpoints["subscribers"]])
        self.journal = Journal.open(
            folder / "slot-0", budget_bytes=1 << 20, slot=0, cluster=STORE, boot_id="boot"
        )
        writer = ShardWriter(STORE, ShardState(shard_id=1, shard_count=2))
        writer.begin_epoch(3)
        self.journal.append(1, writer.drain([("A", 1, b"{}"), ("A", 2, b"{}")], 1), writer.state)
        self.journal.flush()
        history = History(folder, STORE, lambda _: Reader(self.journal.env()))
        self.replay = ReplayServer(self.endpoints["replay"], history, STORE, plain)
        self.serving = threading.Thread(target=self.replay.serve)

    async def __aenter__(self) -> Parts:
        self.control.bind()
        self.link.bind()
        self.last_out.start(asyncio.get_running_loop())
        self.running = [
            asyncio.ensure_future(self.control.run(self.verbs)),
            asyncio.ensure_future(self.link.run(lambda *said: self.heard.append(said))),
        ]
        self.serving.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.replay.stop()
        await asyncio.to_thread(self.serving.join)
        fallen = [task for task in self.running if task.done()]
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        for part in (self.control, self.link, self.last_out, self.hub, self.replay, self.journal):
            part.close()
        self.context.term()
        assert not fallen


def flood(endpoint: str, kind: int, messages: Iterator[bytes], identity: bytes) -> None:
    """Send from a thread of its own, as another process would."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(kind)
    socket.linger = 2000
    socket.sndhwm = 0
    if identity:
        socket.identity = identity
    if kind == zmq.XPUB:
        socket.setsockopt(zmq.XPUB_NODROP, 1)
    socket.connect(endpoint)
    if kind == zmq.XPUB:
        assert socket.poll(10_000), "the hub subscribes"
    for message in messages:
        socket.send(message)
    socket.send_multipart([b"x"] * 50)  # as many frames as nobody takes
    socket.close()
    context.term()


def test_a_flood_of_nonsense_at_every_endpoint(
    short_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    async def main() -> None:
        async with Parts(short_folder) as parts:
            floods: list[tuple[str, int, Iterator[bytes], bytes]] = [
                (parts.endpoints["control"], zmq.DEALER, spoilt(REQUESTED, FLOOD), b""),
                (parts.endpoints["link"], zmq.DEALER, spoilt(SAID, FLOOD), b"7"),
                (parts.endpoints["replay"], zmq.DEALER, spoilt(ASKED, FLOOD), b""),
                (parts.endpoints["hub"], zmq.XPUB, spoilt(PUBLISHED, FLOOD), b""),
            ]
            subscriber = Subscriber(
                parts.endpoints["subscribers"], replay=parts.endpoints["replay"], start="oldest"
            )
            attackers = [asyncio.to_thread(flood, *which) for which in floods]
            client = ReplayClient(zmq.Context(parts.context), parts.endpoints["replay"])
            async with (
                asyncio.timeout(WITHIN_S),
                ControlClient(parts.endpoints["control"]) as friend,
                subscriber,
            ):
                attack, before = asyncio.gather(*attackers), own_memory_bytes()
                rounds = 0
                while not attack.done() or rounds < 3:
                    await friend.ping()
                    assert (await client.heads()).cluster == STORE
                    answer = await client.range(2, 1, RangeAsk(3, -1, None), None)
                    assert answer.reached == 2
                    rounds += 1
                await attack
                while subscriber.refused < FLOOD // 10:  # noqa: ASYNC110  # ZeroMQ changes it
                    await asyncio.sleep(0.02)
                got = [item async for item in _events(subscriber, 2)]
                assert own_memory_bytes() - before < 64 * 1024 * 1024
            assert [(event.epoch, event.seq) for event in got[:2]] == [(3, 1), (3, 2)]
            assert (
                min(parts.control.refused, parts.link.refused, parts.replay.questions.refused)
                > FLOOD / 4
            )
            assert parts.last_out.refused > 0
            assert len(subscriber._feed.chains.known) < 100
            client.close()

    asyncio.run(main())
    assert 4 < len(caplog.records) < 2 * LINES, [r.message for r in caplog.records]
    assert not [r for r in caplog.records if r.exc_info]


async def _events(subscriber: Subscriber, count: int) -> Any:
    async for item in subscriber:
        if isinstance(item, Event) and item.shard_count == 2 and item.shard_id == 1:
            yield item
            count -= 1
            if not count:
                return


def test_a_journal_s_answers_are_not_for_numbers_out_of_range(short_folder: Path) -> None:
    async def main() -> None:
        async with Parts(short_folder) as parts:
            socket = parts.context.socket(zmq.DEALER)
            socket.connect(parts.endpoints["replay"])
            good = {"type": "range", "v": 1, "id": 5, "shard_count": 2, "shard_id": 1, "epoch": 3,
                    "after": -1, "upto": None, "names": None}  # fmt: skip
            for change in (
                {"shard_id": 2**32}, {"shard_id": -1}, {"shard_id": 2**64 - 1}, {"epoch": 2**63},
                {"epoch": -1}, {"after": 2**64 - 1}, {"after": -(2**63)}, {"upto": -(2**63)},
                {"upto": 2**63}, {"names": ["x"] * 5000}, {"names": ["\x00" * 60_000]},
                {"shard_count": 0}, {"shard_count": 2**63}, {"after": float("nan")}, {"after": 1.5},
            ):  # fmt: skip
                await socket.send(control.encode(good | change))
                answer = replay.decode_response.decode(await asyncio.wait_for(socket.recv(), 10))
                if change != {"names": ["\x00" * 60_000]}:
                    assert isinstance(answer, replay.Refusal), change
            await socket.send(control.encode(good))
            answer = replay.decode_response.decode(await asyncio.wait_for(socket.recv(), 10))
            assert isinstance(answer, replay.RangeAnswer)
            socket.close(0)

    asyncio.run(main())


def test_what_waits_at_the_control_endpoint_is_bounded_in_bytes(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_BYTES_UNDER_WAY", 3_000_000)

    async def main() -> None:
        release, waiting = asyncio.Event(), 0

        async def long(args: dict[str, Any]) -> object:
            nonlocal waiting
            waiting += 1
            await release.wait()
            return "done"

        async with (
            Parts(short_folder, long=long) as parts,
            ControlClient(parts.endpoints["control"]) as client,
        ):
            asked = [
                asyncio.ensure_future(
                    client.connection.exchange("long", str, {"x": b"x" * 900_000}, 10)
                )
                for _ in range(5)
            ]
            answers = asyncio.as_completed(asked)
            for _ in range(2):
                with pytest.raises(ClusterError, match="wait already"):
                    await next(answers)
            assert waiting == 3
            release.set()
            assert [await answer for answer in answers] == ["done"] * 3
            await client.ping()

    asyncio.run(main())


def test_a_subscription_that_no_topic_has_is_not_kept(short_folder: Path) -> None:
    """libzmq hangs up, and others are served."""

    async def main() -> None:
        async with Parts(short_folder) as parts:
            hostile, good = (parts.context.socket(zmq.SUB) for _ in range(2))
            hostile.subscribe(b"A" * 5_000)  # libzmq keeps a node for each byte of it
            good.subscribe(b"A.")
            for socket in (hostile, good):
                socket.connect(parts.endpoints["subscribers"])
            worker = parts.context.socket(zmq.XPUB)
            worker.connect(parts.endpoints["hub"])
            await worker.recv()
            async with asyncio.timeout(WITHIN_S):
                while not await good.poll(20):
                    await worker.send(PUBLISHED[0])
            for socket in (hostile, good, worker):
                socket.close(0)

    asyncio.run(main())


def test_a_number_that_no_grant_has_changes_nothing(tmp_path: Path) -> None:
    """SQLite's integers have 64 bits and a sign; the link's have no sign."""
    store = Store.open(tmp_path / "store.sqlite")
    ledger = IdentifyLedger(store, account="a")
    for said in (link.IdentifySent(shard_id=0, grant_id=2**64 - 1),
                 link.IdentifyUnused(shard_id=0, grant_id=2**63)):  # fmt: skip
        message = link.decode_from_worker(link.encode(said))
        assert isinstance(message, link.IdentifySent | link.IdentifyUnused)
        ledger.sent(message.grant_id)
        ledger.unused(message.grant_id)
    assert ledger.spent() == 0
    store.close()


def test_an_answer_that_is_none_ends_nobody(short_folder: Path) -> None:
    """A replay server, or who sits in its place, that answers nonsense."""

    async def main() -> None:
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.ROUTER)
        socket.bind(f"ipc://{short_folder}/r")
        client = ReplayClient(zmq.Context(context), f"ipc://{short_folder}/r")
        try:
            async with asyncio.timeout(WITHIN_S):
                heads = asyncio.ensure_future(client.heads())
                who, question = await socket.recv_multipart()
                for nonsense in [*spoilt(ANSWERED, 200), DEEP, b"\xa2\xc3\x28"]:
                    await socket.send_multipart([who, nonsense])
                number = replay.decode_request.decode(question).id
                answer = replay.HeadsAnswer(id=number, cluster=STORE, shards=[])
                await socket.send_multipart([who, replay.encode(answer)])
                assert await heads == answer
            assert client.refused > 50
        finally:
            client.close()
            socket.close(0)
            context.term()

    asyncio.run(main())
