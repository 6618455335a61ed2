"""Children of the coordinator: workers on this host, the sandbox, the replay server."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
import pytest
import zmq
import zmq.asyncio

from cluster.endpoints.paths import ClusterPaths
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.logs.log_file import LOG_BYTES
from cluster.sandbox.options import SandboxInfo, SandboxOptions
from cluster.wire import replay
from coordinator.children.process import LocalProcess
from coordinator.children.replay import ReplayProcess
from coordinator.children.restarting_process import FIRST_WAIT_S, LONGEST_WAIT_S
from coordinator.children.sandbox import SandboxProcess
from coordinator.engines.local import LocalEngine

INFO = SandboxInfo(
    pid=1,
    api_url="https://localhost:1/api",
    gateway_url="wss://localhost:1",
    resume_url="wss://127.0.0.1:2",
    ca_file="/ca.pem",
    token="t",
    user_token="user",
    control_url="http://127.0.0.1:3",
    control_token="c",
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def not_at_all(seconds: float) -> None:
    """Wait for no time."""


def play(scenario: Callable[[], Coroutine[object, object, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


def test_a_worker_gets_its_spec_and_its_words_go_to_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCGW_TOKEN", "very secret")
    code = """
import os, sys
spec = sys.stdin.buffer.read()
print("on stdout", flush=True)
print(len(spec), os.getsid(0) == os.getpid(), "DCGW_TOKEN" in os.environ, file=sys.stderr)
sys.exit(7)
"""

    async def scenario() -> None:
        engine = LocalEngine(tmp_path, python(code))
        (tmp_path / "worker-3.log").write_text("words of the one before\n")
        process = await engine.start(3, b"x" * 300_000)
        assert await process.wait() == 7
        assert process.last_words() == "300000 True False"

    play(scenario)
    text = (tmp_path / "worker-3.log").read_text()
    assert text == "words of the one before\non stdout\n300000 True False\n"


def test_words_of_the_process_before_are_not_taken_for_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "worker-0.log").write_text("words of the one before\n")
        process = await LocalEngine(tmp_path, python("")).start(0, b"")
        assert await process.wait() == 0
        assert process.last_words() == ""

    play(scenario)


def test_a_child_that_dies_before_it_reads_is_told_by_its_status(tmp_path: Path) -> None:
    async def scenario() -> None:
        code = "import sys; sys.stdin.close(); sys.exit('no such luck')"
        process = await LocalEngine(tmp_path, python(code)).start(0, b"x" * 3_000_000)
        assert await process.wait() == 1
        assert process.last_words() == "no such luck"
        process.terminate()
        process.kill()

    play(scenario)


def test_a_program_that_is_missing_is_an_os_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(OSError, match="nowhere"):
            await LocalEngine(tmp_path, ["/nowhere/python"]).start(0, b"")

    play(scenario)


def test_a_long_log_is_set_aside_and_nobody_else_reads_it(tmp_path: Path) -> None:
    log = tmp_path / "worker-0.log"

    async def scenario() -> None:
        with log.open("wb") as file:
            file.truncate(LOG_BYTES + 1)
        process = await LocalEngine(tmp_path, python("print('new')")).start(0, b"")
        await process.wait()

    play(scenario)
    assert log.read_text() == "new\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert (tmp_path / "worker-0.log.1").stat().st_size == LOG_BYTES + 1


def test_stop_ends_what_is_deaf_to_sigterm(tmp_path: Path) -> None:
    code = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""

    async def scenario() -> None:
        process = await LocalProcess.start(
            python(code), b"", tmp_path / "log", stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        assert await process.stop(0.1) == -signal.SIGKILL

    play(scenario)


def sandbox(say: str, then: str) -> list[str]:
    return python(f"import sys, time\nprint({say!r}, flush=True)\nsys.stdin.read()\n{then}")


def test_a_sandbox_says_where_it_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        said = msgspec.json.encode(INFO).decode()
        child = await SandboxProcess.start(
            SandboxOptions(guilds=3), tmp_path, sandbox(said, "time.sleep(60)")
        )
        assert child.info == INFO
        await child.close()

    play(scenario)


@pytest.mark.parametrize(
    ("command", "error", "says"),
    [
        (python("import sys; sys.exit('no more ports')"), ClusterError, "no more ports"),
        (sandbox("hello", "time.sleep(60)"), ClusterError, "did not start"),
        (
            python("import sys; print('port 80 is taken', file=sys.stderr); sys.exit(4)"),
            AlreadyRunningError,
            "port 80 is taken",
        ),
    ],
)
def test_a_sandbox_that_does_not_start_leaves_its_words_and_nothing_else(
    tmp_path: Path, command: list[str], error: type[ClusterError], says: str
) -> None:
    async def scenario() -> None:
        with pytest.raises(error, match=says) as caught:
            await SandboxProcess.start(SandboxOptions(), tmp_path, command)
        assert caught.value.action

    play(scenario)


def test_the_replay_server_is_started_again_and_stopped_at_the_end(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    code = f"""
import os, sys, time
given = sys.stdin.readline().strip()
with open({str(lives)!r}, "a") as file:
    print(os.getpid(), given, file=file)
lives = sum(1 for _ in open({str(lives)!r}))
if lives < 4:
    sys.exit("damaged")
open({str(lives) + ".last"!r}, "w").close()
time.sleep(60)
"""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def scenario() -> None:
        server = ReplayProcess(
            python(code), b"the spec", tmp_path, clock=lambda: 0.0, sleep=sleep, stop_s=5.0
        )
        running = asyncio.ensure_future(server.run())
        while not (tmp_path / "lives.last").exists():  # noqa: ASYNC110  # it tells by a file
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert server.restarts == 3
        assert slept == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]
        assert max(slept) <= LONGEST_WAIT_S

    play(scenario)
    rows = lives.read_text().splitlines()
    assert [row.split(" ", 1)[1] for row in rows] == ["the spec"] * 4
    with pytest.raises(ProcessLookupError):
        os.kill(int(rows[-1].split()[0]), 0)


def test_a_level_is_told_to_the_process_that_runs_and_to_the_next(tmp_path: Path) -> None:
    code = """
import sys
print(sys.stdin.readline().strip(), sys.stdin.readline().strip(), file=sys.stderr)
sys.stdin.readline()
"""
    log = tmp_path / "replay.log"

    async def scenario() -> None:
        server = ReplayProcess(
            python(code), b"spec", tmp_path, clock=lambda: 0.0, sleep=not_at_all, stop_s=5.0
        )
        await server.start()
        server.set_log_level("debug")  # before it is kept
        running = asyncio.ensure_future(server.run())
        while not server.restarts:  # noqa: ASYNC110  # the first has read a second line and ended
            await asyncio.sleep(0.01)
        while log.read_text().count("\n") < 2:  # noqa: ASYNC110  # it tells by its log
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    play(scenario)
    assert log.read_text() == "spec debug\n" * 2


def test_the_replay_server_takes_what_it_is_given(short_folder: Path) -> None:
    paths = ClusterPaths(name="c", state_dir=short_folder, runtime_dir=short_folder)
    for folder in (paths.logs, paths.journals):
        folder.mkdir()

    async def scenario() -> None:
        context = zmq.asyncio.Context()
        reader = context.socket(zmq.DEALER)
        reader.connect(paths.replay)
        server = ReplayProcess.for_cluster(paths, "0123456789abcdef", lambda: 0.0, stop_s=5.0)
        running = asyncio.ensure_future(server.run())
        try:
            await reader.send(replay.encode(replay.HeadsRequest(id=5)))
            answer = replay.decode_response.decode(await reader.recv())
        finally:
            context.destroy(linger=0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert answer == replay.HeadsAnswer(id=5, cluster="0123456789abcdef", shards=[])
        assert server.restarts == 0

    play(scenario)
