"""tail: what it subscribes to, how it writes, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from click.testing import Result

from cluster.cli.options import running_cluster
from cluster.cli.verbs import tail
from cluster.cli.verbs.tail import follow_events, line_writer, missing, waiting_text
from cluster.errors import NotRunningError
from cluster.subscriber import Event, Gap, Item, Stalled, Subscriber
from cluster.wire.states import GapReason

Dcgw = Callable[..., Result]
Running = Callable[..., subprocess.Popen[bytes]]


def event(seq: int, name: str = "MESSAGE_CREATE", **data: Any) -> Event:
    body = {"guild_id": "42", "author": {"username": "alice"}, "content": f"number {seq}"} | data
    return Event.make(
        name, 3, 4, 1, seq, json.dumps(body).encode(), 1_700_000_000_000_000_000, "0" * 16
    )


class Played:
    """In the place of Subscriber: gives these items, then presses Ctrl-C."""

    items: ClassVar[Sequence[Item]] = ()
    asked: ClassVar[dict[str, Any]]

    def __init__(self, endpoint: str | tuple[str, ...], **asked: Any) -> None:
        type(self).asked = {"endpoint": endpoint, **asked}
        self._left = list(self.items)

    async def __aenter__(self) -> Played:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Nothing is open."""

    def __aiter__(self) -> Played:
        return self

    async def __anext__(self) -> Item:
        if self._left:
            return self._left.pop(0)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, running: Running) -> type[Played]:
    """A running cluster whose events the test makes up."""
    running()
    monkeypatch.setattr(tail, "Subscriber", Played)
    monkeypatch.setattr(Played, "items", ())
    return Played


def test_lines_until_ctrl_c(dcgw: Dcgw, played: type[Played]) -> None:
    played.items = [event(1), event(2, author={"username": "bob"})]
    result = dcgw("tail")
    assert result.exit_code == 0
    first, second = result.output.splitlines()
    assert first.split()[1:] == ["3", "MESSAGE_CREATE", "42", "alice:", "number", "1"]
    assert second.endswith("bob: number 2")
    assert "\x1b" not in result.output


def test_asks_for_names_and_guilds(dcgw: Dcgw, played: type[Played]) -> None:
    dcgw("tail", "--event", "message_create", "--event", "READY", "--guild", "42", "--guild", "43")
    assert played.asked["events"] == ["MESSAGE_CREATE", "READY"]
    assert played.asked["guilds"] == (42, 43)
    assert [Path(one).name for one in played.asked["endpoint"]] == ["events"]
    assert played.asked["replay"].endswith("/replay")
    dcgw("tail")
    assert played.asked["events"] is None
    assert played.asked["guilds"] is None


def test_so_many_events(dcgw: Dcgw, played: type[Played]) -> None:
    played.items = [event(1), Gap(3, 4, 1, None, 2, 4, GapReason.GONE), event(5), event(6)]
    result = dcgw("tail", "-n", "2")
    assert len(result.output.splitlines()) == 3
    assert result.output.splitlines()[-1].endswith("number 5")


def test_json_is_one_object_a_line(dcgw: Dcgw, played: type[Played]) -> None:
    greeting = event(7, content="Grüße\u2028\n")
    played.items = [
        greeting,
        Gap(3, 4, 1, ("A",), 2, None, GapReason.GONE),
        Stalled(None, 3.5),
    ]
    lines = [json.loads(line) for line in dcgw("tail", "--json").stdout_bytes.splitlines()]
    assert lines[0]["d"] == json.loads(greeting.data)
    assert {key: lines[0][key] for key in ("t", "s", "shard", "shard_count", "epoch")} == {
        "t": "MESSAGE_CREATE",
        "s": 7,
        "shard": 3,
        "shard_count": 4,
        "epoch": 1,
    }
    assert lines[1]["gap"] == {
        "shard_id": 3,
        "shard_count": 4,
        "epoch": 1,
        "names": ["A"],
        "first": 2,
        "last": None,
        "reason": "gone",
    }
    assert lines[2] == {"stalled": {"slot": None, "seconds": 3.5}}


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("MESAGE_CREATE", "did you mean MESSAGE_CREATE?"),
        ("message", "did you mean MESSAGE_CREATE, MESSAGE_UPDATE or MESSAGE_DELETE?"),
        ("hello", "Discord's documentation"),
    ],
)
def test_an_unknown_name(word: str, hint: str, dcgw: Dcgw) -> None:
    result = dcgw("tail", "--event", word)
    assert result.exit_code == 2
    assert f"there is no event {word!r}" in result.stderr
    assert hint in result.stderr


def test_who_sees_nothing_is_told_once_that_this_is_a_wait() -> None:
    waiting_said = asyncio.Event()
    written: list[Item] = []

    class Quiet:
        """In the place of Subscriber: gives one event, once the reader was told of the wait."""

        async def __aenter__(self) -> AsyncIterator[Item]:
            return self.items()

        async def __aexit__(self, *exception: object) -> None:
            """Nothing is open."""

        async def items(self) -> AsyncIterator[Item]:
            await waiting_said.wait()
            yield event(1)

    def say_waiting() -> None:
        assert not waiting_said.is_set()
        waiting_said.set()

    subscriber = cast(Callable[[], Subscriber], Quiet)
    asyncio.run(follow_events(subscriber, 1, written.append, say_waiting, patience_s=0.01))
    assert [item.seq for item in written if isinstance(item, Event)] == [1]


def test_who_sees_something_is_not_told_to_wait() -> None:
    said: list[bool] = []

    class Busy:
        async def __aenter__(self) -> AsyncIterator[Item]:
            return self.items()

        async def __aexit__(self, *exception: object) -> None:
            """Nothing is open."""

        async def items(self) -> AsyncIterator[Item]:
            yield event(1)
            await asyncio.sleep(0)  # the loop turns: a timer that is due would be heard
            yield event(2)

    subscriber = cast(Callable[[], Subscriber], Busy)
    asyncio.run(
        follow_events(subscriber, 2, lambda item: None, lambda: said.append(True), patience_s=0)
    )
    assert not said


@pytest.mark.parametrize(
    ("names", "guilds", "line"),
    [
        ((), (), "Waiting for events from sandbox; none came yet. Ctrl-C ends it."),
        (
            ("READY", "RESUMED"),
            (42,),
            "Waiting for READY, RESUMED in guild 42 from sandbox; none came yet. Ctrl-C ends it.",
        ),
    ],
)
def test_what_is_waited_for(names: Sequence[str], guilds: Sequence[int], line: str) -> None:
    assert waiting_text(names, guilds, "sandbox") == line


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (
            Gap(3, 4, 2, ("MESSAGE_CREATE", "READY"), 10, 20, GapReason.GONE),
            "--- gap: shard 3, epoch 2: MESSAGE_CREATE, READY from seq 10 to 20 are missing: "
            "no journal has them any more",
        ),
        (
            Gap(3, 4, 2, None, 10, None, GapReason.SESSION_LOST),
            "--- gap: shard 3, epoch 2: events from seq 10 to an unknown end are missing: "
            "nobody knows what happened between two sessions",
        ),
        (
            Stalled(1, 3.2),
            "--- stalled: nothing from worker 1 for 3 s; see `dcgw-cluster status`",
        ),
    ],
)
def test_what_is_missing_in_words(item: Gap | Stalled, line: str) -> None:
    assert missing(item, running=True) == line


def test_stalled_says_when_the_cluster_is_gone() -> None:
    assert missing(Stalled(None, 4.0), running=False) == (
        "--- stalled: nothing from the workers for 4 s; the cluster is not running"
    )


def test_a_reader_that_has_seen_enough(home: Path, running: Running) -> None:
    """A broken pipe ends it, quietly: as in `dcgw-cluster tail | head -1`."""
    running()
    code = (
        "import asyncio, sys\n"
        "from cluster.cli import main\n"
        "from cluster.cli.verbs import tail\n"
        "from cluster.subscriber import Event\n"
        "class Endless:\n"
        "    def __init__(self, *a, **k): pass\n"
        "    async def __aenter__(self): return self\n"
        "    async def __aexit__(self, *a): pass\n"
        "    def __aiter__(self): return self\n"
        "    async def __anext__(self):\n"
        "        await asyncio.sleep(0)\n"
        "        return Event.make('A', 0, 1, 1, 1, b'{}', 1, '')\n"
        "tail.Subscriber = Endless\n"
        "sys.argv[1:] = ['tail']\n"
        "main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b" A " in process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "[[[["),
        (b'"\xff\xfe"', "\ufffd"),
        (b"{not json", "{not json"),
        (b"7", "7"),
        (b"null", ""),
        (b'"text\\u001b[2J"', "text [2J"),
    ],
)
def test_events_that_can_t_be_read_are_shown_as_they_are(
    data: bytes, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line_writer(None)(Event.make("MESSAGE_CREATE", 3, 4, 1, 9, data, 2**63 - 1, "0" * 16))
    out = capsys.readouterr().out
    assert shown in out
    assert len(out.splitlines()) == 1
    assert len(out) < 500


def test_it_waits_for_a_cluster_that_does_not_run_yet(
    dcgw: Dcgw, played: type[Played], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    looks = 0

    def late(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise NotRunningError("no cluster is running", "start one")
        return running_cluster(*given)

    monkeypatch.setattr(tail, "running_cluster", late)
    monkeypatch.setattr("cluster.endpoints.waiting.LOOK_S", 0.001)
    played.items = [event(1)]
    assert dcgw("tail").exit_code == NotRunningError.exit_code
    result = dcgw("tail", "--wait")
    assert result.exit_code == 0
    assert "number 1" in result.output
    assert [one.getMessage() for one in caplog.records] == [
        "waiting for a cluster of this host to be started"
    ]
