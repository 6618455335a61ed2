"""HTTP of clusters that run: what is answered, at which port, and after what was killed."""

from __future__ import annotations

import asyncio
import http.client
import os
import select
import signal
import socket
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import jsonschema
import msgspec
import pytest

from cluster.wire.status import ClusterStatus, Operation
from docs.generator.status_schema import status_schema
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import control_of, eventually

ASK_S = 30.0


TOKEN = "0123456789abcdef0123456789abcdef"
OTHER_TOKEN = "fedcba9876543210fedcba9876543210"


class Answer(NamedTuple):
    code: int
    kind: str
    text: str


def get(url: str, path: str, method: str = "GET", body: str = "", **headers: str) -> Answer:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=ASK_S)
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers["Content-Type"], response.read().decode())
    finally:
        connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="dcgw-") as sockets:
        home = Home(tmp_path / "neighbour", Path(sockets))
        yield home
        if home.processes():
            home.cli("stop")


def test_what_is_answered_and_what_survives(home: Home) -> None:
    port = free_port()
    token_file = home.state.parent / "http.token"
    token_file.write_text(TOKEN)
    token_file.chmod(0o600)
    home.env["DCGW_HTTP_LISTEN"] = f"127.0.0.1:{port}"
    home.env["DCGW_HTTP_TOKEN_FILE"] = str(token_file)
    url = f"http://127.0.0.1:{port}/"
    with run_sandbox(guilds=4, shards=2, max_concurrency=2) as info:
        home.use(info)
        start = home.cli("start", "--detach")
        assert start.returncode == 0, start.stderr
        assert url in start.stdout
        asyncio.run(answers(home, url))
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
    assert home.leftovers() == []
    with pytest.raises(ConnectionRefusedError):
        get(url, "/healthz")


async def answers(home: Home, url: str) -> None:
    async with control_of(home) as control:

        async def ask(path: str) -> Answer:
            return await asyncio.to_thread(get, url, path)

        async def asked_anyhow(path: str) -> Answer | None:
            try:
                return await ask(path)
            except OSError:  # nobody listens for a moment
                return None

        assert await ask("/healthz") == Answer(200, "text/plain; charset=utf-8", "ok\n")
        await eventually(lambda: ask("/readyz"), lambda answer: answer.code == 200)
        body = (await ask("/status")).text
        jsonschema.validate(msgspec.json.decode(body), status_schema())
        told = msgspec.json.decode(body, type=ClusterStatus)
        now = await control.status()
        assert told.store_id == now.store_id
        assert told.http == now.http == url
        assert "# TYPE dcgw_" in (await ask("/metrics")).text
        assert (await ask("/")).kind.startswith("text/html")

        # Somebody asks for more than it reads.
        never_reads = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))
        never_reads.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)

        # What the token lets do is done, and /status says how far it is.
        post = partial(get, url, "/restart", "POST", '{"worker": 0}')
        refused = await asyncio.to_thread(post, Authorization=f"Bearer {TOKEN}x")
        assert refused.code == 401
        before = {worker.slot: worker.pid for worker in now.workers}
        begun = await asyncio.to_thread(post, Authorization=f"Bearer {TOKEN}")
        assert begun.code == 202
        operation = msgspec.json.decode(begun.text, type=Operation)
        done = await eventually(
            control.status, lambda s: s.operation is not None and s.operation.state != "running"
        )
        assert done.operation is not None
        assert (done.operation.id, done.operation.state) == (operation.id, "done")
        after = {worker.slot: worker.pid for worker in done.workers}
        assert (after[0] != before[0], after[1] == before[1]) == (True, True)

        async def is_cut() -> bool:
            looking = select.poll()
            looking.register(never_reads, 0)  # errors are told anyway
            return bool(looking.poll(0))

        await eventually(is_cut, lambda cut: cut)
        never_reads.close()

        # The process is killed: another comes where it was.
        pids = pids_of(home, "coordinator.http.server")
        assert len(pids) == 1
        os.kill(pids[0], signal.SIGKILL)
        await eventually(
            lambda: asked_anyhow("/healthz"),
            lambda answer: (
                answer is not None and pids_of(home, "coordinator.http.server") not in ([], pids)
            ),
        )
        now = await control.status()
        assert now.http == url
        assert any("HTTP server was restarted" in trouble for trouble in now.troubles)
        kinds = [str(one.kind) for one in (await control.happenings()).happenings]
        for kind in ("operation_began", "operation_done", "child_ended"):
            assert kinds.count(kind) == 1, kind

        # The coordinator hangs: both probes say so, and why.
        os.kill(now.pid, signal.SIGSTOP)
        try:
            await eventually(lambda: ask("/healthz"), lambda answer: answer.code == 503)
            for path in ("/healthz", "/readyz", "/status"):
                answer = await ask(path)
                assert answer.code == 503
                assert "the coordinator did not answer" in answer.text
        finally:
            os.kill(now.pid, signal.SIGCONT)
        await eventually(lambda: ask("/healthz"), lambda answer: answer.code == 200)

        # Another token is in its file, and the coordinator is told to look: nothing is restarted.
        pids = pids_of(home, "coordinator.http.server")
        (home.state.parent / "http.token").write_text(OTHER_TOKEN)
        os.kill(now.pid, signal.SIGHUP)
        post = partial(get, url, "/restart", "POST", '{"worker": 99}')

        async def with_token(token: str) -> Answer:
            return await asyncio.to_thread(post, Authorization=f"Bearer {token}")

        await eventually(lambda: with_token(OTHER_TOKEN), lambda answer: answer.code != 401)
        assert (await with_token(TOKEN)).code == 401
        assert pids_of(home, "coordinator.http.server") == pids


def pids_of(home: Home, module: str) -> list[int]:
    """Processes of this home that run a module."""
    mark = f"DCGW_STATE_DIR={home.state}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if module.encode() in words and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it ended while it was looked at
            continue
    return found


def test_a_second_cluster_takes_the_next_port(home: Home, neighbour: Home) -> None:
    with run_sandbox(guilds=1) as info:
        urls = []
        for one in (home, neighbour):
            one.use(info)
            del one.env["DCGW_HTTP_LISTEN"]
            start = one.cli("start", "--detach")
            assert start.returncode == 0, start.stderr
            found = [word for word in start.stdout.split() if word.startswith("http://127.0.0.1:")]
            assert len(found) == 1, start.stdout
            assert get(found[0], "/healthz").code == 200
            urls += found
        assert urls[0] != urls[1]
        neighbour.cli("stop")

        # A port that was chosen is that one or none.
        with socket.create_server(("127.0.0.1", 0)) as taken:
            neighbour.env["DCGW_HTTP_LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"
            refused = neighbour.cli("start", "--detach")
        assert refused.returncode == 4
        errors = refused.stderr.strip().splitlines()
        assert "http.listen" in errors[-1]
        assert 'give [http] listen another port, or "" for none' in errors[-1]
        assert neighbour.leftovers() == []
        home.cli("stop")
    assert home.leftovers() == []
