"""What can't be started says so in one line, with a way out, and leaves nothing running."""

from __future__ import annotations

import socket
import subprocess

from home import Home, run_sandbox


def refused(result: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line on stderr of a command that failed."""
    assert result.returncode == code, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stdout
    return lines[0]


def test_a_token_that_discord_refuses(home: Home) -> None:
    with run_sandbox() as sandbox:
        home.use(sandbox)
        home.env["DCGW_TOKEN"] = "bm90LW91cnM.wrong.wrong"
        line = refused(home.cli("start", "--detach"), 5)
    assert "DCGW_TOKEN" in line
    assert "wrong.wrong" not in line
    assert home.leftovers() == []


def test_no_token_at_all(home: Home) -> None:
    line = refused(home.cli("start", "--detach"), 2)
    assert "DCGW_TOKEN" in line
    assert "--sandbox" in line
    assert home.leftovers() == []


def test_a_budget_that_does_not_allow_it(home: Home) -> None:
    with run_sandbox(session_start_remaining=3) as sandbox:
        home.use(sandbox)
        line = refused(home.cli("start", "--detach", "--shards", "4"), 6)
    assert "4" in line
    assert "3" in line
    assert home.leftovers() == []


def test_a_port_of_the_sandbox_in_use(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        home.env["DCGW_SANDBOX_PORT"] = str(port)
        line = refused(home.cli("start", "--sandbox", "--detach"), 4)
    assert str(port) in line
    assert home.leftovers() == []


def test_a_second_start_on_the_same_state_folder(home: Home) -> None:
    first = home.cli("start", "--sandbox", "--detach")
    assert first.returncode == 0, first.stderr
    running = set(home.processes())
    line = refused(home.cli("start", "--sandbox", "--detach"), 4)
    assert "dcgw-cluster stop" in line
    assert set(home.processes()) == running
    stopped = home.cli("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert home.leftovers() == []


def test_verbs_without_a_cluster(home: Home) -> None:
    for verb in ("status", "tail", "stop"):
        line = refused(home.cli(verb), 3)
        assert "dcgw-cluster start" in line
