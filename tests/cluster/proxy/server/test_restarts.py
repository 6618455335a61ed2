"""Programs that are started anew whenever they fail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.proxy.server.restarts import MOST_RESTARTS, Restarts

SHORT = st.sampled_from([0.0, 0.1, 0.25])


@given(st.lists(st.tuples(SHORT | st.floats(0, 3), SHORT | st.floats(0, 12)), max_size=80))
def test_no_more_end_soon_in_any_window(lives: list[tuple[float, float]]) -> None:
    """lives: seconds until the next one identifies, and that it then stays."""
    restarts, now, short = Restarts(), 0.0, list[float]()
    for pause, stays in lives:
        now += pause
        recent = sum(1 for end in short if now - end < IDENTIFY_WINDOW_S)
        allowed = restarts.allow("", 0, now)
        assert allowed is (recent < MOST_RESTARTS)
        if allowed:
            began, now = now, now + stays
            restarts.ended("", 0, began, now)
            if now - began < IDENTIFY_WINDOW_S:
                short.append(now)


def test_each_client_and_shard_counts_for_itself() -> None:
    restarts = Restarts()
    for _ in range(MOST_RESTARTS):
        restarts.ended("music", 1, 0.0, 1.0)
    assert not restarts.allow("music", 1, 2.0)
    assert restarts.allow("music", 2, 2.0)
    assert restarts.allow("", 1, 2.0)
    assert restarts.allow("music", 1, 6.0)


def test_a_window_is_of_five_seconds() -> None:
    restarts = Restarts()
    for number in range(MOST_RESTARTS):
        restarts.ended("", 0, 0.0, number / 10)
    assert not restarts.allow("", 0, 4.9)
    assert restarts.allow("", 0, 5.0)
    assert restarts.allow("", 0, 5.05)
    restarts.ended("", 0, 5.0, 5.05)
    assert not restarts.allow("", 0, 5.05)
    restarts.ended("", 1, 0.0, 5.0)
    assert restarts.allow("", 1, 5.0)
