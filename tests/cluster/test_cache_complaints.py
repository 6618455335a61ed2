"""What a reader is told of a cache in which something is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.complaints import cache_complaints
from cluster.wire.status import CacheReport


def lines(**what: Any) -> list[str]:
    return cache_complaints(CacheReport(pid=1, guilds=10, max_bytes=1 << 30, **what))


def test_nothing_is_said_without_a_reason() -> None:
    assert cache_complaints(None) == lines() == lines(unavailable=3, gaps=4) == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (
            {"stale": 2, "stale_shards": [3, 4]},
            "2 guilds of shards 3-4 are of unknown age in the cache, since events were missed; "
            "`dcgw-cluster refresh --shard 3` fetches a shard's anew, for an identify",
        ),
        (
            {"unseen": 1, "unseen_shards": [0]},
            "1 guild of shard 0 is unknown to the cache; `dcgw-cluster refresh --shard 0`"
            " fetches a shard's anew, for an identify",
        ),
        (
            {"full": True},
            "the cache takes nothing in: it has 1.0 GiB and needs more, cache.bytes in the "
            "configuration",
        ),
    ],
)
def test_what_has_to_be_done(what: dict[str, Any], line: str) -> None:
    assert lines(**what) == [line]
