"""The two sockets that let others in to a coordinator: whatever comes in, they go on answering."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
import zmq.asyncio

from cluster.control import ControlClient
from cluster.errors import BudgetError, ClusterError
from cluster.wire import control, link
from coordinator.control.server import MAX_REQUEST_BYTES, ControlServer
from coordinator.verb import Parcel, Verb
from coordinator.workers.link import WorkerLink

NESTED = b"\x91" * 50_000 + b"\xc0"
GARBAGE = [
    b"",
    b"\xc1",
    b"no msgpack",
    b"\x80",
    b"\x84\xa1v\x01\xa2id\x01\xa4verb\xa4ping\xa4args\x81\xa1a" + NESTED,
    b"\x82\xa4type\xa5hello\xa1z" + NESTED,
    control.encode({"v": 1, "id": "one", "verb": "ping"}),
    control.encode({"v": 1, "id": 1}),
    link.encode(link.IdentifyRequest(shard_id=1))[:-1],
]


@asynccontextmanager
async def running(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run the loop of a socket, which must still run at the end."""
    task = asyncio.ensure_future(work())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def control_server(folder: Path) -> AsyncIterator[tuple[ControlServer, str]]:
    async def ping(args: dict[str, Any]) -> object:
        return {"args": args}

    async def refuse(args: dict[str, Any]) -> object:
        raise BudgetError("too few are left", "wait")

    async def broken(args: dict[str, Any]) -> object:
        raise KeyError("a secret")

    async def no_utf8(args: dict[str, Any]) -> object:
        raise ClusterError("no such folder: /tmp/\udcff", "make /tmp/\udcff")

    async def unspeakable(args: dict[str, Any]) -> object:
        return object()

    context = zmq.asyncio.Context()
    endpoint = f"ipc://{folder / 'control'}"
    verbs = {
        "ping": ping, "status": refuse, "stop": broken, "odd": unspeakable, "scale": no_utf8,
    }  # fmt: skip
    server = ControlServer(context, endpoint)
    server.bind()
    try:
        async with running(lambda: server.run(verbs)):
            yield server, endpoint
    finally:
        server.close()
        context.term()


@asynccontextmanager
async def dealer(endpoint: str, identity: bytes = b"") -> AsyncIterator[zmq.asyncio.Socket]:
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    if identity:
        socket.identity = identity
    socket.connect(endpoint)
    try:
        yield socket
    finally:
        context.destroy(linger=0)


async def ask(socket: zmq.asyncio.Socket, *frames: bytes) -> control.Response:
    await socket.send_multipart(frames)
    async with asyncio.timeout(60):
        return control.decode_response(await socket.recv())


def test_control_answers_the_client_of_the_command_line(short_folder: Path) -> None:
    async def scenario() -> None:
        async with (
            control_server(short_folder) as (_, endpoint),
            ControlClient(endpoint) as client,
        ):
            await client.ping()
            with pytest.raises(BudgetError, match="too few are left"):
                await client.status()
            with pytest.raises(ClusterError, match=r"stop failed \(KeyError\)") as caught:
                await client.stop()
            assert "secret" not in str(caught.value)

    asyncio.run(scenario())


def test_control_refuses_what_is_no_request_and_goes_on(short_folder: Path) -> None:
    async def scenario() -> None:
        async with (
            control_server(short_folder) as (server, endpoint),
            dealer(endpoint) as socket,
        ):
            for number, frame in enumerate(GARBAGE, start=1):
                response = await ask(socket, frame)
                assert not response.ok
                assert response.error is not None
                assert "not a control request" in response.error.cause
                assert server.refused == number
            assert not (await ask(socket, b"two", b"frames")).ok
            good = control.encode(control.Request(id=77, verb="ping", args={"a": 1}))
            response = await ask(socket, good)
            assert (response.id, response.ok) == (77, True)
            assert msgspec.msgpack.decode(response.result) == {"args": {"a": 1}}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (control.Request(id=3, verb="ping", v=2), "version 2"),
        (control.Request(id=3, verb="x" * 5000), "unknown verb"),
        (control.Request(id=3, verb="odd"), "odd failed"),
        (control.Request(id=3, verb="scale"), "no such folder: /tmp/?"),
    ],
)
def test_control_says_why_it_refuses(
    short_folder: Path, request_: control.Request, says: str
) -> None:
    async def scenario() -> None:
        async with (
            control_server(short_folder) as (_, endpoint),
            dealer(endpoint) as socket,
        ):
            response = await ask(socket, control.encode(request_))
            assert (response.id, response.ok) == (3, False)
            assert response.error is not None
            assert says in response.error.cause
            assert len(response.error.cause) < 200
            assert response.error.action

    asyncio.run(scenario())


def test_control_hangs_up_on_who_sends_too_much(short_folder: Path) -> None:
    async def scenario() -> None:
        async with control_server(short_folder) as (server, endpoint):
            async with dealer(endpoint) as socket:
                await socket.send(bytes(MAX_REQUEST_BYTES + 1))
                assert not await socket.poll(200)
            async with dealer(endpoint) as socket:
                good = control.encode(control.Request(id=1, verb="ping"))
                assert (await ask(socket, good)).ok
            assert server.refused == 0

    asyncio.run(scenario())


@asynccontextmanager
async def slow_server(
    folder: Path, verb: Verb, **others: Verb
) -> AsyncIterator[tuple[ControlServer, str]]:
    context = zmq.asyncio.Context()
    endpoint = f"ipc://{folder / 'control'}"
    server, verbs = ControlServer(context, endpoint), {"long": verb, **others}
    server.bind()
    try:
        async with running(lambda: server.run(verbs)):
            yield server, endpoint
    finally:
        server.close()
        context.term()


def request(number: int, verb: str) -> bytes:
    return control.encode(control.Request(id=number, verb=verb))


def test_control_answers_others_while_one_takes_long(short_folder: Path) -> None:
    async def scenario() -> None:
        release = asyncio.Event()

        async def long(args: dict[str, Any]) -> object:
            await release.wait()
            return "done"

        async def ping(args: dict[str, Any]) -> object:
            return "pong"

        async with (
            slow_server(short_folder, long, ping=ping) as (_, endpoint),
            dealer(endpoint) as socket,
        ):
            for number in range(100):
                await socket.send(request(number, "long"))
            assert (await ask(socket, request(777, "ping"))).id == 777
            release.set()
            answered = {control.decode_response(await socket.recv()).id for _ in range(100)}
            assert answered == set(range(100))

    asyncio.run(scenario())


def test_control_bounds_what_is_under_way(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        release = asyncio.Event()

        async def long(args: dict[str, Any]) -> object:
            await release.wait()
            return "done"

        monkeypatch.setattr("coordinator.control.server.MAX_UNDER_WAY", 3)
        async with (
            slow_server(short_folder, long) as (_, endpoint),
            dealer(endpoint) as socket,
        ):
            for number in range(3):
                await socket.send(request(number, "long"))
            response = await ask(socket, request(3, "long"))
            assert (response.id, response.ok) == (3, False)
            assert response.error is not None
            assert response.error.cause == "3 requests wait already"
            release.set()
            for _ in range(3):
                await socket.recv()
            assert (await ask(socket, request(4, "long"))).ok

    asyncio.run(scenario())


def test_control_tells_a_verb_that_nobody_took_its_answer(short_folder: Path) -> None:
    async def scenario() -> None:
        release, asked, undelivered = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def long(args: dict[str, Any]) -> object:
            asked.set()
            await release.wait()
            return Parcel("done", undelivered.set)

        async with slow_server(short_folder, long) as (_, endpoint):
            async with dealer(endpoint) as socket:
                await socket.send(request(1, "long"))
                await asked.wait()
            async with dealer(endpoint) as socket:
                assert not (await ask(socket, request(0, "no such verb"))).ok
                release.set()  # its connection is known by now, so the end of the other is
                assert (await ask(socket, request(2, "long"))).ok
                async with asyncio.timeout(60):
                    await undelivered.wait()
                undelivered.clear()
                assert (await ask(socket, request(3, "long"))).ok
            assert not undelivered.is_set(), "that one was taken"

    asyncio.run(scenario())


@asynccontextmanager
async def worker_link(folder: Path) -> AsyncIterator[tuple[WorkerLink, str, asyncio.Queue[Any]]]:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    context = zmq.asyncio.Context()
    endpoint = f"ipc://{folder / 'link'}"
    served = WorkerLink(context, endpoint)
    served.bind()
    try:
        async with running(lambda: served.run(lambda *said: heard.put_nowait(said))):
            yield served, endpoint, heard
    finally:
        served.close()
        context.term()


async def next_of(heard: asyncio.Queue[Any]) -> Any:
    async with asyncio.timeout(60):
        return await heard.get()


def test_the_link_carries_both_ways(short_folder: Path) -> None:
    async def scenario() -> None:
        async with worker_link(short_folder) as (served, endpoint, heard):
            assert not served.send(1, link.Welcome()), "nobody is there yet"
            async with dealer(endpoint, b"1") as socket:
                said = link.IdentifyRequest(shard_id=5)
                await socket.send(link.encode(said))
                assert await next_of(heard) == (1, said)
                grant = link.IdentifyGrant(shard_id=5, grant_id=9, epoch=2)
                assert served.send(1, grant)
                assert link.decode_to_worker(await socket.recv()) == grant
                assert not served.send(2, grant)

    asyncio.run(scenario())


def test_the_link_counts_what_is_no_message_and_goes_on(short_folder: Path) -> None:
    good = link.encode(link.IdentifyRequest(shard_id=5))

    async def scenario() -> None:
        async with worker_link(short_folder) as (served, endpoint, heard):
            async with dealer(endpoint, b"1") as socket:
                for frame in GARBAGE:
                    await socket.send(frame)
                await socket.send_multipart([good, good])
                await socket.send(link.encode(link.Stopped(slot=2)))  # speaks for another
                await socket.send(good)
                assert await next_of(heard) == (1, link.IdentifyRequest(shard_id=5))
                assert served.refused == len(GARBAGE) + 2
            async with dealer(endpoint, b"no slot") as socket:
                await socket.send(good)
                async with dealer(endpoint, b"3") as other:
                    await other.send(link.encode(link.Stopped(slot=3)))
                    assert await next_of(heard) == (3, link.Stopped(slot=3))

    asyncio.run(scenario())


def test_the_next_process_of_a_slot_takes_its_name_over(short_folder: Path) -> None:
    async def scenario() -> None:
        async with (
            worker_link(short_folder) as (served, endpoint, heard),
            dealer(endpoint, b"1") as old,
        ):
            await old.send(link.encode(link.Stopped(slot=1)))
            await next_of(heard)
            async with dealer(endpoint, b"1") as new:
                await new.send(link.encode(link.IdentifyRequest(shard_id=1)))
                await next_of(heard)
                assert served.send(1, link.Welcome())
                async with asyncio.timeout(60):
                    assert link.decode_to_worker(await new.recv()) == link.Welcome()

    asyncio.run(scenario())
