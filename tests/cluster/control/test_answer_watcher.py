"""AnswerWatcher: one subscriber for all who wait for answers, and what they are listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from cluster.control.answer_watcher import AnswerWatcher
from cluster.errors import ConfigError, NotRunningError
from cluster.subscriber import Event, Stalled, Subscriber


class Played:
    """A Subscriber that gives out what is put into its queue."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.open = 0

    async def __aenter__(self) -> Played:
        self.open += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open -= 1

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            item = await self.items.get()
            if isinstance(item, Exception):
                raise item
            yield item


class Listener:
    """Keeps what a watch was listener."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    def take(self, name: str, data: bytes) -> None:
        self.heard.put_nowait((name, data))


def watcher(played: Played, running: bool = True) -> AnswerWatcher:
    async def make() -> Subscriber:
        return cast("Subscriber", played)

    async def check() -> None:
        if not running:
            raise NotRunningError("it has stopped")

    return AnswerWatcher(make, check)


def event(data: bytes) -> Event:
    return Event.make("GUILD_MEMBERS_CHUNK", 0, 1, 1, 0, data, 0, "store")


def test_all_are_told_by_one_subscriber_that_is_open_while_anybody_waits() -> None:
    async def main() -> None:
        played, one, two = Played(), Listener(), Listener()
        watch = watcher(played)
        for _ in range(2):  # it is opened again
            async with watch.watching(one.take):
                async with watch.watching(two.take):
                    assert played.open == 1
                    played.items.put_nowait(event(b"1"))
                    expected = ("GUILD_MEMBERS_CHUNK", b"1")
                    assert await one.heard.get() == await two.heard.get() == expected
                assert played.open == 1
            assert played.open == 0

    asyncio.run(main())


def test_who_gives_up_at_once_leaves_no_subscriber() -> None:
    async def main() -> None:
        played, listener = Played(), Listener()
        async with watcher(played).watching(listener.take):
            pass
        assert played.open == 0

    asyncio.run(main())


def test_silence_is_looked_into() -> None:
    async def main(running: bool) -> None:
        played, listener = Played(), Listener()
        async with watcher(played, running).watching(listener.take):
            played.items.put_nowait(Stalled(None, 3.0))
            played.items.put_nowait(event(b"1"))
            await listener.heard.get()

    asyncio.run(main(running=True))
    with pytest.raises(NotRunningError, match="it has stopped"):
        asyncio.run(main(running=False))


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "refused"])
def test_who_waits_is_told_that_no_more_comes(closed: bool) -> None:
    async def main() -> None:
        played, listener = Played(), Listener()
        watch = watcher(played)

        async def wait() -> None:
            async with watch.watching(listener.take):
                if closed:
                    watch.close(ConfigError("no more"))
                else:
                    played.items.put_nowait(ConfigError("no more"))
                await listener.heard.get()

        with pytest.raises(ConfigError, match="no more"):
            await wait()
        assert played.open == 0
        async with watch.watching(listener.take):
            assert played.open == 1, "another one is made"

    asyncio.run(main())
