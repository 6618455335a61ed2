"""What a key may ask for over TCP."""

from __future__ import annotations

import msgspec
import pytest

from cluster.endpoints.curve_keys import Client, Right, pair
from cluster.errors import ClusterError, KeyRefusedError
from cluster.wire import control
from cluster.wire.identifies import IdentifyNotice
from cluster.wire.proxies import ProxyReport
from cluster.wire.status import SubscriberReport
from coordinator.tcp_gate.control_relay import Reporters, keyed, named, refusal, unsealed


def client(*may: Right) -> Client:
    return Client(name="bot", public=pair()[0], may=may)


ALLOWED = [
    ((), {"ping", "proxy", "subscriber"}),
    (("status",), {"ping", "proxy", "subscriber", "status"}),
    (
        ("identify",),
        {"ping", "proxy", "subscriber", "identify", "identify_sent", "identify_budget"},
    ),
    (("send",), {"ping", "proxy", "subscriber", "send", "shards"}),
    (("cache",), {"ping", "proxy", "subscriber", "cache"}),
    (
        ("control",),
        {"ping", "proxy", "subscriber", "status", "send", "shards", "identify", "identify_sent",
         "identify_budget", "cache", "stop", "restart", "a verb that does not exist yet"},
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


def request(verb: str, args: object) -> control.SealedRequest:
    return control.SealedRequest(id=1, verb=verb, args=msgspec.Raw(control.encode(args)))


def test_a_report_says_whose_key_it_came_with() -> None:
    report = SubscriberReport(
        id="i", name="x" * 64, pid=5, lag=1, events=0, gaps=0, replays=0, leaving=True
    )
    passed_on = named(request("subscriber", report), report, client())
    args = msgspec.msgpack.decode(passed_on.args)
    assert args == control.as_args(report) | {"name": "bot: " + "x" * 59}


def test_a_proxy_says_whose_key_it_came_with() -> None:
    report = ProxyReport(id="i", pid=5, key="somebody else's", events=9)
    passed_on = keyed(request("proxy", report), report, client())
    assert msgspec.msgpack.decode(passed_on.args) == control.as_args(report) | {"key": "bot"}


@pytest.mark.parametrize("args", [
    None, {}, [], {"ticket": 5, "shard_id": 1}, {"ticket": "t", "shard_id": "1"},
    msgspec.Raw(b"\x91" * 985 + b"\xc0"), msgspec.Raw(b"\x81\xa1a" + b"\x91" * 60_000),
    msgspec.Raw(b"\x81\xa6ticket\xa2\xc3\x28"), msgspec.Raw(b"\xc1"), msgspec.Raw(b""),
])  # fmt: skip
def test_args_are_what_the_verb_takes_or_refused(args: object) -> None:
    asked = request("identify", args)
    with pytest.raises(ClusterError, match="not the arguments"):
        unsealed(asked, "identify", IdentifyNotice)
    assert unsealed(asked, "subscriber", SubscriberReport) is None, "they are not looked into"


def test_args_that_are_passed_on_stay_as_they_were() -> None:
    """Whatever is in them: the gate does not look."""
    asked = control.encode({"v": 1, "id": 7, "verb": "stop", "args": {"a": [1.5, b"x", None]}})
    assert control.encode(control.decode_sealed(asked)) == asked


def test_a_key_reports_so_many_subscribers_and_no_more() -> None:
    reporters = Reporters()
    for number in range(Reporters.MOST):
        assert reporters.takes("a", str(number), 0.0)
    assert not reporters.takes("a", "one more", 5.0)
    assert reporters.takes("a", "3", 5.0), "who is known goes on"
    assert reporters.takes("b", "another's", 5.0)
    assert reporters.takes("a", "one more", 10.5), "those that fell silent make room"
    assert sum(map(len, reporters._seen.values())) == 3
