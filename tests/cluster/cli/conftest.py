"""A home of its own for every test, and a coordinator that is played."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cluster.cli import main
from cluster.cli.launch import CoordinatorProcess
from cluster.config.coordinator_spec import encode_spec
from cluster.config.loading import VARIABLES, load
from cluster.config.schema import Given
from tests.cluster.cli import fake_coordinator

FAKE = Path(__file__).with_name("fake_coordinator.py")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """State in a folder of this test, sockets in a short one, no settings of the developer's."""
    for variable in [*VARIABLES, "DCGW_TOKEN", "DCGW_CONFIG"]:
        monkeypatch.delenv(variable, raising=False)
    with tempfile.TemporaryDirectory(prefix="dcgw-") as short:
        monkeypatch.setenv("DCGW_STATE_DIR", str(tmp_path / "state"))
        monkeypatch.setenv("DCGW_RUNTIME_DIR", short)
        monkeypatch.chdir(tmp_path)
        yield tmp_path


@pytest.fixture
def fake() -> ModuleType:
    """The module of the played coordinator: its made-up statuses."""
    return fake_coordinator


def command(**behaviour: Any) -> list[str]:
    words = (
        f"{key}={json.dumps(v) if not isinstance(v, str) else v}" for key, v in behaviour.items()
    )
    return [sys.executable, str(FAKE), *words]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[..., Callable[[], list[Any]]]:
    """Let `start` start the played coordinator, with this behaviour. Returns what it saw."""

    def play(**behaviour: Any) -> Callable[[], list[Any]]:
        seen = home / "seen.jsonl"
        monkeypatch.setattr(CoordinatorProcess, "command", command(seen=str(seen), **behaviour))
        return lambda: [json.loads(line) for line in seen.read_text().splitlines()]

    return play


@pytest.fixture
def running(home: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start played clusters, which run until the test ends."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(name: str = "sandbox", **behaviour: Any) -> subprocess.Popen[bytes]:
        what, _ = load(on_sandbox=True, flags={"name": Given(name, "--name")}).spec()
        process = subprocess.Popen(
            command(**behaviour), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encode_spec(what))
        process.stdin.close()
        assert b"ready" in process.stdout.readline()
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def dcgw() -> Callable[..., Result]:
    """Run the command line in this process."""

    def run(*words: str, input: str | None = None, **env: str) -> Result:
        return CliRunner().invoke(main, list(words), input=input, env=env)

    return run
