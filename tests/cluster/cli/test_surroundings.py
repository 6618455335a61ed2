"""Where a command is run: folders that can't be entered, or are gone, and what others put into the
environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cluster.config.loading import load
from cluster.errors import ConfigError
from tests.prepared import prepared

Dcgw = Callable[..., Result]
SERVICE = {
    "DCGW_SERVICE_HOST": "10.96.0.7", "DCGW_SERVICE_PORT": "7310",
    "DCGW_SERVICE_PORT_EVENTS": "7310", "DCGW_PORT": "tcp://10.96.0.7:7310",
    "DCGW_PORT_7310_TCP": "tcp://10.96.0.7:7310", "DCGW_PORT_7310_TCP_PROTO": "tcp",
    "DCGW_PORT_7310_TCP_PORT": "7310", "DCGW_PORT_7310_TCP_ADDR": "10.96.0.7",
}  # fmt: skip
"""What Kubernetes tells every container of a Service named dcgw."""
CLOSED_TO_ONESELF = """
import ctypes, os
os.chmod(".", 0)
if os.getuid() == 0:
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
"""
"""Takes the folder that a process runs in away from it, root's rights or not."""


def named(service: str) -> dict[str, str]:
    """The variables of a Service of another name."""
    return {f"{service}{name.removeprefix('DCGW')}": value for name, value in SERVICE.items()}


@pytest.mark.parametrize("service", ["DCGW", "DCGW_CLUSTER", "DCGW_SANDBOX", "DCGW_TCP"])
def test_what_kubernetes_tells_of_a_service_is_passed_over(service: str, dcgw: Dcgw) -> None:
    variables = named(service)
    assert dcgw("config", "show", **variables).exit_code == 0
    assert dcgw("status", **variables).exit_code == 3
    loaded = load(env={**variables, "DCGW_SHARDS": "4"})
    assert list(loaded.sources) == ["shards"]


def test_keys_that_look_like_a_service_s_stay_keys() -> None:
    loaded = load(env={**named("DCGW_SANDBOX"), "DCGW_SANDBOX_PORT": "8443"})
    assert loaded.config.sandbox.port == 8443, "no URL: it is ours"


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"DCGW_SANDBX_PORT": "8443"}, "DCGW_SANDBX_PORT"),
        ({"DCGW_PORT": "tcp://10.96.0.7:7310"}, "DCGW_PORT"),
        ({**SERVICE, "DCGW_PORTS": "1"}, "DCGW_PORTS"),
        ({**SERVICE, "DCGW_SHARD": "1"}, "DCGW_SHARD"),
        ({**SERVICE, "DCGW_SERVICE_PORTS": "1"}, "DCGW_SERVICE_PORTS"),
    ],
)
def test_other_unknown_variables_are_refused(env: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown variable {name} "):
        load(env=env)


def test_a_folder_that_was_removed(dcgw: Dcgw, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert dcgw("status").exit_code == 3
    assert dcgw("config", "show").exit_code == 0
    token = {"DCGW_TOKEN": "abc"}
    assert dcgw("config", "check", **token).exit_code == 0
    result = dcgw("config", "check", **token, DCGW_STATE_DIR="relative")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "current folder can't be told" in result.stderr
    result = dcgw("keys", "add", "bot")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    monkeypatch.chdir(home)


@pytest.mark.skipif(os.getuid() == 0 and sys.platform != "linux", reason="root enters every folder")
@pytest.mark.parametrize(("words", "code"), [("status", 3), ("config show", 0), ("keys add b", 1)])
def test_a_folder_that_can_t_be_entered(words: str, code: int, home: Path) -> None:
    closed = home / "closed"
    closed.mkdir()
    try:
        done = subprocess.run(
            prepared(CLOSED_TO_ONESELF, sys.executable, "-P", "-m", "dcgw", *words.split()),
            cwd=closed, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )  # fmt: skip
    finally:
        closed.chmod(0o700)
    assert (done.returncode, done.stderr.count("\n")) == (code, int(code != 0)), done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
@pytest.mark.parametrize("key", ["STATE_DIR", "RUNTIME_DIR"])
def test_folders_that_can_t_be_made_are_no_right_configuration(key: str, dcgw: Dcgw) -> None:
    result = dcgw("config", "check", "--sandbox", **{f"DCGW_{key}": "/proc/x"})
    assert result.exit_code == 2
    assert f"{key.lower()}: /proc/x can't be made" in result.stderr


def test_folders_that_a_service_manager_makes_are_a_warning(
    dcgw: Dcgw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, mode: int) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refused)
    result = dcgw("config", "check", "--sandbox", DCGW_STATE_DIR="/var/lib/dcgw-of-no-one")
    assert result.exit_code == 0
    assert "Warning: state_dir: /var/lib/dcgw-of-no-one can't be made" in result.stderr
