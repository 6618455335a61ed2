"""An engine whose packages are missing is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster.cli import main
from cluster.config import engines
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.engines import check_engine
from cluster.errors import ConfigError


@pytest.mark.parametrize("engine", ["local", "join"])
def test_engines_of_ours_need_nothing(engine: str) -> None:
    check_engine(engine, find=lambda name: None)


def test_ray_is_asked_for_by_the_name_of_its_extra() -> None:
    check_engine("ray", find=lambda name: name)
    with pytest.raises(ConfigError, match=r"pip install 'dcgw-cluster\[ray\]'"):
        check_engine("ray", find=lambda name: None)


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.check_engine, "__defaults__", (lambda name: None,))


@pytest.mark.usefixtures("without_ray")
def test_a_coordinator_does_not_start_without_it() -> None:
    spec = CoordinatorSpec(name="n", state_dir="/s", runtime_dir="/r", token="t", engine="ray")
    with pytest.raises(ConfigError, match="Ray is not installed here"):
        spec.check()


@pytest.mark.usefixtures("without_ray")
@pytest.mark.parametrize("words", [["config", "check"], ["start"]])
def test_the_command_line_says_so_and_starts_nothing(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCGW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DCGW_ENGINE", "ray")
    monkeypatch.setenv("DCGW_TOKEN", "x" * 60)
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2, done.output
    assert "dcgw-cluster[ray]" in done.output
    assert not (tmp_path / "state").exists()
