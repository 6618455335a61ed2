"""What a client may send when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.opcodes import Op
from cluster.proxy.server.states import COMMANDS, TABLE, Action, State, action_on

FOR_BOTS = COMMANDS | {Op.HEARTBEAT, Op.IDENTIFY, Op.RESUME}
OPEN = [state for state in State if state is not State.CLOSED]


@pytest.mark.parametrize(
    ("state", "row"),
    [
        (State.GREETED, {Op.IDENTIFY: Action.IDENTIFY, Op.RESUME: Action.RESUME}),
        (State.IDENTIFYING, {Op.IDENTIFY: Action.REFUSE_AGAIN, Op.RESUME: Action.REFUSE_AGAIN}),
        (State.RESUMING, {Op.IDENTIFY: Action.REFUSE_AGAIN, Op.RESUME: Action.REFUSE_AGAIN}),
        (State.ATTACHED, {Op.IDENTIFY: Action.REFUSE_AGAIN, Op.RESUME: Action.REFUSE_AGAIN}),
    ],
)
def test_a_session_is_begun_once(state: State, row: dict[Op, Action]) -> None:
    assert {op: action_on(state, op) for op in row} == row


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (State.GREETED, Action.REFUSE_UNAUTHENTICATED),
        (State.IDENTIFYING, Action.HOLD),
        (State.RESUMING, Action.HOLD),
        (State.ATTACHED, Action.PASS_ON),
    ],
)
@pytest.mark.parametrize("op", [3, 4, 8, 31, 43])
def test_commands_need_a_session(state: State, action: Action, op: int) -> None:
    assert action_on(state, op) is action


@given(st.sampled_from(OPEN), st.integers() | st.sampled_from(list(Op)))
def test_what_is_not_for_bots_is_unknown(state: State, op: int) -> None:
    assert (action_on(state, op) is Action.REFUSE_UNKNOWN) is (op not in FOR_BOTS)


@given(st.integers())
def test_nothing_comes_of_what_comes_too_late(op: int) -> None:
    assert action_on(State.CLOSED, op) is Action.IGNORE


def test_a_client_may_beat_always() -> None:
    assert set(TABLE) == set(OPEN)
    assert all(action_on(state, Op.HEARTBEAT) is Action.BEAT for state in OPEN)
