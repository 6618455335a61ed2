"""POST /restart and /reshard: who may, with which body, and what the coordinator is asked."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

import pytest
from aiohttp import ClientSession

from cluster.errors import ClusterError, NotRunningError
from coordinator.http.connections import Connections
from tests.coordinator.http.serving import PlayedCoordinator, served

TOKEN = "0123456789abcdef0123"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def post(
    path: str,
    body: str | bytes,
    *,
    coordinator: PlayedCoordinator | None = None,
    token: str = TOKEN,
    headers: dict[str, str] = BEARER,
) -> tuple[int, dict[str, Any]]:
    async def scenario() -> tuple[int, dict[str, Any]]:
        played = coordinator or PlayedCoordinator()
        async with served(played, token=token) as url, ClientSession() as http:
            response = await http.post(url + path, data=body, headers=headers)
            assert "Access-Control-Allow-Origin" not in response.headers
            return response.status, await response.json()

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("/restart", '{"rolling": true}', ("restart", {})),
        ("/restart", '{"worker": 0}', ("restart", {"worker": 0})),
        ("/restart", '{"shard": 3}', ("restart", {"shard": 3})),
        ("/reshard", '{"shards": 8}', ("reshard", {"shards": 8, "overlap_s": 10.0})),
        ("/reshard", '{"shards": 0, "overlap_s": 5}', ("reshard", {"shards": 0, "overlap_s": 5.0})),
    ],
)
def test_the_verb_is_asked_and_the_operation_told(
    path: str, body: str, asked: tuple[str, dict[str, Any]]
) -> None:
    played = PlayedCoordinator()
    code, told = post(path, body, coordinator=played)
    assert code == 202
    assert told["kind"] == asked[0]
    assert told["state"] == "running"
    assert played.begun == [asked]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/restart", ""),
        ("/restart", "{}"),  # a rolling restart is said in so many words
        ("/restart", '{"wroker": 3}'),
        ("/restart", '{"rolling": true, "wroker": 3}'),
        ("/restart", '{"rolling": false}'),
        ("/restart", '{"worker": 1, "shard": 1}'),
        ("/restart", '{"rolling": true, "worker": 1}'),
        ("/restart", '{"worker": -1}'),
        ("/restart", '{"worker": "1"}'),
        ("/restart", "[" * 100_000),
        ("/restart", b"\xff"),
        ("/restart", '{"worker": 1}' + " " * 2000),
        ("/reshard", "{}"),
        ("/reshard", '{"shards": 8, "overlap": 5}'),
        ("/reshard", '{"shards": 1e9}'),
        ("/reshard", '{"shards": 8, "overlap_s": 0}'),
    ],
)
def test_a_body_that_says_something_else_begins_nothing(path: str, body: str | bytes) -> None:
    played = PlayedCoordinator()
    code, told = post(path, body, coordinator=played)
    assert code == 400
    assert told["error"]["kind"] == "CommandError"
    assert told["error"]["cause"]
    assert played.begun == []


@pytest.mark.parametrize("path", ["/restart", "/reshard"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "Basic " + "eDowMTIzNDU2Nzg5YWJjZGVmMDEyMw=="},  # x:TOKEN
        {"Authorization": "Bearer \udcff"},
        {"Cookie": f"token={TOKEN}"},
    ],
)
def test_without_the_token_nothing_is_begun(
    path: str, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    played = PlayedCoordinator()
    with caplog.at_level(logging.INFO):
        code, told = post(f"{path}?token={TOKEN}", "{}", coordinator=played, headers=headers)
    assert code == 401
    assert told["error"] == {
        "kind": "KeyRefusedError",
        "cause": "the token of http.token_file is needed to change something",
        "action": "send it as `Authorization: Bearer TOKEN`",
        "retry_after_s": 0.0,
        "argument": "",
    }
    assert played.begun == []
    assert TOKEN not in caplog.text
    assert ("a token that is not ours" in caplog.text) is ("Authorization" in headers)


def test_without_a_token_of_the_cluster_it_is_told_how_to_make_one() -> None:
    code, told = post("/restart", '{"rolling": true}', token="")
    assert code == 403
    assert "openssl rand -hex 32" in told["error"]["action"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ClusterError("a reshard to 8 shards is under way", "wait until it is done"), 409),
        (NotRunningError("the coordinator did not answer within 2 s"), 503),
    ],
)
def test_why_it_can_not_begin_is_told(error: ClusterError, code: int) -> None:
    told = post("/restart", '{"rolling": true}', coordinator=PlayedCoordinator(error))
    assert told[0] == code
    assert told[1]["error"]["cause"] == error.cause


async def half_a_body(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(
        f"POST /restart HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Length: 20\r\n\r\n{".encode()
    )
    return reader, writer


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.http.actions.BODY_S", 0.01)

    async def scenario() -> None:
        async with served(token=TOKEN) as url:
            reader, writer = await half_a_body(url)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 400 " in head.partition(b"\r\n")[0]
            assert "did not come" in json.loads(await reader.readline())["error"]["cause"]
            writer.close()

    asyncio.run(scenario())


def test_who_goes_away_in_the_middle_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        connections = Connections(time.monotonic)
        async with served(token=TOKEN, connections=connections) as url, asyncio.timeout(20):
            _, writer = await half_a_body(url)
            while all(seat.idle_since for seat in connections._seats.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            writer.transport.abort()
            while len(connections):  # noqa: ASYNC110  # sockets are what is waited for
                await asyncio.sleep(0.01)

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    assert not caplog.records
