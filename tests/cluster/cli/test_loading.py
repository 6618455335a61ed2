"""A verb and a TAB load what they need: neither libcurl nor the sandbox's server side."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import cluster.cli.verbs
from cluster.cli import VERBS, main

Running = Callable[..., subprocess.Popen[bytes]]

DEAR = {
    "aiohttp": "the sandbox's server side",
    "backports.zstd": "a connection to Discord, or the sandbox's",
    "cluster.events.decoding": "who wants typed events",
    "cluster.sandbox.sandbox": "a sandbox in this process",
    "coordinator": "a process of its own",
    "cryptography": "the sandbox's certificates",
    "curl_cffi": "a connection to Discord",
    "h2": "doctor --fingerprint",
    "lmdb": "a worker, the replay server, doctor",
    "shard_worker": "a process of its own",
    "textual": "top",
    "uvloop": "a worker, a sandbox",
}
"""Modules that no verb but a few needs, with who does."""
SCRIPT = """
import sys
sys.argv[0] = "dcgw-cluster"
from cluster.cli import main
try:
    main()
finally:
    print("loaded", *sys.modules, file=sys.stderr)
"""


def run(*words: str, **env: str) -> tuple[str, set[str]]:
    """What the command line writes, and the modules that it ends with."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    *_, last = done.stderr.splitlines()
    assert last.startswith("loaded "), done.stderr
    return done.stdout, set(last.split())


def loaded(*words: str) -> set[str]:
    """Modules that a run of the command line ends with."""
    return run(*words)[1]


def completed(line: str, found: str) -> set[str]:
    """Modules that a TAB at the end of the line loads, to find this."""
    env = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    text, modules = run(**env, _DCGW_CLUSTER_COMPLETE="bash_complete")
    assert found in text
    return modules


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["status", "--help"], ["status"], ["stop"], ["config", "show"],
     ["send", "--help"], ["tail", "--help"], ["start", "--help"], ["top", "--help"], ["logs"]],
    ids=" ".join,
)  # fmt: skip
def test_a_verb_loads_what_it_needs(words: list[str], home: Path) -> None:
    assert not loaded(*words) & DEAR.keys()


def test_status_of_a_cluster_loads_what_it_needs(running: Running) -> None:
    running("east")
    modules = loaded("status")
    assert "cluster.cli.terminal.status_text" in modules
    assert not modules & DEAR.keys()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("dcgw-cluster st", "status"),
        ("dcgw-cluster status --na", "--name"),
        ("dcgw-cluster status --name ", "east"),
        ("dcgw-cluster tail --event MESSAGE_U", "MESSAGE_UPDATE"),
    ],
)
def test_a_tab_loads_what_it_needs(line: str, found: str, running: Running) -> None:
    running("east")
    assert not completed(line, found) & DEAR.keys()


def test_help_and_completion_of_the_verbs_load_no_verb(home: Path) -> None:
    verb = "cluster.cli.verbs."
    for modules in (loaded("--help"), completed("dcgw-cluster st", "status")):
        assert not [name for name in modules if name.startswith(verb) or name == "rich"]
    assert [name for name in loaded("status") if name.startswith(verb)] == [f"{verb}status"]


def test_the_table_of_verbs_names_each_file_and_its_command() -> None:
    folder = Path(cluster.cli.verbs.__file__).parent
    assert set(VERBS) == {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert list(VERBS) == sorted(VERBS)
    for name in VERBS:
        verb = main.get_command(click.Context(main), name)
        assert verb is not None
        assert verb.name == name
