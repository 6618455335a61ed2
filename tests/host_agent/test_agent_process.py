"""The agent as a process, and the command that becomes it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.config.host_spec import HostSpec, encode_spec
from cluster.endpoints.curve_keys import encode
from cluster.endpoints.paths import is_held
from cluster.wire.hosts import HostRefusal
from cluster.wire.start_outcome import decode_outcome
from tests.host_agent.played_coordinator import PlayedCoordinator

WITHIN_S = 60


@contextlib.contextmanager
def running(*command: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of our modules; it is killed at the end if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
            pipe.close()


def run(scenario: Callable[[PlayedCoordinator], Coroutine[Any, Any, None]]) -> None:
    async def all_of_it() -> None:
        coordinator = PlayedCoordinator()
        try:
            await scenario(coordinator)
        finally:
            coordinator.close()

    asyncio.run(all_of_it())


def spec_at(folder: Path, coordinator: PlayedCoordinator, **changes: Any) -> bytes:
    values: dict[str, Any] = {
        "join": [coordinator.endpoint],
        "keys": coordinator.keys(),
        "state_dir": str(folder / "state"),
        "runtime_dir": str(folder / "run"),
    }
    return encode_spec(HostSpec(**values | changes))


def finish(process: subprocess.Popen[bytes], data: bytes) -> tuple[int, bytes]:
    """Hand a process its input; return its exit code and output."""
    output, _ = process.communicate(data, WITHIN_S)
    return process.returncode, output


def test_a_program_is_told_that_it_has_joined(folder: Path) -> None:
    async def scenario(coordinator: PlayedCoordinator) -> None:
        with running("host_agent") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(spec_at(folder, coordinator))
            process.stdin.close()
            await coordinator.report(lambda report: True)
            assert decode_outcome(process.stdout.readline()).ready
            process.terminate()
            await coordinator.until(lambda: process.poll() is not None)
            assert process.returncode == 0
            await coordinator.report(lambda report: report.leaving)
            assert not (folder / "run").exists()
        log = (folder / "state" / "logs" / "host.log").read_text()
        assert "Joined as host-1" in log
        assert coordinator.server_keys[1] not in log

    run(scenario)


def test_a_program_is_told_why_it_can_not(folder: Path) -> None:
    async def scenario(coordinator: PlayedCoordinator) -> None:
        coordinator.refusal = HostRefusal(cause="it is full", action="scale")
        with running("host_agent") as process:
            data = spec_at(folder, coordinator)
            ended = asyncio.create_task(asyncio.to_thread(finish, process, data))
            await coordinator.until(ended.done)
            code, output = ended.result()
        assert code == 1
        error = decode_outcome(output).error
        assert error is not None
        assert (error.cause, error.action) == ("it is full", "scale")

    run(scenario)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"join": 3}'])
def test_a_spec_that_is_none(data: bytes) -> None:
    with running("host_agent") as process:
        code, output = finish(process, data)
    error = decode_outcome(output).error
    assert code == 2
    assert error is not None
    assert "the host agent's spec can't be read" in error.cause


def test_the_command_tells_people(folder: Path) -> None:
    async def scenario(coordinator: PlayedCoordinator) -> None:
        file = folder / "host.key"
        file.write_bytes(encode(coordinator.keys("host-3")))
        file.chmod(0o600)
        env = os.environ | {
            "DCGW_STATE_DIR": str(folder / "state"), "DCGW_RUNTIME_DIR": str(folder / "run")
        }  # fmt: skip
        join = ["--join", coordinator.endpoint]
        with running("dcgw", "host", "--keys", str(file), *join, env=env) as process:
            assert process.stdout is not None
            await coordinator.report(lambda report: True)
            assert coordinator.hellos[0].workers == len(os.sched_getaffinity(0))
            assert process.stdout.readline().startswith(b"Host host-3 seeks tcp://127.0.0.1:")
            assert process.stdout.readline().startswith(b"Joined as host-3 at tcp://127.0.0.1:")
            lock = folder / "state" / "hosts" / "host-3" / "coordinator.lock"
            assert is_held(lock)
            with running("dcgw", "host", "--keys", str(file), *join, env=env) as second:
                await coordinator.until(lambda: second.poll() is not None)
                assert second.returncode == 4
                assert second.stderr is not None
                assert second.stderr.read().startswith(b"Error: another process has")
            process.send_signal(signal.SIGINT)
            await coordinator.until(lambda: process.poll() is not None)
            assert process.returncode == 0
            assert process.stdout.read() == b"Ended.\n"
            assert not is_held(lock)

    run(scenario)


def test_nobody_listens(folder: Path) -> None:
    coordinator = PlayedCoordinator()
    data = spec_at(folder, coordinator, wait_s=0.3, tells="words")
    coordinator.close()
    with running("host_agent") as process:
        output, complaint = process.communicate(data, WITHIN_S)
    assert process.returncode == 3
    assert output.count(b"nobody listens for hosts at") == 1
    assert complaint.startswith(b"Error: nobody listens for hosts at")
    assert complaint.count(b"\n") == 1
