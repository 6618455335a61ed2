"""A coordinator's spec: whose identifies a part of a bot spends."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import IdentifyConfig
from cluster.errors import ConfigError


def check(**more: Any) -> None:
    CoordinatorSpec(name="n", state_dir="/s", runtime_dir="/r", token="t", **more).check()


@pytest.mark.parametrize(
    "more",
    [
        {"shards": "auto"},
        {"shards": "8"},
        {"shards": "0-7/8"},  # all of it
        {"shards": "0-3/8", "identify": IdentifyConfig(budget=500)},
        {"shards": "0-3/8", "identify": IdentifyConfig(broker="self")},
        {"shards": "0-3/8", "identify": IdentifyConfig(broker="self", budget=900)},
        {"shards": "4-7/8", "identify": IdentifyConfig(broker="ipc:///run/control")},
        {"shards": "8", "identify": IdentifyConfig(broker="ipc:///run/control")},
        {"shards": "0-3/8", "on_sandbox": True},  # a bot of its own
    ],
)
def test_who_grants_is_settled(more: dict[str, Any]) -> None:
    check(**more)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"shards": "0-3/8"}, "identify.broker"),
        ({"shards": "0-3/8"}, "identify.budget"),
        ({"shards": "4-7/8", "identify": IdentifyConfig(reserve=10)}, "identify.budget"),
        ({"shards": "3-9/8"}, "shards is"),
        ({"shards": "3-9/8", "on_sandbox": True}, "shards is"),
        ({"identify": IdentifyConfig(broker="ipc:///c", budget=9)}, "identify.budget is set"),
        ({"identify": IdentifyConfig(broker="ipc:///c", reserve=9)}, "identify.reserve is set"),
    ],
)
def test_who_grants_is_not_settled(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(**more)
    assert says in str(caught.value)
