"""What an agent on Ray is started with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster.config.host_spec import decode_spec, encode_spec
from cluster.endpoints.curve_keys import ClientKeys, pair
from coordinator.engines.ray_placement.agent_process import STOP_S, agent_spec
from coordinator.engines.ray_placement.messages import AgentOrder

ORDER = AgentOrder(
    join="tcp://10.0.0.5:7321", server=pair()[0], admitted=None, workers=3, labels={"pool": "a"}
)


def test_it_is_a_host_of_its_own_folder_that_ends_with_its_actor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCGW_STATE_DIR", str(tmp_path))
    public, secret = pair()
    key = ClientKeys(name="ray-1", server=ORDER.server, public=public, secret=secret)
    spec = decode_spec(encode_spec(agent_spec("dcgw-mybot-1", key, ORDER)))
    spec.check()
    assert (spec.name, spec.workers, spec.labels) == ("ray-1", 3, {"pool": "a"})
    assert spec.join == [ORDER.join]
    assert spec.state_dir == str(tmp_path / "hosts" / "dcgw-mybot-1" / "ray-1")
    assert spec.parent == os.getpid()
    assert spec.stop_seconds < STOP_S
    other = agent_spec("dcgw-mybot-2", key, ORDER)
    assert other.state_dir != spec.state_dir
    assert other.runtime_dir != spec.runtime_dir


@pytest.mark.parametrize(
    ("changes", "anew"),
    [
        ({}, False),
        ({"log_level": "debug", "log_format": "json"}, False),
        ({"join": "tcp://10.0.0.6:7321"}, True),
        ({"server": pair()[0]}, True),
        ({"workers": 4}, True),
    ],
)
def test_it_is_started_anew_where_it_would_join_otherwise(
    changes: dict[str, Any], anew: bool
) -> None:
    assert msgspec.structs.replace(ORDER, **changes).joins_otherwise(ORDER) is anew
