"""Shell completion, in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Running = Callable[..., subprocess.Popen[bytes]]

COMPLETE = """
eval "$(_DCGW_CLUSTER_COMPLETE=bash_source dcgw-cluster)"
COMP_WORDS=(dcgw-cluster "$@")
COMP_CWORD=$#
_dcgw_cluster_completion dcgw-cluster
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""What bash does when the last of these words is completed."""


def complete(*words: str) -> list[str]:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", COMPLETE, "bash", *words],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["st"], ["start", "status", "stop"]),
        (["tail", "--ev"], ["--event"]),
        (["tail", "--event", "message_u"], ["MESSAGE_UPDATE"]),
        (["tail", "--event", "MESSAGE_C"], ["MESSAGE_CREATE"]),
        (["tail", "--event", "nonsense"], []),
        (["config", ""], ["check", "show"]),
    ],
)
def test_words(words: list[str], found: list[str], home: Path) -> None:
    assert complete(*words) == found


def test_names_of_running_clusters(running: Running) -> None:
    running("east")
    running("west")
    assert complete("status", "--name", "") == ["east", "west"]
    assert complete("stop", "--name", "w") == ["west"]
