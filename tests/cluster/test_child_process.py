"""The child's side of a process: its spec, its one line, its end, its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import msgspec
import pytest

from cluster.child_process import ChildSpec
from cluster.logs.line import words
from cluster.wire.start_outcome import StartOutcome, decode_outcome

PROGRAM = textwrap.dedent("""
    import logging, sys, time
    from cluster.errors import KeyRefusedError
    from cluster.child_process import ChildSpec, run_child

    class Spec(ChildSpec, frozen=True, kw_only=True):
        fails: str = ""
        tells: bool = False

    def work(spec, child):
        if spec.fails == "at once":
            raise KeyRefusedError("no key", "ask for one")
        child.ready()
        child.ready()
        if spec.fails:
            raise KeyRefusedError("the key is gone")
        while not child.is_ending():
            time.sleep(0.01)
            if spec.tells and logging.getLogger().isEnabledFor(logging.DEBUG):
                break
        print("in order", file=sys.stderr)

    sys.exit(run_child(Spec, work, interrupt="interrupt" in sys.argv))
""")
WITHIN_S = 60


class Spec(ChildSpec, frozen=True, kw_only=True):
    fails: str = ""
    tells: bool = False


def started(spec: bytes, *args: str, keep_input: bool = False) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *args],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(spec)
    if keep_input:
        process.stdin.flush()
        return process
    process.stdin.close()
    process.stdin = None
    return process


def first_line(process: subprocess.Popen[bytes]) -> StartOutcome:
    assert process.stdout is not None
    return decode_outcome(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("args", "words"), [((), "in order\n"), (("interrupt",), "")])
def test_a_signal_ends_it_with_0(number: int, args: tuple[str, ...], words: str) -> None:
    process = started(msgspec.json.encode(Spec()), *args)
    assert first_line(process) == StartOutcome(ready=True)
    process.send_signal(number)
    out, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, out, err.decode()) == (0, b"", words)


@pytest.mark.parametrize("args", [(), ("interrupt",)])
def test_it_ends_though_its_input_stays_open(args: tuple[str, ...]) -> None:
    process = started(msgspec.json.encode(Spec()) + b"\n", *args, keep_input=True)
    assert first_line(process) == StartOutcome(ready=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WITHIN_S) == 0
    _, err = process.communicate()
    assert b"Fatal" not in err


def test_it_ends_when_its_parent_is_another() -> None:
    process = started(msgspec.json.encode(Spec(parent=os.getpid() + 1)))
    assert first_line(process) == StartOutcome(ready=True)
    process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0


def test_an_error_before_it_is_ready_is_its_line() -> None:
    process = started(msgspec.json.encode(Spec(fails="at once")))
    error = first_line(process).error
    assert error is not None
    assert (error.kind, error.cause, error.action) == ("KeyRefusedError", "no key", "ask for one")
    _, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 7
    assert words(err.decode().splitlines()[-1]) == "no key: ask for one"


def test_an_error_after_that_is_in_its_log_only() -> None:
    process = started(msgspec.json.encode(Spec(fails="later")))
    assert first_line(process) == StartOutcome(ready=True)
    out, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, out) == (7, b"")
    assert words(err.decode().splitlines()[-1]) == "the key is gone"


def test_lines_after_the_spec_are_levels_of_its_log() -> None:
    spec = msgspec.json.encode(Spec(tells=True))
    process = started(spec + b"\nerror\ndebug\n")
    assert first_line(process) == StartOutcome(ready=True)
    _, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, err) == (0, b"in order\n")


@pytest.mark.parametrize("spec", [b"", b"{", b'{"parent": "x"}', b'{"other": 1}', b"\xff"])
def test_a_spec_that_is_none(spec: bytes) -> None:
    process = started(spec)
    error = first_line(process).error
    assert error is not None
    assert error.kind == "ConfigError"
    process.communicate(timeout=WITHIN_S)
    assert process.returncode == 2
