"""What a stop says of itself."""

from __future__ import annotations

import pytest

from cluster.cli.stopping import Stopped


@pytest.mark.parametrize(
    ("sessions", "sandbox", "logout", "text"),
    [
        (4, False, False, "4 sessions closed resumable; the next start resumes them, spending no"),
        (1, False, False, "1 session closed resumable; the next start resumes it, spending no "
         "identify (3 of 4 shards had none)."),
        (0, False, False, "Stopped bot: no shard had a session. 7 events in all."),
        (0, True, False, "Stopped bot: no shard had a session, the sandbox is gone. 7 events"),
        (4, True, False, "4 sessions closed, the sandbox is gone."),
        (4, False, True, "4 sessions ended at Discord; the next start will identify."),
    ],
)  # fmt: skip
def test_says_what_became_of_the_sessions(
    sessions: int, sandbox: bool, logout: bool, text: str
) -> None:
    stopped = Stopped(
        name="bot", sandbox=sandbox, logout=logout, sessions=sessions, shards=4, events=7
    )
    assert text in str(stopped)


@pytest.mark.parametrize(
    ("on_hosts", "key"),
    [(False, "adopt_seconds (60 unless"), (True, "hosts.lease_seconds (15 unless")],
)
def test_says_for_how_long_workers_go_on(on_hosts: bool, key: str) -> None:
    stopped = Stopped(
        name="bot", sandbox=False, logout=False, kept=True, on_hosts=on_hosts, sessions=4,
        shards=4, events=7,
    )  # fmt: skip
    assert f"its workers go on with 4 sessions for {key}" in str(stopped)
