"""On a terminal: `start` in a pseudo-terminal, redrawn in place, and Ctrl-C twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.config.loading import load
from cluster.endpoints.paths import is_held
from tests.cluster.cli.pseudo_terminal import ESCAPES, PATIENCE_S, Terminal

FAKE = Path(__file__).parents[1] / "fake_coordinator.py"
RUN = """\
import sys
from cluster.cli import main
from cluster.cli.launch import CoordinatorProcess
CoordinatorProcess.command = [sys.executable, *sys.argv[1].split()]
sys.argv[1:2] = []
main()
"""


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str, fake: str = "") -> Terminal:
        command = [sys.executable, "-c", RUN, f"{FAKE} {fake}", *words]
        opened.append(Terminal(command))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def held() -> bool:
    return is_held(load(on_sandbox=True).paths.lock)


def test_draws_a_bar_then_the_workers_and_stops(terminal: Callable[..., Terminal]) -> None:
    run = terminal("start", "--sandbox", fake="ready_after=3")
    assert "4 shards wait to identify, the last in 21 s: 0-3" in run.read_until("21 s: 0-3")
    assert "0 of 4 shards" in run.text
    run.read_until("ready  4 of 4 shards ready")
    assert "\x1b[" in run.raw
    run.process.send_signal(signal.SIGINT)
    text = run.read_until("in all.")
    assert "Stopped sandbox: 4 sessions closed" in text
    assert run.process.wait(timeout=PATIENCE_S) == 0
    assert not held()


@pytest.mark.parametrize("size", [(46, 40), (80, 12), (120, 50)])
def test_another_size_clears_what_was_drawn_for_the_one_before(
    size: tuple[int, int], terminal: Callable[..., Terminal]
) -> None:
    """A terminal breaks the old lines anew, so that they can't be found to be drawn over."""
    run = terminal("start", "--sandbox")
    run.read_until("Ctrl-C stops it")
    before = len(run.raw)
    run.resize(*size)
    run.process.send_signal(signal.SIGWINCH)
    while run.raw.find("events/s  up", run.raw.find("\x1b[2J", before)) < 0:
        run.read_more()
    after = run.raw[before:]
    assert after.count("\x1b[2J") == 1
    cleared = ESCAPES.sub("", after.partition("\x1b[2J")[2])
    lines = [line.rstrip() for line in cleared.replace("\r", "\n").splitlines()]
    assert any(line.startswith("A loopback Discord: no account") for line in lines)
    drawn = lines[next(n for n, line in enumerate(lines) if line.startswith("sandbox ")) :]
    assert max(map(len, drawn)) <= size[0]
    run.process.send_signal(signal.SIGINT)
    run.read_until("clean --name sandbox")
    assert run.process.wait(timeout=PATIENCE_S) == 0


def test_a_second_ctrl_c_does_not_wait(terminal: Callable[..., Terminal]) -> None:
    run = terminal("start", "--sandbox", fake="deaf_to_stop=true")
    run.read_until("4 of 4 shards ready")
    run.process.send_signal(signal.SIGINT)
    run.read_until("Ctrl-C again")
    run.process.send_signal(signal.SIGINT)
    assert "Ended at once." in run.read_until("Ended at once.")
    assert run.process.wait(timeout=PATIENCE_S) == 0
    assert not held()


def test_ctrl_c_before_it_is_ready(terminal: Callable[..., Terminal]) -> None:
    run = terminal("start", "--sandbox", fake="silent=true")
    run.read_until("events/s ...")
    run.process.send_signal(signal.SIGINT)
    assert "Stopped before it was ready." in run.read_until("ready.")
    assert run.process.wait(timeout=PATIENCE_S) == 130
    assert not held()


def test_ctrl_c_while_it_waits_for_the_end(
    terminal: Callable[..., Terminal], running: Callable[..., subprocess.Popen[bytes]]
) -> None:
    running(deaf_to_stop=True, shard_count=8)
    run = terminal("stop")
    assert "4 of 4 open" in run.read_until("open"), "a part of a bot counts its own shards"
    run.process.send_signal(signal.SIGINT)
    text = run.read_until("dcgw-cluster status")
    assert "what was asked goes on" in text
    assert run.process.wait(timeout=PATIENCE_S) == 130
    assert "Traceback" not in run.text
