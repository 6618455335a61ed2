"""Advice names a command that whoever reads it can type."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.invocation import COMMAND, own_command


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A command in the virtual environment of the folder that it is called from."""
    return _script(tmp_path / ".venv" / "bin")


def _script(folder: Path) -> Path:
    folder.mkdir(parents=True)
    file = folder / COMMAND
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_a_command_that_is_not_on_the_path_is_named_by_its_file(
    tmp_path: Path, script: Path
) -> None:
    env = {"PATH": "/nowhere"}
    assert own_command(".venv/bin/dcgw-cluster", env, tmp_path) == ".venv/bin/dcgw-cluster"
    assert own_command(str(script), env, tmp_path) == ".venv/bin/dcgw-cluster"
    assert own_command(str(script), env, Path("/usr")) == str(script)
    assert own_command("./dcgw-cluster", env, script.parent) == "./dcgw-cluster"


def test_a_command_that_path_leads_to_has_its_plain_name(tmp_path: Path, script: Path) -> None:
    env = {"PATH": f"/nowhere:{script.parent}"}
    assert own_command(str(script), env, tmp_path) == COMMAND
    links = tmp_path / "links"
    links.mkdir()
    (links / COMMAND).symlink_to(script)  # as pipx and `ln -s` make it
    assert own_command(str(script), {"PATH": str(links)}, tmp_path) == COMMAND
    assert own_command(str(links / COMMAND), env, tmp_path) == COMMAND


def test_another_installation_on_the_path_is_not_this_one(tmp_path: Path, script: Path) -> None:
    other = _script(tmp_path / "other")
    found = own_command(str(script), {"PATH": str(other.parent)}, tmp_path)
    assert found == ".venv/bin/dcgw-cluster"


def test_a_path_with_a_blank_is_quoted(tmp_path: Path) -> None:
    script = _script(tmp_path / "my bots")
    assert own_command(str(script), {}, tmp_path) == "'my bots/dcgw-cluster'"


def test_run_as_a_module_it_is_the_command_of_this_interpreter(
    tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(script.with_name("python")))
    assert own_command("/x/cluster/__main__.py", {}, tmp_path) == ".venv/bin/dcgw-cluster"
    monkeypatch.setattr("sys.executable", "/usr/bin/nothing/python")
    assert own_command("/x/cluster/__main__.py", {}, tmp_path) == COMMAND
