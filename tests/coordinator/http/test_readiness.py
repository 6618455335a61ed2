"""Whether a cluster is ready to serve."""

from __future__ import annotations

import pytest

from cluster.wire.states import ClusterState, SessionState, WorkerState
from coordinator.http.readiness import not_ready
from tests.coordinator.http.statuses import shard, status, worker

ONE_OF_TWO = [shard(0), shard(1, state=SessionState.AWAITING_GRANT)]


@pytest.mark.parametrize(
    ("shards", "wanted", "reason"),
    [
        ([shard(0), shard(1)], 0, None),
        ([shard(0), shard(1)], 2, None),
        ([shard(0), shard(1)], 9, None),
        (ONE_OF_TWO, 1, None),
        (ONE_OF_TWO, 0, "1 of 2 shards are ready (1 awaiting_grant)"),
        (ONE_OF_TWO, 2, "1 of 2 shards are ready (1 awaiting_grant)"),
        (ONE_OF_TWO, 9, "1 of 2 shards are ready (1 awaiting_grant)"),
    ],
)
def test_so_many_ready_shards_are_enough(
    shards: list[object], wanted: int, reason: str | None
) -> None:
    assert not_ready(status(shards=shards), wanted) == reason


def test_one_that_stops_takes_no_more() -> None:
    assert not_ready(status(state=ClusterState.STOPPING), 0) == "it is stopping"


def test_it_is_ready_when_status_says_so() -> None:
    """A worker may be missing whose last word of its shards was good."""
    workers = [worker(0), worker(1, state=WorkerState.MISSING)]
    lame = status(state=ClusterState.DEGRADED, workers=workers)
    assert lame.shards_ready == len(lame.shards)
    assert not_ready(lame, 0) == "worker 1 is missing"
    assert not_ready(lame, 2) is None  # so many were asked for, whoever holds them
    assert not_ready(status(state=ClusterState.STARTING), 0) == "it is starting"
