"""ControlClient against a ROUTER of the test's own."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
import zmq.asyncio

from cluster.control import ControlClient
from cluster.errors import BudgetError, ClusterError, NotRunningError
from cluster.wire import control as wire

GUARD_S = 60.0
Answer = Callable[[wire.Request], list[wire.Response | bytes]]


def ok(request: wire.Request, result: Any = None) -> wire.Response:
    return wire.Response(id=request.id, ok=True, result=msgspec.Raw(msgspec.msgpack.encode(result)))


def talk(folder: Path, answer: Answer, ask: Callable[[ControlClient], Awaitable[Any]]) -> Any:
    """Let a client ask a ROUTER that answers each request with these."""

    async def serve(coordinator: zmq.asyncio.Socket) -> None:
        while True:
            identity, frame = await coordinator.recv_multipart()
            for response in answer(wire.decode_request(frame)):
                data = response if isinstance(response, bytes) else wire.encode(response)
                await coordinator.send_multipart([identity, data])

    async def main() -> Any:
        context = zmq.asyncio.Context()
        coordinator = context.socket(zmq.ROUTER)
        coordinator.bind(f"ipc://{folder / 'control'}")
        serving = asyncio.ensure_future(serve(coordinator))
        try:
            async with ControlClient(f"ipc://{folder / 'control'}", timeout=5) as client:
                return await ask(client)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            context.destroy(linger=0)

    return asyncio.run(main())


def test_what_is_given_up_while_the_client_is_closed_is_not_complained_about(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
        client = ControlClient(f"ipc://{tmp_path / 'nobody'}")
        asked = asyncio.ensure_future(client.ping())
        await asyncio.sleep(0)
        client.close()
        asked.cancel()
        await asyncio.wait([asked])
        del asked  # and with it the futures that it waited for
        gc.collect()
        assert complaints == []

    asyncio.run(main())


def test_arguments_go_over(tmp_path: Path) -> None:
    seen: list[wire.Request] = []

    def answer(request: wire.Request) -> list[wire.Response | bytes]:
        seen.append(request)
        return [ok(request)]

    talk(tmp_path, answer, lambda client: client.stop(logout=True))
    args = {"logout": True, "keep_workers": False}
    assert [(one.verb, one.args) for one in seen] == [("stop", args)]


def test_an_answer_to_an_earlier_request_is_passed_over(tmp_path: Path) -> None:
    def answer(request: wire.Request) -> list[wire.Response | bytes]:
        late = wire.Response(id=request.id - 1, ok=False, error=wire.Failure(kind="X", cause="old"))
        return [late, ok(request)]

    talk(tmp_path, answer, lambda client: client.ping())


def test_several_at_once_each_get_their_own(tmp_path: Path) -> None:
    def answer(request: wire.Request) -> list[wire.Response | bytes]:
        if request.verb == "stop":
            failure = wire.Failure(kind="BudgetError", cause="no", action="wait")
            return [wire.Response(id=request.id, ok=False, error=failure)]
        return [ok(request)]

    async def ask(client: ControlClient) -> list[Any]:
        asked = [client.ping(), client.stop(), client.ping()]
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second, third = talk(tmp_path, answer, ask)
    assert first is third is None
    assert isinstance(second, BudgetError)
    assert str(second) == "no: wait"


def test_an_answer_that_takes_long_holds_up_no_other(tmp_path: Path) -> None:
    late: list[wire.Response | bytes] = []

    def answer(request: wire.Request) -> list[wire.Response | bytes]:
        if request.verb == "stop":
            late.append(ok(request))
            return []
        return [ok(request), *(late if request.id == 3 else [])]

    async def ask(client: ControlClient) -> None:
        slow = asyncio.create_task(client.stop())
        await asyncio.sleep(0)
        await client.ping()
        assert not slow.done()
        await client.ping()
        await slow

    talk(tmp_path, answer, ask)


def test_nothing_is_kept_for_a_coordinator_that_comes_later(tmp_path: Path) -> None:
    """What was asked of nobody was given up, and is not done when somebody comes."""

    async def main() -> list[str]:
        context = zmq.asyncio.Context()
        async with ControlClient(f"ipc://{tmp_path / 'control'}", timeout=0.05) as client:
            with pytest.raises(NotRunningError):
                await client.stop()
            coordinator = context.socket(zmq.ROUTER)
            coordinator.bind(f"ipc://{tmp_path / 'control'}")
            pinging = asyncio.ensure_future(client.connection.exchange("ping", object, {}, 5.0))
            identity, frame = await coordinator.recv_multipart()
            request = wire.decode_request(frame)
            await coordinator.send_multipart([identity, wire.encode(ok(request))])
            await pinging
        context.destroy(linger=0)
        return [request.verb]

    assert asyncio.run(main()) == ["ping"]


def test_closed_it_fails_what_is_under_way(tmp_path: Path) -> None:
    async def ask(client: ControlClient) -> None:
        asking = asyncio.create_task(client.ping())
        await asyncio.sleep(0.05)
        client.close()
        with pytest.raises(ClusterError, match="was closed"):
            await asking

    talk(tmp_path, lambda request: [], ask)


def test_closed_it_takes_no_request_and_ends_those_that_found_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        client = ControlClient(f"ipc://{tmp_path / 'nobody'}", timeout=GUARD_S)
        asking = asyncio.create_task(client.ping())
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it waits for somebody to connect to
        client.close()
        with pytest.raises(ClusterError, match="was closed: ask through one that is open"):
            await asking
        client.close()
        with pytest.raises(ClusterError, match="was closed: ask through one that is open"):
            await client.ping()

    asyncio.run(asyncio.wait_for(main(), GUARD_S))


def test_a_second_event_loop_at_once_is_refused(tmp_path: Path) -> None:
    """Its answer would be handed to the first, where nobody waits for it."""

    async def ask(client: ControlClient) -> None:
        await client.ping()

        def elsewhere() -> None:
            with pytest.raises(ClusterError, match="the ControlClient began on another event loop"):
                asyncio.run(client.ping())

        await asyncio.get_running_loop().run_in_executor(None, elsewhere)
        await client.ping()

    talk(tmp_path, lambda request: [ok(request)], ask)


@pytest.mark.parametrize("data", [b"", b"\xc1", msgspec.msgpack.encode({"id": "x"})])
def test_what_answers_nonsense_is_no_coordinator(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no coordinator of this version"):
        talk(tmp_path, lambda request: [data], lambda client: client.status())


def test_a_status_of_another_version(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="of another version"):
        talk(tmp_path, lambda request: [ok(request, {"name": 1})], lambda client: client.status())


def test_nobody_there(tmp_path: Path) -> None:
    async def ask() -> None:
        async with ControlClient(f"ipc://{tmp_path / 'control'}", timeout=0.05) as client:
            await client.ping()

    with pytest.raises(NotRunningError):
        asyncio.run(ask())


def test_alive_but_silent_is_another_error(tmp_path: Path) -> None:
    lock = tmp_path / "coordinator.lock"

    async def ask() -> None:
        async with ControlClient(
            f"ipc://{tmp_path / 'control'}", timeout=0.05, lock=lock
        ) as client:
            await client.ping()

    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ClusterError, match="did not answer") as caught:
            asyncio.run(ask())
    assert not isinstance(caught.value, NotRunningError)


@pytest.mark.parametrize("kind", ["ClusterError", "Unheard", "annotations", "__doc__"])
def test_an_unknown_kind_is_an_error_all_the_same(kind: str) -> None:
    error = wire.error_of(wire.Failure(kind=kind, cause="it broke", action="mend it"))
    assert type(error) is ClusterError
    assert str(error) == "it broke: mend it"


def test_one_that_was_forgotten_is_collected() -> None:
    """In a process of its own: without its sockets closed ZeroMQ would wait for ever."""
    program = (
        "import gc, warnings; from cluster.control.client import ControlClient\n"
        "warnings.simplefilter('always', ResourceWarning)\n"
        "client = ControlClient('ipc:///nowhere'); client.itself = client; del client; gc.collect()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True, check=True
    )
    assert "was not closed" in done.stderr
