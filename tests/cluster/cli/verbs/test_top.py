"""``dcgw-cluster top`` on a terminal, beside a coordinator that goes away and comes back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import Result

from tests.cluster.cli.pseudo_terminal import PATIENCE_S, Terminal

Dcgw = Callable[..., Result]
Running = Callable[..., subprocess.Popen[bytes]]
RUN = """\
from cluster.cli import main
from cluster.cli.verbs import top
top.EVERY_S, top.PATIENCE_S = 0.05, 0.3
main()
"""


def test_on_a_terminal_until_q(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    cluster = running(ready_after=1)
    run = Terminal([sys.executable, "-c", RUN, "top"], rows=24)
    try:
        run.read_until("shards: 4")
        cluster.kill()
        cluster.wait()
        run.read_until("this is what it said last")
        running(shards=7, ready_after=1)
        run.read_until("7 of 7 shards ready")
        run.write("2")
        run.read_until("workers: 2")
        run.write("q")
        while run.read_more():
            pass
        assert run.process.wait(PATIENCE_S) == 0
    finally:
        run.close()
    assert "\x1b[?1049l" in run.raw, "what stood on the terminal is back"
    assert "Traceback" not in run.text


def test_without_a_terminal_it_says_what_else_there_is(dcgw: Dcgw, running: Running) -> None:
    running()
    result = dcgw("top")
    assert result.exit_code == 1
    assert "use `dcgw-cluster status --watch`" in result.stderr
