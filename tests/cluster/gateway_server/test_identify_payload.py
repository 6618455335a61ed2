"""What IDENTIFY and RESUME must look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.intents import ALL_INTENTS
from cluster.gateway_server.identify_payload import (
    IdentifyPayload,
    parse_identify,
    parse_resume,
    parse_token,
)
from cluster.gateway_server.refusal import Refused

ALL = int(ALL_INTENTS)
PLAIN: dict[str, Any] = {"token": "t", "properties": {}, "intents": 1}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("token", "properties", "intents", "shard", "large_threshold", "compress", "capabilities")


def code_of(parse: Callable[[], Any]) -> int:
    """Return the code that something is refused with; 0: it is not."""
    try:
        parse()
    except Refused as refusal:
        return refusal.code
    return 0


def identify_code(d: Any, allowed: int = ALL, **others: Any) -> int:
    return code_of(lambda: parse_identify(d, allowed=allowed, **others))


def test_what_is_left_out() -> None:
    assert parse_identify(PLAIN, allowed=ALL) == IdentifyPayload(None, 1, False, 50, None)
    account = parse_identify({"properties": {}}, allowed=0, user=True)
    assert account == IdentifyPayload(None, ALL, False, 250, 0)


def test_all_that_may_be_said() -> None:
    said = PLAIN | {"shard": [3, 4], "large_threshold": 250, "compress": True}
    assert parse_identify(said, allowed=1) == IdentifyPayload((3, 4), 1, True, 250, None)
    assert parse_identify(PLAIN | {"compress": 1}, allowed=1).compress is False


def test_a_presence_may_be_one_that_can_not_be_shown() -> None:
    """discordgo's is so, which Discord takes."""
    nothing = {"since": 0, "game": {"name": "", "type": 0}, "status": "", "afk": False}
    assert identify_code(PLAIN | {"presence": nothing}) == 0
    assert identify_code(PLAIN | {"presence": None}) == 0
    assert identify_code(PLAIN | {"presence": "online"}) == 4002


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"properties": None}, 4002),
        ({"large_threshold": 49}, 4002),
        ({"large_threshold": 251}, 4002),
        ({"large_threshold": True}, 4002),
        ({"shard": [1]}, 4002),
        ({"shard": [0, True]}, 4002),
        ({"shard": [9, 4]}, 4010),
        ({"shard": [-1, 4]}, 4010),
        ({"shard": [0, 0]}, 4010),
        ({"intents": "1"}, 4002),
        ({"intents": True}, 4002),
        ({"intents": -1}, 4013),
        ({"intents": 1 << 60}, 4013),
        ({"intents": 1 << 15}, 4014),
    ],
)
def test_what_is_refused(change: dict[str, Any], code: int) -> None:
    assert identify_code(PLAIN | change, allowed=ALL & ~(1 << 15)) == code


def test_intents_must_be_given_and_known() -> None:
    assert identify_code({"properties": {}}) == 4013
    assert parse_identify(PLAIN | {"intents": 1 << 27}, allowed=1 << 27, known=1 << 27).intents


@given(ANYTHING | st.dictionaries(st.sampled_from(FIELDS), ANYTHING), st.booleans())
def test_whatever_comes_is_read_or_refused(d: Any, user: bool) -> None:
    assert identify_code(d, user=user) in (0, 4002, 4010, 4013)


@given(ANYTHING | st.dictionaries(st.sampled_from(("token", "session_id", "seq")), ANYTHING))
def test_resumes_are_read_or_refused(d: Any) -> None:
    assert code_of(lambda: parse_token(d)) in (0, 4002)
    assert code_of(lambda: parse_resume(d)) in (0, 4002)


def test_a_resume() -> None:
    said = {"token": "t", "session_id": "s", "seq": 7}
    assert parse_token(said) == "t"
    assert parse_resume(said) == ("s", 7)
    for wrong in ({"seq": True}, {"seq": "7"}, {"session_id": 7}):
        with pytest.raises(Refused, match="session_id, seq"):
            parse_resume(said | wrong)
