"""What is said of the intents and capabilities that an account asks for."""

from __future__ import annotations

import pytest

from cluster.config.checks import capabilities_of
from cluster.discord.intents import (
    ALL_CAPABILITIES,
    ALL_INTENTS,
    intents_advice,
    set_bits,
    web_client_capabilities,
)

NOBODYS = "no intent has bit"
NOT_FOR_BOTS = "not for bots"
OAUTH2 = "OAuth2"
UNOFFICIAL = "unofficial documentation only"
PHRASES = (NOBODYS, NOT_FOR_BOTS, OAUTH2, UNOFFICIAL)


@pytest.mark.parametrize(
    ("bit", "name", "said"),
    [
        (17, "GUILD_EMBEDDED_ACTIVITIES", UNOFFICIAL),
        (18, "PRIVATE_CHANNELS", NOT_FOR_BOTS),
        (19, "CALLS", NOT_FOR_BOTS),
        (22, "USER_RELATIONSHIPS", NOT_FOR_BOTS),
        (23, "USER_PRESENCE", NOT_FOR_BOTS),
        (26, "DIRECT_EMBEDDED_ACTIVITIES", UNOFFICIAL),
        (27, "LOBBIES", OAUTH2),
        (28, "LOBBY_DELETE", OAUTH2),
        (29, "", NOBODYS),
        (52, "", NOBODYS),
    ],
)
def test_a_bit_that_is_no_documented_intent(bit: int, name: str, said: str) -> None:
    advice = intents_advice(int(ALL_INTENTS) | 1 << bit)[4013]
    assert [phrase for phrase in PHRASES if phrase in advice] == [said]
    assert (f"{name} (bit {bit}) is" if name else f"{NOBODYS} {bit}:") in advice
    assert "leave them out" in advice


def test_bits_of_several_kinds_are_told_apart() -> None:
    asked = sum(1 << bit for bit in (0, 17, 18, 23, 27, 30, 31))
    assert intents_advice(asked)[4013] == (
        f"`intents` is {asked}, and no intent has bit 30, 31; PRIVATE_CHANNELS (bit 18), "
        "USER_PRESENCE (bit 23) are not for bots; LOBBIES (bit 27) is for sessions with an OAuth2 "
        "token; GUILD_EMBEDDED_ACTIVITIES (bit 17) is in the unofficial documentation only: "
        "leave them out, and give the names of those that you need"
    )


def test_all_documented_intents_need_no_advice_on_4013() -> None:
    assert 4013 not in intents_advice(int(ALL_INTENTS))


@pytest.mark.parametrize(
    ("build", "sent"),
    [
        (260292, 16381),
        (330271, 30717),
        (391927, 161789),
        (440372, 161789),
        (440373, 1734653),
        (500334, 1734653),
        (999_999, 1734653),
    ],
)
def test_default_capabilities_are_those_of_the_web_client_of_that_build(
    build: int, sent: int
) -> None:
    assert capabilities_of("default", "user", build) == sent
    assert capabilities_of(["default", "auto_lobby_connect"], "user", build) == sent | 1 << 16


def test_the_web_client_of_today_has_bits_without_a_name() -> None:
    """It does without bits 1, 11, 15 and 16, which have one."""
    today = web_client_capabilities(500334)
    assert set_bits(today & ~int(ALL_CAPABILITIES)) == [17, 19, 20]
    assert set_bits(int(ALL_CAPABILITIES) & ~today) == [1, 11, 15, 16]
