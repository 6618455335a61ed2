"""``top`` under textual's pilot: what keys do, at any size, over a coordinator that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import ModuleType
from typing import Any

import msgspec
import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Input, RichLog

from cluster.cli.top import grid, tables
from cluster.cli.top.app import PANES, TopApp
from cluster.cli.top.dialogs import DetailScreen, Prompt, Question
from cluster.cli.top.event_screen import EventScreen
from cluster.cli.top.rows_view import RowsView
from cluster.errors import ClusterError
from cluster.subscriber import Event, Item
from cluster.wire.happenings import Happenings
from cluster.wire.status import ClusterStatus, ShardStatus
from tests.cluster.cli.top.test_models import changed, happening, traffic
from tests.coordinator.http.statuses import away, host, subscriber

Play = Callable[[TopApp, "Played", Pilot[None]], Awaitable[None]]


class Played:
    """A cluster that is played."""

    def __init__(self, status: ClusterStatus) -> None:
        self.now: ClusterStatus | ClusterError = status
        self.happened = [happening(1), happening(2, "worker 1 died: killed")]
        self.tells = True
        self.asked: list[str] = []
        self.refuses = ""
        self.items: asyncio.Queue[Item] = asyncio.Queue()
        self.taken = asyncio.Event()
        """All events that there were have been taken."""

    async def status(self) -> ClusterStatus:
        if isinstance(self.now, ClusterError):
            raise self.now
        return self.now

    async def happenings(self, after: int) -> Happenings:
        self.asked.append(f"happenings after {after}")
        if not self.tells:
            raise ClusterError("unknown verb 'happenings'")
        news = [one for one in self.happened if one.number > after]
        return Happenings(last=self.happened[-1].number, happenings=news)

    async def restart_worker(self, worker: int) -> str:
        return self._do(f"worker {worker} restarted")

    async def restart_shard(self, shard: int) -> str:
        return self._do(f"shard {shard} reconnected")

    def _do(self, what: str) -> str:
        if self.refuses:
            raise ClusterError(self.refuses)
        self.asked.append(what)
        return what

    async def events(self, name: str) -> AsyncIterator[Item]:
        self.asked.append(f"events {name}")
        while True:
            if self.items.empty():
                self.taken.set()
            yield await self.items.get()


def play(
    fake: ModuleType, what: Play, *, shards: int = 40, size: tuple[int, int] = (80, 24), **more: Any
) -> Played:
    """Run the application on a played cluster; the block looks, and presses keys."""
    status = fake.cluster_status("east", shards=shards, ready=shards, waiting=[], sandbox=False)
    counts = [traffic(0, MESSAGE_CREATE=9, READY=1)]
    status = changed(status, **{"traffic": counts, "subscribers": [subscriber("bot")]} | more)
    source = Played(status)

    async def main() -> None:
        app = TopApp(source, every_s=None)
        app.animation_level = "none"
        async with app.run_test(size=size, notifications=True) as pilot:
            await app.look()
            await pilot.pause()
            await what(app, source, pilot)

    asyncio.run(main())
    return source


def screen(app: TopApp) -> str:
    """What is seen, without colours."""
    width, _ = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text[:width].rstrip() for strip in lines)


async def type_in(app: TopApp, pilot: Pilot[None], text: str) -> None:
    """Type a text, and Enter; key by key it would take long."""
    app.screen.query_one(Input).value = text
    await pilot.press("enter")


def rows(app: TopApp, name: str) -> list[Any]:
    return app.screen_stack[0].query_one(f"#{name}", RowsView).rows


@pytest.mark.parametrize(
    ("shards", "size"), [(1, (80, 24)), (4096, (80, 24)), (4096, (200, 60)), (40, (40, 10))]
)
def test_every_table_at_every_size(fake: ModuleType, shards: int, size: tuple[int, int]) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        for number, name in enumerate(PANES, start=1):
            await pilot.press(str(number))
            text = screen(app)
            assert f"{name}: " in text
            assert all(len(line) <= size[0] for line in text.splitlines())
        seen = [name for name in PANES if f"{name}: " in screen(app)]
        assert seen == (list(PANES) if size == (200, 60) else ["happenings"])
        await pilot.press("g")
        assert "■" in screen(app)
        assert "east  ready" in screen(app)

    play(fake, look, shards=shards, size=size)


def test_of_many_rows_only_those_are_made_that_are_seen(
    fake: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So one look at 4,096 shards takes as long as one at sixty, but for their order."""
    made: list[object] = []

    def counted(make: Callable[..., Text]) -> Callable[..., Text]:
        def made_one(*what: object) -> Text:
            made.append(what)
            return make(*what)

        return made_one

    monkeypatch.setattr("cluster.cli.top.rows_view.line", counted(tables.line))
    monkeypatch.setattr(grid, "row", counted(grid.row))

    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        for key in ("1", "g"):
            await pilot.press(key)
            made.clear()
            await app.look()
            await pilot.pause()
            assert 0 < len(made) <= 4 * 60

    play(fake, look, shards=4096, size=(200, 60))


def test_orders_and_filters(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        assert "shards: 40, by state" in screen(app)
        await pilot.press("s")
        assert "shards: 40, by events/s" in screen(app)
        await pilot.press("i")
        assert "by events/s reversed" in screen(app)
        await pilot.press("slash")
        assert isinstance(app.screen, Prompt)
        await type_in(app, pilot, "10-19")
        assert "shards: 10 of 40" in screen(app)
        assert [one.shard_id for one in rows(app, "shards")] == list(range(10, 20))
        await app.look()
        assert len(rows(app, "shards")) == 10, "it stays"
        await pilot.press("escape")
        assert len(rows(app, "shards")) == 40
        await pilot.press("slash", "w", "1", "escape")
        assert len(rows(app, "shards")) == 40, "nothing was wanted"

    play(fake, look)


def test_the_cursor_stays_on_its_row(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        view: RowsView[ShardStatus] = app.query_one("#shards", RowsView)

        def selected() -> int:
            assert view.selected is not None
            return view.selected.shard_id

        await pilot.press("down", "down", "down")
        assert selected() == 3
        status = source.now
        assert isinstance(status, ClusterStatus)
        moved = [msgspec.structs.replace(s, events_per_s=float(s.shard_id)) for s in status.shards]
        source.now = changed(status, shards=moved)
        view.sort = "events/s"
        await app.look()
        assert selected() == 3
        assert view.cursor == 36
        await pilot.press("end")
        assert selected() == 0
        source.now = changed(status, shards=status.shards[20:22])
        await app.look()
        assert selected() in (20, 21), "the one that it was on is no more"
        await pilot.press("home", "pagedown", "pageup", "k", "j")
        assert view.cursor == 1

    play(fake, look)


def test_all_that_is_known_of_a_shard(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        assert isinstance(app.screen, DetailScreen)
        assert "epoch 1, seq 1,234" in screen(app)
        status = source.now
        assert isinstance(status, ClusterStatus)
        source.now = changed(status, shards=status.shards[1:])
        await app.look()
        await pilot.pause()
        assert "It is no more." in screen(app)
        await pilot.press("escape")
        assert len(app.screen_stack) == 1

    play(fake, look)


def test_a_worker_is_restarted_after_asking(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        await pilot.press("3", "r")
        assert "Select a worker or a shard first." in screen(app)
        await pilot.press("2", "down", "r")
        assert isinstance(app.screen, Question)
        assert "Restart worker 1?" in screen(app)
        await pilot.press("n")
        assert "worker 1 restarted" not in source.asked
        await pilot.press("enter", "r", "y")
        await pilot.pause()
        assert "worker 1 restarted" in source.asked
        assert "worker 1 restarted." in screen(app)
        await pilot.press("1", "r", "y")
        await pilot.pause()
        assert "shard 0 reconnected" in source.asked

    play(fake, look)


def test_what_is_refused_is_said(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        source.refuses = "a scale is under way"
        await pilot.press("2", "r", "y")
        await pilot.pause()
        assert "a scale is under way" in screen(app)

    play(fake, look)


def test_over_a_coordinator_that_goes_away(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        status = source.now
        source.now = ClusterError("the cluster has stopped")
        await app.look()
        await pilot.pause()
        assert "(the cluster has stopped); this is what it said last." in screen(app)
        assert len(rows(app, "shards")) == 40
        source.now = status
        await app.look()
        await pilot.pause()
        assert "No answer" not in screen(app)

    play(fake, look)


def test_what_happened_is_asked_for_once(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        source.happened.append(happening(3, "worker 1 is back"))
        await app.look()
        await app.look()
        assert [one.number for one in rows(app, "happenings")] == [3, 2, 1]
        await pilot.press("5")
        assert "worker 1 died: killed" in screen(app)
        await pilot.press("enter")
        assert "worker 1 is back" in screen(app)

    source = play(fake, look)
    assert source.asked == [f"happenings after {after}" for after in (0, 2, 3)]


def test_a_coordinator_that_does_not_tell_what_happened(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        source.tells = False
        source.happened.append(happening(3))
        await app.look()
        assert [one.number for one in rows(app, "happenings")] == [2, 1]
        source.tells = True
        await app.look()
        assert [one.number for one in rows(app, "happenings")] == [3, 2, 1], (
            "it may be the next time"
        )

    play(fake, look)


def test_all_that_is_wrong(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        assert "(and 4 more: !)" in screen(app)
        await pilot.press("exclamation_mark")
        assert "trouble 4" in screen(app)
        await pilot.press("escape", "question_mark")
        assert "restart the worker, or reconnect the shard" in screen(app)

    play(fake, look, troubles=[f"trouble {n}" for n in range(5)])


def test_hosts(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        await pilot.press("2")
        assert "host" not in screen(app)
        await pilot.press("h")
        assert "none has joined" in screen(app)
        await pilot.press("escape")
        assert isinstance(source.now, ClusterStatus)
        rows = [msgspec.structs.replace(w, host=f"host-{w.slot + 1}") for w in source.now.workers]
        hosts = [host("host-1"), away("host-2")]
        source.now = msgspec.structs.replace(source.now, workers=rows, hosts=hosts)
        await app.look()
        await pilot.pause()
        assert "worker  state       host" in screen(app)
        assert "host host-2 is away" in screen(app)
        await pilot.press("h")
        assert "away, given up in 12 s" in screen(app)
        source.now = msgspec.structs.replace(source.now, hosts=[host("host-1")])
        await app.look()
        await pilot.pause()
        assert "given up" not in screen(app), "it is renewed"

    play(fake, look)


def event(seq: int) -> Event:
    data = b'{"content": "hello", "author": {"username": "alice"}}'
    return Event.make("MESSAGE_CREATE", 3, 4, 1, seq, data, 1_700_000_000_000_000_000, "0" * 16)


def test_one_type_of_events_is_followed(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        await pilot.press("3", "enter")
        assert isinstance(app.screen, EventScreen)
        for seq in range(30):
            source.items.put_nowait(event(seq))
        source.taken.clear()
        await source.taken.wait()
        app.screen.look()
        await pilot.pause()
        log = app.screen.query_one(RichLog)
        text = "\n".join(strip.text for strip in log.lines)
        assert text.count("alice: hello") == 20
        assert "... 10 more came than can be read" in text
        await pilot.press("space")
        assert "held" in str(log.border_subtitle)
        await pilot.press("escape")
        assert len(app.screen_stack) == 1
        await pilot.press("f")
        await type_in(app, pilot, "message_delete")
        assert isinstance(app.screen, EventScreen)
        await pilot.press("escape", "f")
        await type_in(app, pilot, "nothing")
        assert "there is no event 'nothing'" in screen(app)

    source = play(fake, look)
    assert [one for one in source.asked if "events" in one] == [
        "events MESSAGE_CREATE", "events MESSAGE_DELETE",
    ]  # fmt: skip


def test_without_colours(fake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """States are words and signs, the row with the cursor has a mark."""
    monkeypatch.setenv("NO_COLOR", "1")

    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        assert app.no_color
        assert ">      0       0  ready" in screen(app)

    play(fake, look)


def test_dark_and_light_and_the_end(fake: ModuleType) -> None:
    async def look(app: TopApp, source: Played, pilot: Pilot[None]) -> None:
        await pilot.press("d")
        assert app.theme == "textual-light"
        await pilot.press("d", "q")
        assert app.return_code == 0

    play(fake, look)
