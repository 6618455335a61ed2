"""``dcgw-cluster status --watch``: over a cluster that goes away, to a clean end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from click.testing import Result

from tests.cluster.cli.pseudo_terminal import ESCAPES, PATIENCE_S, Terminal

Dcgw = Callable[..., Result]
Running = Callable[..., subprocess.Popen[bytes]]
RUN = """\
from cluster.cli import main
from cluster.cli.verbs import status
status.WATCH_S, status.WATCH_PATIENCE_S = 0.05, 0.3
main()
"""


@pytest.fixture
def watcher() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run `status --watch` with its output in pipes."""
    started: list[subprocess.Popen[str]] = []

    def watch(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", RUN, "status", "--watch", *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield watch
    for one in started:
        one.kill()
        one.communicate()


def line(watch: subprocess.Popen[str]) -> str:
    assert watch.stdout is not None
    return watch.stdout.readline()


def test_in_a_pipe_it_writes_lines_until_ctrl_c(
    running: Running, watcher: Callable[..., subprocess.Popen[str]]
) -> None:
    running()
    watch = watcher()
    for _ in range(2):
        assert "/4 shards ready, 499 events/s" in line(watch)
    watch.send_signal(signal.SIGINT)
    assert watch.wait(PATIENCE_S) == 0


def test_a_line_of_json_each_until_nobody_reads(
    running: Running, watcher: Callable[..., subprocess.Popen[str]]
) -> None:
    running()
    watch = watcher("--json")
    assert json.loads(line(watch))["name"] == json.loads(line(watch))["name"] == "sandbox"
    assert watch.stdout is not None
    watch.stdout.close()
    assert watch.wait(PATIENCE_S) == 0


def test_it_goes_on_when_the_cluster_is_back(
    running: Running, watcher: Callable[..., subprocess.Popen[str]]
) -> None:
    cluster = running()
    watch = watcher()
    line(watch)
    cluster.kill()
    cluster.wait()
    assert watch.stderr is not None
    assert "Warning: the cluster has stopped" in watch.stderr.readline()
    running(shards=7, ready_after=1)
    while "7/7 shards ready" not in line(watch):
        pass


def test_without_a_cluster_it_does_not_begin(dcgw: Dcgw) -> None:
    assert dcgw("status", "--watch").exit_code == 3


def test_on_a_terminal_in_place_and_the_last_stays(running: Running) -> None:
    cluster = running(shards=200)
    run = Terminal([sys.executable, "-c", RUN, "status", "--watch"], rows=12)
    try:
        run.read_until("more lines: on a larger terminal")
        run.read_until("200 of 200 shards ready")
        cluster.kill()
        cluster.wait()
        run.read_until("the cluster has stopped")
        run.process.send_signal(signal.SIGINT)
        run.read_until("dcgw-cluster 0.1.0\r\n")
        assert run.process.wait(PATIENCE_S) == 0
    finally:
        run.close()
    entered, _, left = run.raw.rpartition("\x1b[?1049l")
    assert "\x1b[?1049h" in entered, "on the alternate screen"
    assert ESCAPES.sub("", left).count("200 of 200 shards ready") == 1
    assert "Traceback" not in run.text
