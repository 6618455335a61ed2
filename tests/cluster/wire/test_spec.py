"""A coordinator's spec: whose identifies a part of a bot spends."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.errors import ConfigError
from cluster.wire.spec import CoordinatorSpec


def check(**more: Any) -> None:
    CoordinatorSpec(name="n", state_dir="/s", runtime_dir="/r", token="t", **more).check()


@pytest.mark.parametrize(
    "more",
    [
        {"shards": "auto"},
        {"shards": "8"},
        {"shards": "0-7/8"},  # all of it
        {"shards": "0-3/8", "identify_budget": 500},
        {"shards": "0-3/8", "identify_broker": "self"},
        {"shards": "0-3/8", "identify_broker": "self", "identify_budget": 900},
        {"shards": "4-7/8", "identify_broker": "ipc:///run/control"},
        {"shards": "8", "identify_broker": "ipc:///run/control"},
        {"shards": "0-3/8", "sandbox": {}},  # a bot of its own
    ],
)
def test_who_grants_is_settled(more: dict[str, Any]) -> None:
    check(**more)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"shards": "0-3/8"}, "identify.broker"),
        ({"shards": "0-3/8"}, "identify.budget"),
        ({"shards": "4-7/8", "identify_reserve": 10}, "identify.budget"),
        ({"shards": "3-9/8"}, "shards is"),
        ({"shards": "3-9/8", "sandbox": {}}, "shards is"),
        ({"identify_broker": "ipc:///c", "identify_budget": 9}, "identify.budget is set"),
        ({"identify_broker": "ipc:///c", "identify_reserve": 9}, "identify.reserve is set"),
    ],
)
def test_who_grants_is_not_settled(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(**more)
    assert says in str(caught.value)
