"""Ctrl-C on a command ends in one line and exit code 130, also in the midst of its imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

RUN = """\
import os, signal, sys
from importlib.abc import MetaPathFinder

MODULE = sys.argv.pop(1)

class Hand(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Hand())
from cluster.__main__ import main
main()
"""
"""The entry of the command, with a hand that presses Ctrl-C when a module is imported."""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DCGW_")}
    with tempfile.TemporaryDirectory(prefix="dcgw-") as short:
        yield kept | {"DCGW_STATE_DIR": str(tmp_path), "DCGW_RUNTIME_DIR": short}


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("click", ("status",)),
        ("cluster.cli.terminal.output", ("--version",)),
        ("cluster.cli.verbs.status", ("status",)),
        ("msgspec._core", ("status",)),
        ("zmq.backend", ("tail",)),
        ("rich.live", ("start", "--sandbox", "--rate", "none")),  # without Ctrl-C nothing starts
        ("cluster.sandbox.catalogue", ("tail", "--event", "READY")),
        ("aiohttp", ("sandbox",)),
        ("cluster.doctor.fingerprint.capture", ("doctor", "--fingerprint")),
    ],
)
def test_while_a_module_is_imported(
    module: str, words: tuple[str, ...], env: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUN, module, *words],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout) == (130, "Interrupted.\n", "")


def test_in_doctor_with_a_sandbox(env: dict[str, str]) -> None:
    """It comes to all processes of the terminal's group, as a terminal sends it."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "cluster", "doctor", "--sandbox"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as doctor:  # fmt: skip
        assert doctor.stdout is not None
        assert doctor.stderr is not None
        line = ""
        while "tcp" not in line:  # the last finding before the sandbox is started
            line = doctor.stdout.readline()
            assert line, doctor.stderr.read()
        os.killpg(doctor.pid, signal.SIGINT)
        assert doctor.wait(timeout=60) == 130
        assert doctor.stderr.read() == "Interrupted.\n"


def test_a_command_that_ignores_sigint_from_its_start_goes_on(env: dict[str, str]) -> None:
    """nohup starts a command so."""
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{RUN}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", ignoring, "click", "--version"],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "dcgw-cluster" in done.stdout
