"""What a key may ask for over TCP."""

from __future__ import annotations

import pytest

from cluster.errors import KeyRefusedError
from cluster.wire.keys import Client, Right, pair
from coordinator.gate_control import refusal


def client(*may: Right) -> Client:
    return Client(name="bot", public=pair()[0], may=may)


ALLOWED = [
    ((), {"ping", "subscriber"}),
    (("status",), {"ping", "subscriber", "status"}),
    (("identify",), {"ping", "subscriber", "identify", "identify_sent", "identify_budget"}),
    (
        ("control",),
        {"ping", "subscriber", "status", "identify", "identify_sent", "identify_budget", "stop",
         "restart", "a verb that does not exist yet"},
    ),
]  # fmt: skip
VERBS = {verb for _, allowed in ALLOWED for verb in allowed} | {"_gate", "", "_", "Stop", "STATUS"}


@pytest.mark.parametrize(("may", "allowed"), ALLOWED)
def test_a_key_may_what_it_was_given(may: tuple[Right, ...], allowed: set[str]) -> None:
    for verb in VERBS - {"", "Stop", "STATUS"}:
        why = refusal(client(*may), verb)
        assert (why is None) == (verb in allowed), verb
        if why is not None:
            assert isinstance(why, KeyRefusedError)
            assert repr(verb) in why.cause


def test_verbs_are_taken_to_the_letter() -> None:
    for verb in ("", "Stop", "STATUS", "ping ", "subscriber\0"):
        assert refusal(client("status", "identify"), verb) is not None


def test_the_gates_own_verbs_and_unknown_keys_are_for_nobody() -> None:
    assert refusal(client("control"), "_gate") is not None
    assert refusal(None, "ping") is not None
