"""All places where a cluster could show a secret: processes, files, journals, messages, answers."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import lmdb
import zmq
import zmq.asyncio
from aiohttp import ClientSession

from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.paths import cluster_paths
from cluster.journal.schema import MAX_DATABASES, STATE_DB
from cluster.wire import replay
from tests.e2e.home import Home

Traces = dict[str, bytes]
"""Where -> what was found of a cluster."""


def where_is(secret: str, traces: Traces) -> list[str]:
    """Name each trace that holds a secret; of a token its last part, the secret one, is enough."""
    last = secret.rpartition(".")[2].encode()
    return [name for name, data in traces.items() if last in data]


def processes_of(home: Home) -> Traces:
    """What the system shows of the running processes."""
    mark = f"DCGW_STATE_DIR={home.state}".encode()
    found: Traces = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # a process may end while it is looked at
            # In this order: until its exec a child has its parent's words, and its environment.
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
            if command and mark in environment.split(b"\0"):
                who = command.decode().replace("\0", " ")
                found |= {f"environ {entry.name} {who}": environment}
                found |= {f"cmdline {entry.name} {who}": command}
    return found


def files_of(home: Home, when: str) -> Traces:
    folder = cluster_paths("default", home.env).state_dir
    return {
        f"{when}, {path.relative_to(folder)}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def modes_of(home: Home, when: str) -> dict[str, int]:
    """Modes of the cluster's own folder in each root, and of all in it.

    What a socket allows is what its folder allows; libzmq makes it by the umask.
    """
    return {
        f"{when}, {path}": path.stat().st_mode
        for root in (home.state, home.sockets)
        for path in root.rglob("*")
    }


def journals_of(home: Home) -> tuple[Traces, bytes]:
    """A stopped cluster's journals as LMDB has them: what is not a state record, and what is.

    In the file's bytes they can't be told apart: a free page keeps what it held.
    """
    paths = cluster_paths("default", home.env)
    found: Traces = {}
    states = b""
    for slot in paths.journal_slots():
        env = lmdb.open(str(paths.journal(slot)), readonly=True, max_dbs=MAX_DATABASES)
        with env.begin() as txn:
            names = [bytes(name) for name, _ in txn.cursor()]
        for name in names:
            database = env.open_db(name, create=False)
            with env.begin(db=database) as txn:
                content = b"".join(bytes(key) + bytes(value) for key, value in txn.cursor())
            if name == STATE_DB:
                states += content
            else:
                found[f"journal {slot}, database {name.decode()}"] = content
        env.close()
    return found, states


class Wire:
    """Gathers all that the cluster publishes, raw: on this host, or over TCP."""

    def __init__(self, home: Home, keys: ClientKeys | None = None) -> None:
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 1_000_000)
        self._socket.subscribe(b"")
        connect(
            self._socket, keys.events if keys else cluster_paths("default", home.env).events, keys
        )
        self.messages: list[bytes] = []
        self.joined = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            self.messages.append(await self._socket.recv())
            self.joined.set()

    async def close(self) -> bytes:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._context.destroy(0)
        return b"\n".join(self.messages)


async def answers(home: Home, keys: ClientKeys) -> Traces:
    """Return all that the replay server has, asked for over TCP."""
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.DEALER)
    connect(socket, keys.replay, keys)
    found = []
    await socket.send(replay.encode(replay.HeadsRequest(id=0)))
    found.append(await socket.recv())
    heads = replay.decode_response.decode(found[0])
    assert isinstance(heads, replay.HeadsAnswer)
    for row in heads.shards:
        for epoch in range(1, row.epoch + 1):
            after, more = -1, True
            while more:
                question = replay.RangeRequest(
                    id=0, shard_count=row.shard_count, shard_id=row.shard_id, epoch=epoch,
                    after=after, upto=None, names=None,
                )  # fmt: skip
                await socket.send(replay.encode(question))
                found.append(await socket.recv())
                answer = replay.decode_response.decode(found[-1])
                assert isinstance(answer, replay.RangeAnswer)
                after, more = answer.reached, answer.more
    context.destroy(0)
    return {"answers of the replay server": b"".join(found)}


HTTP_PATHS = (
    ("/", True), ("/page/page.js", True), ("/healthz", False), ("/readyz", False),
    ("/status", True), ("/status", False), ("/metrics", True), ("/stream", True),
    ("/nowhere", True), ("/restart", True),
)  # fmt: skip
"""Paths, and whether the token is shown with them."""


async def http_answers(url: str, token: str) -> Traces:
    """Return what the HTTP server answers, headers too, with its token and without; of a stream its
    first event. The last request restarts a shard."""
    found: Traces = {}
    async with ClientSession(url) as http:
        for path, shown in HTTP_PATHS:
            headers = {"Authorization": f"Bearer {token}"} if shown else {}
            async with http.get(path, headers=headers) as response:
                body = b""
                while not (path == "/stream" and b"picture" in body):
                    if not (some := await response.content.readany()):
                        break
                    body += some
                name = f"GET {path}{'' if shown else ', no token'}: {response.status}"
                found[name] = repr(response.headers).encode() + body
        for wrong, code in ((f"{token}x", 401), (token, 202)):
            headers = {"Authorization": f"Bearer {wrong}"}
            async with http.post("/restart", json={"shard": 0}, headers=headers) as response:
                assert response.status == code
                found[f"POST /restart: {code}"] = await response.read()
    return found
