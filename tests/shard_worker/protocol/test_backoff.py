"""Waits, and what is never shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shard_worker.protocol import actions as do
from shard_worker.protocol.backoff import again_backoff, identify_pause, invalid_session_wait
from shard_worker.protocol.session import Resumable


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=30))
def test_waits_are_anything_from_nothing_to_a_ceiling_that_doubles(chances: list[float]) -> None:
    """Full jitter: what fell together does not return together."""
    drawn = iter(chances)
    backoff = again_backoff(lambda: next(drawn))
    for tries, chance in enumerate(chances):
        assert backoff.next() == chance * min(60.0, 0.5 * 2**tries)
    backoff.reset()
    drawn = iter([0.5])
    assert backoff.next() == 0.25


def test_many_failures_keep_the_ceiling() -> None:
    backoff = again_backoff(lambda: 1.0)
    assert [backoff.next() for _ in range(10_000)][-1] == 60.0


def test_pauses() -> None:
    assert [identify_pause(n, lambda: 1.0) for n in (2, 3, 4, 99)] == [0, 15, 30, 900]
    assert [identify_pause(n, lambda: 0.0) for n in (2, 3, 99)] == [0, 7.5, 450]
    assert (invalid_session_wait(lambda: 0.0), invalid_session_wait(lambda: 1.0)) == (1.0, 5.0)


def test_credentials_are_not_shown() -> None:
    assert "secret" not in repr(Resumable("secret", "wss://r", 5, 1))
    assert "secret" not in repr(do.SendResume("secret", 5))
