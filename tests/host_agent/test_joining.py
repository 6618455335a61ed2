"""How an agent stands with coordinators, without sockets, by a clock that is passed in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import AlreadyRunningError, ClusterError
from cluster.wire.hosts import ASK_AFTER_S, HostRefusal
from host_agent.joining import HELLO_S, PUT_OFF_S, TABLE, Event, Joining, Phase

LATER = HostRefusal(cause="another was here a moment ago", action="wait", final=False)
NEVER = HostRefusal(cause="the name is taken", action="take another")


def phase(joining: Joining) -> Phase:
    """Return how it stands now; a type checker takes an attribute to stay as it was."""
    return joining.phase


def test_it_greets_until_it_is_welcome_and_again_after_a_silence() -> None:
    joining = Joining(0.0)
    assert joining.is_hello_due(0.0)
    assert not joining.is_hello_due(HELLO_S - 0.1)
    assert joining.is_hello_due(HELLO_S)
    assert joining.welcome(0, 1.5)
    assert phase(joining) is Phase.JOINED
    assert not joining.is_hello_due(1.5 + ASK_AFTER_S - 0.1)
    assert joining.heard(0, 2.0)
    assert not joining.is_hello_due(2.0 + ASK_AFTER_S - 0.1)
    assert joining.is_hello_due(2.0 + ASK_AFTER_S)
    assert phase(joining) is Phase.AWAY
    assert joining.coordinator == 0, "what it says still counts"
    assert joining.welcome(0, 9.0)
    assert phase(joining) is Phase.JOINED


def test_another_coordinator_counts_once_the_first_is_silent() -> None:
    joining = Joining(0.0)
    assert joining.welcome(0, 0.0)
    assert not joining.welcome(1, 1.0)
    joining.refused(1, NEVER, 1.0)
    assert phase(joining) is Phase.JOINED
    assert not joining.heard(1, 1.0)
    assert joining.welcome(1, ASK_AFTER_S)
    assert joining.coordinator == 1
    assert not joining.heard(0, ASK_AFTER_S)


def test_a_refusal_for_now_is_final_after_a_while() -> None:
    joining = Joining(0.0)
    joining.refused(0, LATER, 1.0)
    joining.refused(0, LATER, 5.0)
    assert phase(joining) is Phase.PUT_OFF
    assert joining.is_hello_due(1.0 + PUT_OFF_S - 0.1)
    assert joining.error() is None
    assert not joining.is_hello_due(1.0 + PUT_OFF_S)
    error = joining.error()
    assert isinstance(error, AlreadyRunningError)
    assert str(error) == "another was here a moment ago: wait"


def test_who_was_put_off_may_be_welcome_after_all() -> None:
    joining = Joining(0.0)
    joining.refused(0, LATER, 1.0)
    assert joining.welcome(0, 4.0)
    joining.refused(0, LATER, 5.0)
    joining.is_hello_due(1.0 + PUT_OFF_S)
    assert phase(joining) is Phase.PUT_OFF, "counted from the second time"


def test_a_refusal_is_the_end() -> None:
    joining = Joining(0.0)
    joining.refused(0, NEVER, 1.0)
    error = joining.error()
    assert type(error) is ClusterError
    assert str(error) == "the name is taken: take another"
    assert not joining.is_hello_due(100.0)
    joining.welcome(0, 100.0)
    assert phase(joining) is Phase.OVER


@pytest.mark.parametrize("joined", [False, True])
def test_it_gives_up_in_time_only_if_it_never_joined(joined: bool) -> None:
    joining = Joining(0.0, wait_s=20.0)
    if joined:
        joining.welcome(0, 19.0)
    joining.is_hello_due(19.9)
    assert phase(joining) is not Phase.OVER
    joining.is_hello_due(40.0)
    assert phase(joining) is (Phase.AWAY if joined else Phase.OVER)
    assert joining.error() is None


def test_nothing_leads_out_of_the_end_and_a_welcome_always_in() -> None:
    assert not [phase for phase, _ in TABLE if phase is Phase.OVER]
    alive = set(Phase) - {Phase.OVER}
    for event, follows in ((Event.WELCOME, Phase.JOINED), (Event.REFUSED, Phase.OVER)):
        assert all(TABLE[phase, event] is follows for phase in alive)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["welcome", "refused", "put off", "heard", "hello"]),
            st.integers(0, 1),
            st.floats(0, 6),
        )
    )
)
def test_whatever_is_said_it_is_joined_only_by_who_was_heard_lately(
    said: list[tuple[str, int, float]],
) -> None:
    joining, now, heard = Joining(0.0), 0.0, dict[int, float]()
    for what, coordinator, seconds in said:
        now += seconds
        match what:
            case "welcome" if joining.welcome(coordinator, now):
                heard[coordinator] = now
            case "refused":
                joining.refused(coordinator, NEVER, now)
            case "put off":
                joining.refused(coordinator, LATER, now)
            case "heard" if joining.heard(coordinator, now):
                heard[coordinator] = now
            case _:
                joining.is_hello_due(now)
        joining.is_hello_due(now)
        if joining.phase is Phase.JOINED:
            assert joining.coordinator is not None
            assert now - heard[joining.coordinator] < ASK_AFTER_S
