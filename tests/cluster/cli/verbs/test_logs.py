"""``dcgw-cluster logs``: whose logs, how they are written, and how it ends."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from cluster.config.loading import load
from cluster.config.schema import Given
from cluster.logs.formatter import LineFormatter
from cluster.logs.log_file import LogFile
from tests.cluster.cli.pseudo_terminal import PATIENCE_S, Terminal

Dcgw = Callable[..., Result]
Running = Callable[..., subprocess.Popen[bytes]]


def left(name: str, *lines: str, log: str = "worker-0") -> Path:
    """Leave a log of a cluster, as one that has run."""
    paths = load(on_sandbox=True, flags={"name": Given(name, "--name")}).spec()[0].paths
    paths.logs.mkdir(parents=True, exist_ok=True)
    paths.lock.touch()
    file = paths.logs / f"{log}.log"
    write(file, *lines)
    return file


def write(file: Path, *lines: str) -> None:
    with file.open("a") as handle:
        handle.writelines(f"2026-03-01 12:05:0{n},000 {line}\n" for n, line in enumerate(lines))


@pytest.fixture
def follower() -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Run `logs -f` with its output in a pipe."""
    started: list[subprocess.Popen[str]] = []

    def follow() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "cluster", "logs", "-f"]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield follow
    for one in started:
        one.kill()
        one.wait()
        if one.stdout is not None:
            one.stdout.close()


def test_of_a_cluster_that_does_not_run(dcgw: Dcgw) -> None:
    left("east", "INFO shard 0: ready", "WARNING late")
    left("east", "ERROR it failed", log="coordinator")
    result = dcgw("logs")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2026-03-01 12:05:00.000 coordinator ERROR it failed",
        "2026-03-01 12:05:00.000 worker-0 INFO shard 0: ready",
        "2026-03-01 12:05:01.000 worker-0 WARNING late",
    ]
    assert dcgw("logs", "--worker", "0", "-n", "1").stdout.endswith("WARNING late\n")
    assert dcgw("logs", "--level", "error").stdout.count("\n") == 1
    assert dcgw("logs", "--since", "1h").stdout == ""
    assert dcgw("logs", "--json", "-n", "1").stdout.endswith('"text":"late","fields":{}}\n')


def test_of_the_one_that_runs(dcgw: Dcgw, running: Running) -> None:
    left("east", "INFO of east")
    left("west", "INFO of west")
    running("west")
    assert "of west" in dcgw("logs").stdout
    assert "of east" in dcgw("logs", "--name", "east").stdout


def test_without_a_log(dcgw: Dcgw) -> None:
    assert dcgw("logs").exit_code == 3
    left("east", "INFO a")
    result = dcgw("logs", "--worker", "7")
    assert result.exit_code == 1
    assert "worker 7 has no log in" in result.stderr
    assert "there are: worker-0" in result.stderr
    left("west", "INFO a")
    result = dcgw("logs")
    assert result.exit_code == 3
    assert "several have left logs: give --name, one of: east, west" in result.stderr
    assert dcgw("logs", "--since", "soon").exit_code == 2


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every file")
def test_a_log_that_can_t_be_read(dcgw: Dcgw) -> None:
    left("east", "INFO a").chmod(0)
    result = dcgw("logs")
    assert result.exit_code == 1
    assert "can't be read (Permission denied)" in result.stderr


def test_it_follows_until_nobody_reads(follower: Callable[[], subprocess.Popen[str]]) -> None:
    file = left("east", "INFO first")
    follow = follower()
    assert follow.stdout is not None
    assert follow.stdout.readline().endswith("worker-0 INFO first\n")
    write(file, "INFO \x1b[31msecond")
    assert follow.stdout.readline().endswith("worker-0 INFO  [31msecond\n"), "plain, in a pipe"
    follow.stdout.close()  # nothing is written after: it is noticed all the same
    assert follow.wait(PATIENCE_S) == 0


def test_it_follows_a_process_through_the_rotations_of_its_log(
    follower: Callable[[], subprocess.Popen[str]],
) -> None:
    file = left("east", "INFO first")
    follow = follower()
    assert follow.stdout is not None
    follow.stdout.readline()
    handler = LogFile(file, 1000)
    handler.setFormatter(LineFormatter("worker-0"))
    for turn in range(8):  # some 600 bytes each
        lines = [f"line {turn} {number}" for number in range(7)]
        for line in lines:
            handler.handle(logging.LogRecord("t", logging.INFO, "", 1, line, (), None))
        read = [follow.stdout.readline() for _ in lines]
        assert [line.partition("INFO ")[2].partition(" logger=")[0] for line in read] == lines
    handler.close()
    assert file.with_name("worker-0.log.1").exists()


def test_it_follows_until_ctrl_c(follower: Callable[[], subprocess.Popen[str]]) -> None:
    left("east", "INFO first")
    follow = follower()
    assert follow.stdout is not None
    follow.stdout.readline()
    follow.send_signal(signal.SIGINT)
    assert follow.wait(PATIENCE_S) == 0


def test_on_a_terminal_it_is_coloured_and_says_what_is_no_news(home: Path) -> None:
    left("east", "INFO all is well", "ERROR all is lost")
    run = Terminal([sys.executable, "-m", "cluster", "logs"])
    try:
        text = run.read_until("all is lost")
        assert run.process.wait(PATIENCE_S) == 0
    finally:
        run.close()
    assert "worker-0 all is well" in text
    assert "worker-0 error: all is lost" in text
    assert "\x1b[31merror: all is lost" in run.raw
