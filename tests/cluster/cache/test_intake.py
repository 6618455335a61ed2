"""What comes is written turn by turn, with the position up to which it was handled."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.cache import intake as intake_module
from cluster.cache.errors import CacheFullError
from cluster.cache.intake import Intake
from cluster.cache.store import Store, Turn
from cluster.subscriber import Gap, Item, Stalled
from cluster.wire.states import GapReason
from tests.cluster.cache.played import event, opened, position

GUILD = 1 << 22  # of shard 1 of 4
WITHIN_S = 10.0


def created(guild_id: int, seq: int) -> Item:
    data = json.dumps({"id": str(guild_id), "member_count": 3, "name": f"g{seq}"}).encode()
    return event("GUILD_CREATE", data, seq)


def gap(shard_id: int = 0, count: int = 1) -> Gap:
    return Gap(shard_id, count, 1, None, 5, 6, GapReason.GONE)


class Stream:
    """A subscriber: gives out what is put in; each item is handled when the next is asked for."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Item] = asyncio.Queue()
        self._handled = 0
        self.joined = True

    def put(self, *items: Item) -> None:
        for item in items:
            self._items.put_nowait(item)

    @property
    def position(self) -> dict[str, Any]:
        return position(self._handled) if self.joined else {"store": "", "shards": []}

    async def __aiter__(self) -> AsyncIterator[Item]:
        while True:
            yield await self._items.get()
            self._handled += 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "cache")
    yield made
    made.close()


def played(
    store: Store, scenario: Callable[[Intake, Stream], Awaitable[None]], most_items: int = 4096
) -> None:
    """Play a scenario beside an intake that reads, and writes when it is told to."""

    async def main() -> None:
        stream = Stream()
        intake = Intake(store, stream, most_items=most_items, unix_ns=lambda: 77)
        reading = asyncio.create_task(intake.read())
        try:
            async with asyncio.timeout(WITHIN_S):
                await scenario(intake, stream)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    """Let everybody else go on until a condition holds."""
    while not condition():  # noqa: ASYNC110  # nobody tells of these
        await asyncio.sleep(0)


async def handled(stream: Stream, count: int) -> None:
    """Wait until so many items were handled, and the stream waits for more."""
    await until(lambda: stream.position["shards"][0][3] >= count)


def saved(store: Store) -> dict[str, Any] | None:
    return store.position


def names(store: Store) -> list[str]:
    """Names of the guilds that are in the cache."""
    with store.snapshot() as view:
        parts = [view.guild(guild_id) for guild_id in view.guild_ids()]
    return [part.json()["name"] for part in parts if part is not None]


def test_a_turn_is_one_transaction_with_its_position(store: Store) -> None:
    async def scenario(intake: Intake, stream: Stream) -> None:
        stream.put(created(GUILD, 1), created(GUILD * 2, 2), event("RESUMED", b"{}", 3))
        await handled(stream, 3)
        assert saved(store) is None, "nothing is written between two turns"
        intake.flush()
        assert saved(store) == position(3)
        assert (intake.events, intake.transactions, intake.gaps) == (3, 1, 0)
        intake.flush()
        assert intake.transactions == 1, "nothing is new"

    played(store, scenario)
    assert names(store) == ["g1", "g2"]


def test_the_position_goes_on_where_nothing_changes_the_cache(store: Store) -> None:
    async def scenario(intake: Intake, stream: Stream) -> None:
        stream.put(event("TYPING_START", b"{}", 1))
        await handled(stream, 1)
        intake.flush()
        assert saved(store) == position(1)
        stream.put(Stalled(0, 1.0))  # what is left out by the subscriber moves it alike
        await handled(stream, 2)
        intake.flush()
        assert saved(store) == position(2)

    played(store, scenario)


def test_before_it_has_joined_the_saved_position_stays(store: Store) -> None:
    with store.turn() as turn:
        turn.position = position(9)

    async def scenario(intake: Intake, stream: Stream) -> None:
        stream.joined = False
        intake.flush()
        assert store.position == position(9)

    played(store, scenario)


def test_the_item_at_hand_is_not_in_the_position_before_it_is_written(store: Store) -> None:
    """More comes at once than a transaction takes: what is saved meanwhile is what was written."""

    async def scenario(intake: Intake, stream: Stream) -> None:
        stream.put(*(created(GUILD * n, n) for n in range(1, 6)))
        await handled(stream, 5)
        assert intake.transactions == 2
        assert store.position == position(4)
        assert len(names(store)) == 4
        intake.flush()
        assert store.position == position(5)

    played(store, scenario, most_items=2)


def test_a_gap_leaves_the_guilds_of_its_shard_of_unknown_age(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    def doubted() -> list[int]:
        with store.snapshot() as view:
            return [one.id for one in view.guilds() if one.state.unknown_since_ns == 77]

    async def scenario(intake: Intake, stream: Stream) -> None:
        stream.put(created(GUILD, 1), created(GUILD * 2, 2), gap(1, 4))
        await handled(stream, 3)
        intake.flush()
        assert doubted() == [GUILD]
        stream.put(created(GUILD, 4), gap(-1, 1), created(GUILD * 2, 5))
        await handled(stream, 6)
        intake.flush()
        assert doubted() == [GUILD]
        assert intake.gaps == 2

    played(store, scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "events of shard 1 of 4 were missed (gone, epoch 1 from 5 on); guilds that are of unknown "
        "age until their next GUILD_CREATE: 1",
        "events of all shards were missed (gone, epoch 1 from 5 on); guilds that are of unknown "
        "age until their next GUILD_CREATE: 2",
    ]


def test_a_full_cache_takes_nothing_more_until_there_is_room(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    turn = Store.turn
    is_full = True

    @contextmanager
    def full(self: Store) -> Iterator[Turn]:
        with turn(self) as made:
            yield made
            if is_full:
                raise CacheFullError("the cache is full")

    monkeypatch.setattr(Store, "turn", full)

    async def scenario(intake: Intake, stream: Stream) -> None:
        nonlocal is_full
        stream.put(*(created(GUILD * n, n) for n in range(1, 9)))
        await until(lambda: intake.full is not None)
        for _ in range(10):
            await asyncio.sleep(0)
        assert stream.position == position(2), "the third is at hand"
        intake.flush()
        assert saved(store) is None
        is_full = False
        intake.flush()
        await handled(stream, 8)
        intake.flush()
        assert store.position == position(8)
        assert not intake.full

    played(store, scenario, most_items=2)
    assert len(names(store)) == 8
    assert [record.getMessage() for record in caplog.records] == ["the cache is full"]


def test_it_writes_by_itself_whenever_the_stream_waits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "IDLE_S", 10 * WITHIN_S)

    async def scenario(intake: Intake, stream: Stream) -> None:
        writing = asyncio.create_task(intake.write())
        stream.put(created(GUILD, 1), created(GUILD * 2, 2))
        await until(lambda: store.position == position(2))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        assert len(names(store)) == 2

    played(store, scenario)


def test_what_the_store_raises_ends_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "IDLE_S", 0.001)
    monkeypatch.setattr(Store, "turn", lambda self: 1 / 0)

    async def scenario(intake: Intake, stream: Stream) -> None:
        stream.put(created(GUILD, 1))
        with pytest.raises(ZeroDivisionError):
            await intake.write()

    played(store, scenario)
