"""What probes are answered, who can't show a token."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession

from cluster.errors import ClusterError
from cluster.wire.states import SessionState
from cluster.wire.status import ClusterStatus
from tests.coordinator.http.serving import PlayedCoordinator, served
from tests.coordinator.http.statuses import shard, status

TOKEN = "0123456789abcdef0123"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


NOT_READY = status(shards=[shard(0), shard(1, state=SessionState.IDENTIFYING)])
GONE = ClusterError("the coordinator at ipc:///run/control does not answer")


def answer(path: str, of: ClusterStatus | ClusterError, headers: dict[str, str]) -> tuple[int, str]:
    """Return what a server that listens beyond loopback answers: code and text."""

    async def scenario() -> tuple[int, str]:
        coordinator = PlayedCoordinator(of)
        async with served(coordinator, token=TOKEN, loopback=False) as url, ClientSession() as http:
            response = await http.get(url + path, headers=headers)
            return response.status, await response.text()

    return asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_needs_no_token(path: str) -> None:
    assert answer(path, status(), {})[0] == 200


@pytest.mark.parametrize(
    ("path", "of", "reason"),
    [
        ("/readyz", NOT_READY, "1 of 2 shards"),
        ("/readyz", GONE, "ipc:///run/control"),
        ("/healthz", GONE, "ipc:///run/control"),
    ],
)
def test_a_probe_that_fails_tells_why_to_who_has_the_token(
    path: str, of: ClusterStatus | ClusterError, reason: str
) -> None:
    assert answer(path, of, {}) == (503, "not ready\n")
    code, text = answer(path, of, WITH_TOKEN)
    assert code == 503
    assert reason in text


def test_a_cluster_that_is_not_ready_is_well() -> None:
    assert answer("/healthz", NOT_READY, {})[0] == 200
