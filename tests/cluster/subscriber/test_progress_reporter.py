"""A subscriber's reports: to whoever is there, waiting for nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zmq

from cluster.decode_errors import Unfit
from cluster.subscriber import subscriber
from cluster.subscriber.progress_reporter import (
    EVERY_S,
    LONGEST_NAME,
    ProgressReporter,
    SubscriberProgress,
    default_name,
)
from cluster.wire import control
from cluster.wire.status import SubscriberReport

PROGRESS = SubscriberProgress(
    lag=1, events=2, gaps=3, replays=4, unfit=5, misfits={"READY $.notes": 5},
    gap_reasons={"gone": 3}, misses=6, fenced=7,
)  # fmt: skip


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(0)


def received(coordinator: zmq.Socket[bytes]) -> SubscriberReport:
    assert coordinator.poll(60_000)
    sender, data = coordinator.recv_multipart()
    request = control.decode_request(data)
    assert request.verb == "subscriber"
    coordinator.send_multipart([sender, control.encode(control.Response(id=request.id, ok=True))])
    return msgspec.convert(request.args, SubscriberReport)


def test_what_is_said(context: zmq.Context[zmq.Socket[bytes]], tmp_path: Path) -> None:
    coordinator = context.socket(zmq.ROUTER)
    coordinator.bind(f"ipc://{tmp_path}/control")
    reporter = ProgressReporter(context, f"ipc://{tmp_path}/control", "bot" * 100, needs=32768)
    first = said(reporter, coordinator)
    assert (first.lag, first.events, first.gaps, first.replays) == PROGRESS[:4]
    assert (first.unfit, first.misfits, first.gap_reasons) == PROGRESS[4:7]
    assert (first.misses, first.fenced) == PROGRESS[7:]
    assert first.name == ("bot" * 100)[:LONGEST_NAME]
    assert first.needs == 32768
    assert not first.leaving
    assert said(reporter, coordinator).id == first.id
    reporter.close(PROGRESS)
    while not (last := received(coordinator)).leaving:
        pass  # said before, while it was waited for
    assert last.id == first.id


def test_events_that_do_not_fit_are_among_a_subscriber_s_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unfit = Unfit()
    unfit.note("READY", ["$.notes", "$.users[].bot"])
    monkeypatch.setattr(subscriber, "UNFIT", unfit)
    progress = subscriber.Subscriber(endpoint="ipc://x", replay="ipc://x").progress()
    assert (progress.unfit, progress.misfits) == (1, {"READY $.notes": 1, "READY $.users[].bot": 1})


def said(reporter: ProgressReporter, coordinator: zmq.Socket[bytes]) -> SubscriberReport:
    """Until the connection is there nothing is said."""
    for _ in range(500):
        reporter.report(0.0, PROGRESS)
        if coordinator.poll(10):
            return received(coordinator)
    raise AssertionError("nothing was said")


def test_it_is_due_every_few_seconds(
    context: zmq.Context[zmq.Socket[bytes]], tmp_path: Path
) -> None:
    coordinator = context.socket(zmq.ROUTER)
    coordinator.bind(f"ipc://{tmp_path}/control")
    reporter = ProgressReporter(context, f"ipc://{tmp_path}/control", None)
    assert reporter.due(0.0)
    said(reporter, coordinator)
    reporter.report(100.0, PROGRESS)
    assert not reporter.due(100.0 + EVERY_S - 0.01)
    assert reporter.due(100.0 + EVERY_S)
    reporter.close(PROGRESS)


def test_nobody_is_there(context: zmq.Context[zmq.Socket[bytes]], tmp_path: Path) -> None:
    """It neither waits nor fails, and comes back sooner."""
    reporter = ProgressReporter(context, f"ipc://{tmp_path}/control", "bot")
    for number in range(100):
        reporter.report(float(number), PROGRESS)
    assert reporter.due(99.0 + EVERY_S / 4)
    reporter.close(PROGRESS)


def test_the_programs_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for argv, name in (
        ("/srv/bots/mybot.py", "mybot.py"),
        ("-c", "-c"),
        ("/srv/bots/mybot/__main__.py", "mybot"),
    ):
        monkeypatch.setattr("sys.argv", [argv])
        assert default_name() == name
