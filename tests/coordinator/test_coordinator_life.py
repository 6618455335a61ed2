"""A coordinator process from start to end, with a played worker in the worker's place.

The spec's token, what is refused, what is left behind; a worker that dies, a coordinator that dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import zmq

from cluster.config.coordinator_spec import CoordinatorSpec, encode_spec
from cluster.config.keys import HttpConfig
from cluster.control import ControlClient
from cluster.endpoints import registry
from cluster.endpoints.discovery import running_clusters
from cluster.endpoints.paths import is_held
from cluster.subscriber import Subscriber
from cluster.wire.start_outcome import StartOutcome, decode_outcome
from cluster.wire.status import ClusterStatus
from coordinator.state.store import Store

TOKEN = "MTA.very-secret.token"
WITHIN_S = 60.0
"""How long what must come may take."""

WORKER = textwrap.dedent("""
    # Plays a worker: holds its slot's lock, greets, identifies each shard, says that it is ready.
    import fcntl, os, pathlib, signal, sys, time
    import zmq
    from cluster.config.worker_spec import decode_spec
    from cluster.wire import link

    spec = decode_spec(sys.stdin.buffer.read())
    assert "DCGW_TOKEN" not in os.environ and spec.token not in " ".join(sys.argv)
    folder = pathlib.Path(spec.journal_dir)
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if (folder.parent / "die").exists():
        sys.exit("the journal's disk is on fire")
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.identity = b"%d" % spec.slot
    dealer.connect(spec.link_endpoint)
    epochs = {s.shard_id: s.last_epoch if s.resume else 0 for s in spec.shards}
    asked = set()

    def rows():
        return [link.ShardReport(shard_id=s, state="ready" if e else "awaiting_grant", epoch=e,
                                 seq=-1, events=10) for s, e in epochs.items()]

    def greet():
        dealer.send(link.encode(link.Hello(version=link.LINK_VERSION, slot=spec.slot,
            pid=os.getpid(), started_at=time.time(), package_version="0.1.0",
            shard_count=spec.shard_count, shards=rows())))

    def report():
        dealer.send(link.encode(link.Report(slot=spec.slot, has=list(epochs), shards=rows(),
            cpu_seconds=0.0, rss_bytes=1, events=10, journal_bytes=0, journal_seconds=None,
            journalling=True, unpublished=0)))

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    heard = time.monotonic()
    while time.monotonic() - heard < 60:  # a test that failed leaves no worker behind for ever
        greet()
        report()
        while dealer.poll(200):
            message = link.decode_to_worker(dealer.recv())
            heard = time.monotonic()
            if isinstance(message, link.Stop):
                dealer.send(link.encode(link.Stopped(slot=spec.slot)))
                dealer.close()
                context.term()
                sys.exit(0)
            if isinstance(message, link.IdentifyGrant):
                epochs[message.shard_id] = message.epoch
                dealer.send(link.encode(link.IdentifySent(
                    shard_id=message.shard_id, grant_id=message.grant_id)))
                report()
            if isinstance(message, link.Welcome):
                for shard, epoch in epochs.items():
                    if not epoch:
                        dealer.send(link.encode(link.IdentifyRequest(shard_id=shard)))
""")

RUN = textwrap.dedent("""
    import pathlib, sys
    import coordinator.engines.local as local
    worker = sys.argv.pop()
    real = local.module_command
    local.module_command = lambda module, *args: (
        [sys.executable, "-P", worker] if module == "shard_worker" else real(module, *args))
    from coordinator.__main__ import main
    sys.exit(main())
""")


class Api:
    """GET /gateway/bot on loopback, in the clear."""

    def __init__(self) -> None:
        self.status = 200
        self.remaining = 100
        self.retry_after = ""
        self.authorization: list[str] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.authorization.append(self.headers["Authorization"])
                body = json.dumps(
                    {
                        "url": "wss://gateway.invalid",
                        "shards": 4,
                        "session_start_limit": {
                            "total": 1000,
                            "remaining": api.remaining,
                            "reset_after": 3_600_000,
                            "max_concurrency": 4,
                        },
                    }
                ).encode()
                self.send_response(api.status)
                if api.retry_after:
                    self.send_header("Retry-After", api.retry_after)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/api"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Bench:
    """Starts coordinators in one state folder and leaves none behind."""

    def __init__(self, state: Path, runtime: Path, api: Api) -> None:
        self.state = state
        self.api = api
        self._runtime = runtime
        self._processes: list[subprocess.Popen[bytes]] = []
        self._worker = state.parent / "played_worker.py"
        self._worker.write_text(WORKER)

    def spec(self, **changes: Any) -> CoordinatorSpec:
        values: dict[str, Any] = {
            "name": "t",
            "state_dir": str(self.state),
            "runtime_dir": str(self._runtime),
            "token": TOKEN,
            "api_url": self.api.url,
            "workers": 2,
            "adopt_seconds": 30.0,
            "stop_seconds": 10.0,
            "http": HttpConfig(listen=""),
        }
        return CoordinatorSpec(**{**values, **changes})

    def start(self, data: bytes) -> tuple[subprocess.Popen[bytes], StartOutcome]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", RUN, str(self._worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "DCGW_TOKEN": TOKEN},
        )
        self._processes.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(data)
        process.stdin.close()
        return process, decode_outcome(process.stdout.readline())

    def up(self, **changes: Any) -> subprocess.Popen[bytes]:
        process, outcome = self.start(encode_spec(self.spec(**changes)))
        assert outcome.ready, outcome
        return process

    def status(self, until: Callable[[ClusterStatus], bool]) -> ClusterStatus:
        """Return the first status of which it is true."""

        async def ask() -> ClusterStatus:
            async with (
                ControlClient(self.spec().paths.control) as control,
                asyncio.timeout(WITHIN_S),
            ):
                while not until(status := await control.status()):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                return status

        return asyncio.run(ask())

    def sessions_noted(self, count: int) -> None:
        """Wait until the store has it that so many shards have a session."""
        query = "SELECT count(*) FROM shards WHERE seen_at IS NOT NULL"
        deadline = time.monotonic() + WITHIN_S
        with contextlib.closing(sqlite3.connect(self.state / "store.sqlite")) as database:
            while database.execute(query).fetchone() != (count,):
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def control_stop(self, *, logout: bool = False) -> None:
        async def ask() -> None:
            async with ControlClient(self.spec().paths.control) as control:
                await control.stop(logout=logout)

        asyncio.run(ask())

    def left_behind(self) -> list[str]:
        """Return the sockets, running.json and workers that should be gone."""
        slots = self.spec().paths.journal_slots()
        held = [s for s in slots if is_held(self.spec().paths.journal(s) / "owner.lock")]
        left = [f"worker {slot}" for slot in held]
        left += [str(p) for p in (self._runtime, self.spec().paths.running) if p.exists()]
        return left + (["coordinator"] if is_held(self.spec().paths.lock) else [])

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                pipe.close()


@pytest.fixture
def bench(tmp_path: Path, short_folder: Path) -> Iterator[Bench]:
    api = Api()
    made = Bench(tmp_path / "state", short_folder / "run", api)
    try:
        yield made
    finally:
        made.close()
        api.close()


def ready(status: ClusterStatus) -> bool:
    return status.state == "ready"


def test_from_start_to_stop(bench: Bench) -> None:
    process = bench.up()
    status = bench.status(ready)
    assert [s.shard_id for s in status.shards] == [0, 1, 2, 3], "auto: as Discord recommends"
    assert [s.worker for s in status.shards] == [0, 0, 1, 1]
    assert {s.epoch for s in status.shards} == {1}
    assert (status.budget.spent, status.budget.remaining) == (4, 96)
    assert status.events == 20
    assert bench.api.authorization == [f"Bot {TOKEN}"]
    stranger = {**os.environ, "DCGW_STATE_DIR": "/nowhere"}
    assert process.pid in [one.pid for one in running_clusters(stranger)]
    bench.control_stop()
    assert process.wait(WITHIN_S) == 0
    assert bench.left_behind() == []
    assert bench.spec().paths.state_dir not in registry.state_folders(stranger)


def test_the_token_is_written_nowhere(bench: Bench) -> None:
    process = bench.up(log_level="debug")
    status = bench.status(ready)
    if sys.platform == "linux":
        for pid in [process.pid, *(w.pid for w in status.workers)]:
            assert TOKEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        for worker in status.workers:
            assert TOKEN.encode() not in Path(f"/proc/{worker.pid}/environ").read_bytes()
    bench.control_stop()
    assert process.wait(WITHIN_S) == 0
    files = [path for path in bench.state.rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        assert TOKEN.encode() not in path.read_bytes(), path
        assert b"very-secret" not in path.read_bytes(), path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(bench: Bench, number: signal.Signals) -> None:
    process = bench.up()
    bench.status(ready)
    process.send_signal(number)
    assert process.wait(WITHIN_S) == 0
    assert bench.left_behind() == []


def test_sighup_lets_it_read_its_configuration_again(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text('log_level = "warning"')
    process = bench.up(config_file=str(file), log_level="warning")
    bench.status(ready)
    for text, said in (
        ('log_level = "debug"', "the configuration was read again: log_level is debug"),
        ("log_level = 3", "and can't be used; what was holds: log_level"),
        ('log_level = "debug"', "the configuration was read again: nothing has changed"),
    ):
        file.write_text(text)
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WITHIN_S
        while said not in (log := bench.spec().paths.logs / "coordinator.log").read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    assert process.poll() is None
    assert ready(bench.status(ready))


def test_a_second_one_is_told_who_has_the_folder(bench: Bench) -> None:
    first = bench.up()
    second, outcome = bench.start(encode_spec(bench.spec()))
    assert second.wait(WITHIN_S) == 4
    assert outcome.error is not None
    assert outcome.error.kind == "AlreadyRunningError"
    assert f"pid {first.pid}" in outcome.error.cause
    assert "stop" in outcome.error.action
    assert ready(bench.status(ready)), "the first goes on undisturbed"


def refused(bench: Bench, data: bytes, kind: str, code: int) -> str:
    process, outcome = bench.start(data)
    assert process.wait(WITHIN_S) == code
    assert outcome.error is not None
    assert outcome.error.kind == kind
    text = f"{outcome.error.cause}: {outcome.error.action}"
    assert TOKEN not in text
    assert bench.left_behind() == []
    return text


def test_a_refused_token(bench: Bench) -> None:
    bench.api.status = 401
    text = refused(bench, encode_spec(bench.spec()), "TokenRefusedError", 5)
    assert "DCGW_TOKEN" in text


def test_a_start_over_budget(bench: Bench) -> None:
    bench.api.remaining = 3
    text = refused(bench, encode_spec(bench.spec()), "BudgetError", 6)
    assert "4 identifies are needed and 3 of 1000 are left" in text
    assert "1 h 00 min" in text


def test_a_start_after_a_logout_reckons_with_all_identifies(bench: Bench) -> None:
    process = bench.up()
    bench.status(ready)
    bench.sessions_noted(4)
    bench.control_stop(logout=True)
    assert process.wait(WITHIN_S) == 0
    bench.api.remaining = 3
    text = refused(bench, encode_spec(bench.spec()), "BudgetError", 6)
    assert "4 identifies are needed and 3 of 1000 are left" in text


def test_workers_that_live_are_taken_over_whatever_is_left_of_the_budget(bench: Bench) -> None:
    """However long they were alone, and though another worker's sessions are gone."""
    first = bench.up()
    before = bench.status(ready)
    gone = before.workers[1].pid
    assert gone is not None
    first.kill()
    first.wait()
    os.kill(gone, signal.SIGKILL)
    store = Store.open(bench.state / "store.sqlite")
    store.seen(4, range(4), time.time() - 1000.0)
    store.close()
    bench.api.remaining = 1
    _, outcome = bench.start(encode_spec(bench.spec()))
    assert outcome.ready, outcome
    assert "2 identifies are needed and 1 of 1000 are left" in outcome.notes[0]
    assert bench.status(ready).workers[0].pid == before.workers[0].pid


def refuse(bench: Bench, status: int, *, retry_after: str = "") -> None:
    """Let the API answer so from now on."""
    bench.api.status, bench.api.retry_after = status, retry_after


def test_a_start_while_the_api_refuses(bench: Bench) -> None:
    """With nothing to go on it ends with a code of its own; sessions of before it goes on with."""
    refuse(bench, 429, retry_after="3600")
    assert "3600 s" in refused(bench, encode_spec(bench.spec()), "RateLimitedError", 8)
    refuse(bench, 200)
    process = bench.up()
    bench.status(ready)
    bench.control_stop()
    assert process.wait(WITHIN_S) == 0
    refuse(bench, 429, retry_after="1")
    _, outcome = bench.start(encode_spec(bench.spec()))
    assert outcome.ready, outcome
    assert "rate limited for 1 s" in outcome.notes[0]
    budget = bench.status(ready).budget
    assert (budget.known, "rate limited" in budget.trouble) == (False, True)
    assert budget.asked_again_s is not None
    refuse(bench, 200)
    budget = bench.status(lambda s: s.budget.known).budget
    assert (budget.trouble, budget.asked_again_s) == ("", None)
    assert (budget.remaining, budget.max_concurrency) == (100, 4)


def test_a_spec_that_is_none(bench: Bench) -> None:
    text = refused(bench, b'{"name": "t", "token": 3}', "ConfigError", 2)
    assert "token" in text


def test_shards_in_a_form_that_is_none(bench: Bench) -> None:
    refused(bench, encode_spec(bench.spec(shards="7-3/4")), "ConfigError", 2)


def test_a_runtime_folder_that_is_too_long(bench: Bench) -> None:
    text = refused(
        bench, encode_spec(bench.spec(runtime_dir="/tmp/" + "x" * 120)), "ConfigError", 2
    )
    assert "DCGW_RUNTIME_DIR" in text


def test_a_store_of_a_newer_version(bench: Bench) -> None:
    import sqlite3

    bench.state.mkdir(mode=0o700)
    with sqlite3.connect(bench.state / "store.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert "newer" in refused(bench, encode_spec(bench.spec()), "ClusterError", 1)


def test_stopping_while_discord_does_not_answer(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "coordinator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encode_spec(bench.spec(api_url=url)))
        process.stdin.close()
        silent.settimeout(WITHIN_S)
        peer, _ = silent.accept()
        process.send_signal(signal.SIGTERM)
        outcome = decode_outcome(process.stdout.readline())
        assert process.wait(WITHIN_S) == 1
        peer.close()
    process.stdout.close()
    assert outcome.error is not None
    assert "stopped before it was up" in outcome.error.cause
    assert bench.left_behind() == []


def test_a_port_in_use_ends_a_start_before_anything_is_spent(bench: Bench) -> None:
    """However long Discord takes to answer; of the start that waits for it nothing is left."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        spec = bench.spec(api_url=f"http://{address}/api", http=HttpConfig(listen=address))
        text = refused(bench, encode_spec(spec), "AlreadyRunningError", 4)
    assert text == (
        f"http.listen: {address} can't be used (Address already in use): "
        'give [http] listen another port, or "" for none'
    )
    assert spec.paths.journal_slots() == [], "no worker was started"


def test_no_http_server_outlives_a_start_that_fails(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bench.api.status = 401
    spec = bench.spec(http=HttpConfig(listen=f"127.0.0.1:{port}"))
    refused(bench, encode_spec(spec), "TokenRefusedError", 5)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
        again.listen()


def test_who_listens_is_shown_by_name_and_others_are_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The played workers publish nothing, and joining waits so long for a watermark.
    monkeypatch.setattr("cluster.subscriber.subscriber.STALL_SECONDS", 0.05)
    bench.up()
    paths = bench.spec().paths
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    raw = context.socket(zmq.SUB)
    raw.connect(paths.events)

    async def listen() -> ClusterStatus:
        named = Subscriber(paths.events, ["MESSAGE_CREATE"], control=paths.control, name="a bot")
        async with named:
            return await asyncio.to_thread(bench.status, lambda status: bool(status.subscribers))

    found = asyncio.run(listen())
    assert [(one.name, one.pid, one.lag) for one in found.subscribers] == [
        ("a bot", os.getpid(), 0)
    ]
    assert found.subscribers[0].lacks == ["message_content"]
    assert found.subscribers_unknown == 1
    bench.status(lambda status: (status.subscribers, status.subscribers_unknown) == ([], 1))
    raw.close(0)
    bench.status(lambda status: status.subscribers_unknown == 0)
    context.term()


def test_a_worker_that_is_killed_is_started_again(bench: Bench) -> None:
    bench.up()
    before = bench.status(ready)
    pid = before.workers[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    after = bench.status(lambda s: ready(s) and s.workers[0].pid not in (pid, None))
    assert after.workers[0].restarts == 1
    assert after.workers[1].pid == before.workers[1].pid
    assert after.events == 30, "what the dead one counted is kept"


def test_a_worker_that_cant_run_is_named_by_its_last_words(bench: Bench) -> None:
    (bench.state / "journal").mkdir(parents=True, mode=0o700)
    (bench.state / "journal" / "die").touch()
    bench.up(workers=1)
    status = bench.status(lambda s: s.workers[0].restarts >= 1)
    assert "exit code 1: the journal's disk is on fire" in status.workers[0].detail
    assert status.state == "starting"


def test_a_dead_coordinators_workers_are_taken_over(bench: Bench) -> None:
    first = bench.up()
    before = bench.status(ready)
    first.kill()
    first.wait()
    second = bench.up()
    after = bench.status(ready)
    assert [w.pid for w in after.workers] == [w.pid for w in before.workers]
    assert [s.epoch for s in after.shards] == [1, 1, 1, 1]
    assert after.store_id == before.store_id
    bench.control_stop()
    assert second.wait(WITHIN_S) == 0
    assert bench.left_behind() == []


def test_workers_of_another_plan_go_before_their_shards_start_elsewhere(bench: Bench) -> None:
    first = bench.up(workers=4)
    before = bench.status(ready)
    first.kill()
    first.wait()
    bench.up(workers=2)
    after = bench.status(ready)
    assert not {w.pid for w in after.workers} & {w.pid for w in before.workers}
    assert [w.shards for w in after.workers] == [2, 2]
    gone = {worker.slot for worker in before.workers} - {worker.slot for worker in after.workers}
    assert len(gone) == 2
    for slot in gone:
        assert not is_held(bench.spec().paths.journal(slot) / "owner.lock")


@pytest.mark.parametrize(
    "module", ["coordinator.replay.server", "coordinator.replay_door.server", "cluster.sandbox"]
)
def test_a_child_whose_coordinator_died_while_it_started_ends(
    module: str, tmp_path: Path, short_folder: Path
) -> None:
    """Its parent is another one by the time it looks."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    spec: dict[str, object] = {
        "endpoint": f"ipc://{short_folder}/replay", "cluster": "c", "parent": dead.pid
    }  # fmt: skip
    place = f"ipc://{short_folder}/none"
    of_its_own = {
        "coordinator.replay.server": {"journals": str(tmp_path)},
        "coordinator.replay_door.server": {
            "hosts": place, "control": place, "notes": str(tmp_path)
        },
    }  # fmt: skip
    spec = {**spec, **of_its_own[module]} if module in of_its_own else {"guilds": 1}
    arguments = [] if module in of_its_own else [f"--with-parent={dead.pid}"]
    data = json.dumps(spec).encode()
    command = [sys.executable, "-P", "-m", module, *arguments]
    assert (
        subprocess.run(command, input=data, capture_output=True, timeout=WITHIN_S).returncode == 0
    )
