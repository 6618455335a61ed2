"""libcurl's sockets in an epoll of their own: each wish is told once, what is ready at once."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvloop

from shard_worker.transport import sockets as module
from shard_worker.transport.sockets import READABLE, WRITABLE, Ready, Sockets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
WAIT_S = 30.0


class Watched:
    """Sockets, and what they said was ready."""

    def __init__(self) -> None:
        self.turns: asyncio.Queue[Ready] = asyncio.Queue()
        self.sockets = Sockets(asyncio.get_running_loop(), self.on_ready)
        self.takes: Callable[[int], object] = lambda fd: os.read(fd, 9)

    def on_ready(self, ready: Ready) -> None:
        for fd, events in ready:
            if events & READABLE:
                self.takes(fd)
        self.turns.put_nowait(ready)

    async def next(self) -> Ready:
        return await asyncio.wait_for(self.turns.get(), WAIT_S)

    async def first_of(self, fd: int, events: int) -> Ready:
        """Want this of a socket, and return what is ready once the kernel knows of it."""
        self.want(fd, events)
        await asyncio.sleep(0)
        while not self.turns.empty():
            self.turns.get_nowait()
        return await self.next()

    def want(self, fd: int, events: int) -> None:
        """Want this of a socket, as curl_cffi says it."""
        self.sockets.remove_reader(fd)
        self.sockets.remove_writer(fd)
        if events & READABLE:
            self.sockets.add_reader(fd, print, fd, 1)
        if events & WRITABLE:
            self.sockets.add_writer(fd, print, fd, 2)


def run(scenario: Callable[[Watched], Awaitable[None]]) -> None:
    async def main() -> None:
        failures: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failures.append(context))
        watched = Watched()
        try:
            await scenario(watched)
        finally:
            watched.sockets.close()
        await asyncio.sleep(0)
        assert not failures

    uvloop.run(main())
    asyncio.run(main())


def pair() -> tuple[socket.socket, socket.socket]:
    made = socket.socketpair()
    for one in made:
        one.setblocking(False)
    return made


def test_what_is_wanted_is_told() -> None:
    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        with ours, theirs:
            fd = ours.fileno()
            theirs.send(b"a")
            assert await watched.first_of(fd, READABLE) == [(fd, READABLE)]
            assert await watched.first_of(fd, READABLE | WRITABLE) == [(fd, WRITABLE)]
            await watched.first_of(fd, WRITABLE)
            theirs.send(b"b")
            assert await watched.next() == [(fd, WRITABLE)]
            assert os.read(fd, 1) == b"b", "nobody was told, so nobody has read it"
            other, source = pair()
            with other, source:
                watched.want(fd, 0)
                source.send(b"c")
                also = other.fileno()
                assert await watched.first_of(also, READABLE) == [(also, READABLE)]

    run(scenario)


def test_what_is_not_read_is_told_again() -> None:
    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        with ours, theirs:
            watched.takes = lambda fd: os.read(fd, 1)
            watched.want(ours.fileno(), READABLE)
            theirs.send(b"abc")
            for _ in range(3):
                assert await watched.next() == [(ours.fileno(), READABLE)]

    run(scenario)


def test_the_end_of_the_other_side_is_told() -> None:
    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        with ours:
            watched.want(ours.fileno(), READABLE)
            theirs.close()
            ((fd, events),) = await watched.next()
            assert fd == ours.fileno()
            assert events & READABLE

    run(scenario)


def test_a_number_that_is_given_again_is_watched_anew() -> None:
    """libcurl closes a socket and opens the next, which has the same number."""

    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        fd = ours.fileno()
        watched.want(fd, READABLE)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        watched.want(fd, 0)
        ours.close()
        theirs.close()
        ours, theirs = pair()
        with ours, theirs:
            assert fd in (ours.fileno(), theirs.fileno())
            if fd != ours.fileno():
                ours, theirs = theirs, ours
            watched.want(fd, READABLE)
            theirs.send(b"a")
            assert await watched.next() == [(fd, READABLE)]

    run(scenario)


@pytest.mark.parametrize("is_in", [False, True])
def test_a_socket_that_is_closed_by_now_is_forgotten(is_in: bool) -> None:
    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        other, source = pair()
        with theirs, other, source:
            watched.want(ours.fileno(), READABLE)
            if is_in:
                await asyncio.sleep(0)
            watched.want(ours.fileno(), 0)
            watched.want(other.fileno(), READABLE)
            ours.close()
            source.send(b"a")
            assert await watched.next() == [(other.fileno(), READABLE)]
            assert set(watched.sockets._wanted) == {other.fileno()}

    run(scenario)


def test_no_socket_is_forgotten_where_more_are_ready_than_a_turn_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SOCKETS_A_TURN", 2)

    async def scenario(watched: Watched) -> None:
        pairs = [pair() for _ in range(5)]
        watched.takes = lambda fd: None  # each stays ready: none may come twice before all came
        for ours, theirs in pairs:
            watched.want(ours.fileno(), READABLE)
            theirs.send(b"a")
        turns = [await watched.next() for _ in range(3)]
        assert max(map(len, turns)) == 2
        assert {fd for turn in turns for fd, _ in turn} == {ours.fileno() for ours, _ in pairs}
        for one in sum(pairs, ()):
            one.close()

    run(scenario)


class Counted:
    """An epoll that counts what the kernel is told."""

    def __init__(self, epoll: Any) -> None:
        self._epoll = epoll
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name in ("register", "modify", "unregister"):
            self.told.append(name)
        return getattr(self._epoll, name)


async def counting(watched: Watched, fd: int, theirs: socket.socket) -> Counted:
    """Return what the kernel is told from now on, of a socket that is read and has brought
    something."""
    watched.want(fd, READABLE)
    theirs.send(b"a")
    await watched.next()
    counted = Counted(watched.sockets._epoll)
    watched.sockets._epoll = counted  # type: ignore[assignment]  # it counts
    return counted


def test_the_kernel_is_told_once_however_often_libcurl_changes_its_mind() -> None:
    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        with ours, theirs:
            fd = ours.fileno()
            counted = await counting(watched, fd, theirs)
            for events in (READABLE | WRITABLE, READABLE, READABLE | WRITABLE):
                watched.want(fd, events)
            assert await watched.next() == [(fd, WRITABLE)]
            assert counted.told == ["modify"]
            watched.want(fd, 0)
            watched.sockets._tell()
            assert counted.told == ["modify", "unregister"]

    run(scenario)


def test_what_libcurl_wants_until_its_timer_rings_at_once_is_not_told() -> None:
    """It says so with each thing that is sent, and sends it when the timer rings."""

    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        with ours, theirs:
            fd = ours.fileno()
            counted = await counting(watched, fd, theirs)
            for _ in range(3):
                watched.want(fd, READABLE | WRITABLE)
                watched.sockets.call_later(0, watched.want, fd, READABLE)
                theirs.send(b"b")
                assert await watched.next() == [(fd, READABLE)]
                for _ in range(3):  # until the last wish is told
                    await asyncio.sleep(0)
            assert counted.told == ["modify"] * 3
            assert watched.turns.empty()

    run(scenario)


def test_a_wish_is_told_however_often_the_timer_rings_at_once() -> None:
    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        with ours, theirs:

            def ring() -> None:
                if watched.turns.empty():
                    watched.sockets.call_later(0, ring)

            ring()
            watched.want(ours.fileno(), WRITABLE)
            assert await watched.next() == [(ours.fileno(), WRITABLE)]
            watched.want(ours.fileno(), READABLE)
            watched.sockets.call_later(0, print)
            watched.sockets.call_later(5, print)  # in its place
            theirs.send(b"a")
            while (ready := await watched.next()) != [(ours.fileno(), READABLE)]:
                assert ready == [(ours.fileno(), WRITABLE)]

    run(scenario)


def test_a_timer_that_is_unset_is_none() -> None:
    """libcurl says -1 where it wants none."""

    async def scenario(watched: Watched) -> None:
        rang = asyncio.Event()
        assert watched.sockets.call_later(-0.001, rang.set) is None
        assert watched.sockets.call_later(0, rang.set) is not None
        await asyncio.wait_for(rang.wait(), WAIT_S)

    run(scenario)


def test_nothing_is_told_after_the_end() -> None:
    async def scenario(watched: Watched) -> None:
        ours, theirs = pair()
        with ours, theirs:
            watched.want(ours.fileno(), READABLE)
            watched.sockets.close()
            theirs.send(b"a")
            watched.sockets.remove_reader(ours.fileno())
            for _ in range(4):
                await asyncio.sleep(0)
            watched.sockets.close()
            assert watched.turns.empty()

    run(scenario)


class Moderated:
    """Played moderation, and what it is asked."""

    rest = 5
    asked: list[tuple[int, float, float]]

    def __init__(self, latency_ms: int, now: float) -> None:
        self.asked = []

    def rest_ms(self, ready: int, asked_at: float, now: float) -> int:
        self.asked.append((ready, asked_at, now))
        return self.rest


class Handle:
    def __init__(self, delay: float, callback: Callable[[], None]) -> None:
        self.delay = delay
        self.ring = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """An event loop of which somebody else says what happens next."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}
        self.timers: list[Handle] = []
        self.create_future = print

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        assert fd not in self.readers
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> None:
        del self.readers[fd]

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        self.timers.append(Handle(delay, callback))
        return self.timers[-1]

    @property
    def timer(self) -> Handle | None:
        """The timer that will ring."""
        alive = [timer for timer in self.timers if not timer.cancelled]
        assert len(alive) <= 1
        return alive[0] if alive else None


class Rested:
    """Sockets on such a loop. A turn takes a second of their clock."""

    def __init__(self, latency_ms: int = 5) -> None:
        self.loop = Loop()
        self.now = 100.0
        self.turns = 0
        self.during: Callable[[], None] = lambda: None
        loop: Any = self.loop
        self.sockets = Sockets(loop, self.on_ready, latency_ms, lambda: self.now)

    def on_ready(self, ready: Ready) -> None:
        self.now += 1
        self.turns += 1
        self.during()

    def turn(self) -> None:
        """Have a turn, as the loop would begin it."""
        timer = self.loop.timer
        if timer is not None:
            self.loop.timers.remove(timer)
            timer.ring()
        else:
            (turn,) = self.loop.readers.values()
            turn()

    def rests(self) -> bool:
        assert bool(self.loop.timer) != bool(self.loop.readers), "one of both, whatever happens"
        return self.loop.timer is not None


@pytest.fixture
def rested(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rested]:
    monkeypatch.setattr(module, "Moderation", Moderated)
    made = Rested()
    yield made
    made.sockets.close()
    assert not made.loop.readers
    assert not made.loop.timer


def moderation_of(rested: Rested) -> Moderated:
    moderation: Any = rested.sockets._moderation
    assert isinstance(moderation, Moderated)
    return moderation


def test_a_turn_is_followed_by_a_rest_as_long_as_moderation_says(rested: Rested) -> None:
    for turn in range(3):
        rested.turn()
        assert rested.rests()
        assert rested.loop.timers[-1].delay == 0.005
        assert rested.turns == turn + 1
    moderation = moderation_of(rested)
    assert moderation.asked == [(0, 100.0, 101.0), (0, 101.0, 102.0), (0, 102.0, 103.0)]
    moderation.rest = 0
    rested.turn()
    assert not rested.rests()
    rested.turn()
    assert not rested.rests()


def test_what_a_turn_finds_has_waited_since_the_last_look_where_there_was_a_rest(
    rested: Rested,
) -> None:
    waits: list[float] = []
    rested.during = lambda: waits.append(rested.sockets.waited_s)
    rested.turn()
    rested.now += 0.25
    rested.turn()
    rested.now += 0.5
    moderation_of(rested).rest = 0
    rested.turn()
    rested.now += 9
    rested.turn()
    assert waits == [0.0, 1.25, 1.5, 0.0], "a turn takes a second"
    assert rested.sockets.waited_s == 0.0


def test_whoever_can_t_wait_ends_a_rest_and_keeps_awake(rested: Rested) -> None:
    rested.turn()
    assert rested.rests()
    rested.sockets.keep_awake("a")
    assert not rested.rests()
    rested.sockets.keep_awake("b")
    rested.sockets.let_rest("a")
    rested.turn()
    assert not rested.rests()
    rested.sockets.let_rest("b")
    rested.turn()
    assert rested.rests()


def test_whoever_says_so_within_a_turn_is_heard(rested: Rested) -> None:
    for what in (lambda: rested.sockets.keep_awake("a"), rested.sockets.expect_answer):
        rested.during = what
        rested.turn()
        assert not rested.rests()
        rested.sockets.let_rest("a")
    rested.now += module.ANSWER_S
    rested.during = lambda: None
    rested.turn()
    assert rested.rests()


def test_the_answer_to_a_command_is_not_waited_with(rested: Rested) -> None:
    rested.turn()
    assert rested.rests()
    rested.sockets.expect_answer()
    assert not rested.rests()
    until = rested.now + module.ANSWER_S
    rested.now = until - 1.001
    rested.turn()
    assert not rested.rests()
    rested.now = until - 1
    rested.turn()
    assert rested.rests()


def test_no_rest_where_more_is_ready_than_a_turn_takes(
    rested: Rested, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOCKETS_A_TURN", 1)
    ours, theirs = pair()
    with ours, theirs:
        rested.sockets._wanted[ours.fileno()] = READABLE
        rested.sockets._changed.add(ours.fileno())
        rested.sockets._tell()
        theirs.send(b"a")
        rested.turn()
        assert not rested.rests()
        os.read(ours.fileno(), 1)
        rested.turn()
        assert rested.rests()


def test_a_turn_that_fails_is_followed_by_another(rested: Rested) -> None:
    def fails() -> None:
        raise RuntimeError("on purpose")

    rested.turn()
    rested.during = fails
    with pytest.raises(RuntimeError, match="on purpose"):
        rested.turn()
    assert not rested.rests()


def test_where_nothing_may_wait_nothing_rests() -> None:
    rested = Rested(latency_ms=0)
    rested.sockets.keep_awake("a")
    rested.sockets.expect_answer()
    rested.turn()
    assert not rested.rests()
    rested.sockets.close()
