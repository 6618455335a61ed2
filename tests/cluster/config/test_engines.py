"""An engine whose packages or settings are missing is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from cluster.cli import main
from cluster.config import engines
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.engines import check_engine, join_endpoint
from cluster.config.keys import ClusterKeys, HostsConfig, RayConfig
from cluster.config.offered import behind_keys
from cluster.errors import ConfigError

HOSTS = HostsConfig(
    control="tcp://10.0.0.5:7321", events="tcp://10.0.0.5:7322", replay="tcp://10.0.0.5:7323"
)


def on_ray(**more: Any) -> ClusterKeys:
    return msgspec.structs.replace(ClusterKeys(engine="ray", hosts=HOSTS), **more)


@pytest.mark.parametrize("engine", ["local", "join"])
def test_engines_of_ours_need_nothing(engine: Any) -> None:
    check_engine(ClusterKeys(engine=engine), find=lambda name: None)


def test_ray_is_asked_for_by_the_name_of_its_extra() -> None:
    check_engine(on_ray(), find=lambda name: name)
    with pytest.raises(ConfigError, match=r"pip install 'dcgw-cluster\[ray\]'"):
        check_engine(on_ray(), find=lambda name: None)


@pytest.mark.parametrize("address", ["", "local"])
def test_a_ray_of_our_own_is_not_begun(address: str) -> None:
    with pytest.raises(ConfigError, match=r"ray\.address"):
        check_engine(on_ray(ray=RayConfig(address=address)), find=lambda name: name)


@pytest.mark.parametrize(
    ("control", "advertise", "joined"),
    [
        ("tcp://10.0.0.5:7321", "", "tcp://10.0.0.5:7321"),
        ("tcp://*:7321", "coordinator.example", "tcp://coordinator.example:7321"),
        ("tcp://[::]:7321", "[fd00::5]", "tcp://[fd00::5]:7321"),
        ("tcp://[::]:7321", "fd00::5", "tcp://[fd00::5]:7321"),
        ("", "coordinator.example", ""),
    ],
)
def test_agents_join_where_the_coordinator_is_reached(
    control: str, advertise: str, joined: str
) -> None:
    hosts = HostsConfig(control=control, advertise=advertise)
    assert join_endpoint(ClusterKeys(hosts=hosts)) == joined


@pytest.mark.parametrize("control", ["tcp://*:7321", "tcp://0.0.0.0:7321", "tcp://[::]:7321"])
def test_where_that_is_must_be_said_of_who_listens_everywhere(control: str) -> None:
    config = on_ray(hosts=HostsConfig(control=control))
    with pytest.raises(ConfigError, match=r"hosts\.advertise"):
        check_engine(config, find=lambda name: name)


def test_keys_of_agents_on_ray_are_not_asked_of_people() -> None:
    assert behind_keys(on_ray()) == {}
    joined = behind_keys(ClusterKeys(engine="join", hosts=HOSTS))
    assert joined["hosts.control"] == HOSTS.control


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.check_engine, "__defaults__", (lambda name: None,))


@pytest.mark.usefixtures("without_ray")
def test_a_coordinator_does_not_start_without_it() -> None:
    spec = CoordinatorSpec(
        name="n", state_dir="/s", runtime_dir="/r", token="t", engine="ray", hosts=HOSTS
    )
    with pytest.raises(ConfigError, match="Ray is not installed here"):
        spec.check()


@pytest.mark.usefixtures("without_ray")
@pytest.mark.parametrize("words", [["config", "check"], ["start"]])
def test_the_command_line_says_so_and_starts_nothing(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCGW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DCGW_ENGINE", "ray")
    for name in ("CONTROL", "EVENTS", "REPLAY"):
        monkeypatch.setenv(f"DCGW_HOSTS_{name}", getattr(HOSTS, name.lower()))
    monkeypatch.setenv("DCGW_TOKEN", "x" * 60)
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2, done.output
    assert "dcgw-cluster[ray]" in done.output
    assert not (tmp_path / "state").exists()
