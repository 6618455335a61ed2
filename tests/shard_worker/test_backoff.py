"""Waits, and what is never shown."""

from __future__ import annotations

from shard_worker import actions as do
from shard_worker.backoff import identify_pause, invalid_session_wait
from shard_worker.session import Resumable


def test_pauses() -> None:
    assert [identify_pause(n, lambda: 1.0) for n in (2, 3, 4, 99)] == [0, 15, 30, 900]
    assert (invalid_session_wait(lambda: 0.0), invalid_session_wait(lambda: 1.0)) == (1.0, 5.0)


def test_credentials_are_not_shown() -> None:
    assert "secret" not in repr(Resumable("secret", "wss://r", 5, 1))
    assert "secret" not in repr(do.SendResume("secret", 5))
