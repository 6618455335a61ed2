"""How far something is: a bar that fits, lines where nobody looks."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from cluster.cli.operations import step
from cluster.cli.terminal.progress import (
    LINE_EVERY_S,
    BarProgress,
    LineProgress,
    Step,
    progress,
)
from cluster.wire.status import Operation
from tests.cluster.cli.pseudo_terminal import PATIENCE_S, Terminal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def drawn(bar: BarProgress, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(bar.drawn(width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_bar_counts_down_what_is_left() -> None:
    clock = Clock()
    bar = BarProgress(clock)
    bar(Step("east: 8 shards wait", 4, 8, 90.0))
    clock.now += 30.0
    first, second = drawn(bar)
    assert first.endswith("east: 8 shards wait 30 s")
    assert second.startswith("━" * 20)
    assert second.endswith("4 of 8  about 1 min left")
    clock.now += 60.0
    assert drawn(bar)[1].endswith("4 of 8"), "it is late: nobody knows"


def test_what_can_t_be_counted_has_no_bar() -> None:
    bar = BarProgress(Clock())
    bar(Step("it works"))
    assert len(drawn(bar)) == 1


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_fits(width: int) -> None:
    bar = BarProgress(Clock())
    bar(Step("a text that is longer than any line " * 9, 1234, 4096, 3 * 3600.0))
    assert max(map(len, drawn(bar, width))) <= width
    assert "1,234 of 4,096" in drawn(bar, width)[1]


def test_lines_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = LineProgress(clock)
    for passed, done in ((0.0, 1), (1.0, 2), (LINE_EVERY_S, 2), (LINE_EVERY_S, 2), (0.1, 3)):
        clock.now += passed
        lines(Step("east", done, 9))
    clock.now += LINE_EVERY_S
    lines(Step("east: what can't be counted"))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "east (1 of 9) ...", "east (2 of 9) ...", "east (3 of 9) ...",
        "east: what can't be counted ...",
    ]  # fmt: skip


def test_without_a_terminal_it_writes_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress(clock=Clock()) as show:
        show(Step("east", left_s=7.0))
    assert capsys.readouterr().err == "east (about 7.0 s left) ...\n"


def test_on_a_terminal_nothing_of_it_stays() -> None:
    code = (
        "from cluster.cli.terminal.progress import Step, progress\n"
        "with progress() as show: show(Step('east', 1, 2)); input()\n"
        "print('the result')"
    )
    run = Terminal([sys.executable, "-c", code])
    try:
        run.read_until("1 of 2")
        run.write("\n")
        run.read_until("the result")
        assert run.process.wait(PATIENCE_S) == 0
    finally:
        run.close()
    assert "\x1b[2K" in run.raw.rpartition("1 of 2")[2], "its lines were cleared"


def operation(**what: object) -> Operation:
    return Operation(id="1", kind="rolling restart", **what)  # type: ignore[arg-type]


def test_the_steps_that_are_done_tell_how_long_the_others_take() -> None:
    assert step("east", operation()) == Step("east: rolling restart")
    now = operation(text="worker 2 is restarted", done=2, total=8, seconds=30.0)
    assert step("east", now) == Step("east: worker 2 is restarted", 2, 8, 90.0)
    assert step("east", operation(done=8, total=8, seconds=3.0)).left_s is None
    now = operation(text="they identify", done=2, total=8, seconds=30.0, left_s=7.0)
    assert step("east", now).left_s == 7.0, "whoever knows better is believed"
