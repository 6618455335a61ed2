"""What a key may ask for over TCP."""

from __future__ import annotations

import pytest

from cluster.endpoints.curve_keys import Client, Right, pair
from cluster.errors import KeyRefusedError
from cluster.wire import control
from coordinator.tcp_gate.control_relay import Reporters, named, refusal


def client(*may: Right) -> Client:
    return Client(name="bot", public=pair()[0], may=may)


ALLOWED = [
    ((), {"ping", "subscriber"}),
    (("status",), {"ping", "subscriber", "status"}),
    (("identify",), {"ping", "subscriber", "identify", "identify_sent", "identify_budget"}),
    (("send",), {"ping", "subscriber", "send", "shards"}),
    (
        ("control",),
        {"ping", "subscriber", "status", "send", "shards", "identify", "identify_sent",
         "identify_budget", "stop", "restart", "a verb that does not exist yet"},
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


def test_a_report_says_whose_key_it_came_with() -> None:
    report = control.Request(id=1, verb="subscriber", args={"name": "x" * 64, "lag": 1})
    args = named(report, client()).args
    assert args == {"name": "bot: " + "x" * 59, "lag": 1}
    for other in (
        control.Request(id=1, verb="subscriber", args={"name": 5}),
        control.Request(id=1, verb="subscriber"),
        control.Request(id=1, verb="stop", args={"name": "x"}),
    ):
        assert named(other, client()) == other


def test_a_key_reports_so_many_subscribers_and_no_more() -> None:
    reporters = Reporters()
    for number in range(Reporters.MOST):
        assert reporters.takes("a", number, 0.0)
    assert not reporters.takes("a", "one more", 5.0)
    assert reporters.takes("a", 3, 5.0), "who is known goes on"
    assert reporters.takes("b", "another's", 5.0)
    assert reporters.takes("a", "one more", 10.5), "those that fell silent make room"
    assert sum(map(len, reporters._seen.values())) == 3
