"""Open requests: bounded, and known until the whole answer is here."""

from __future__ import annotations

import pytest

from cluster.commands import raw
from cluster.proxy.requests import open_requests
from cluster.proxy.requests.lanes import Request
from cluster.proxy.requests.open_requests import ANSWER_S, OpenRequests


def request(session: str = "a") -> Request:
    return Request(raw(8, {}), session_id=session, guild_id=1, lane=0, expires=9.0)


def test_they_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_requests, "MOST_OPEN", 3)
    opened = OpenRequests()
    made = [request() for _ in range(5)]
    for number, one in enumerate(made):
        opened.sent(number, one, 0.0)
    assert len(opened) == 3
    assert opened.lost(0, 1, 1.0) == made[2:]
    assert len(opened) == 0


def test_what_is_never_answered_is_forgotten() -> None:
    opened = OpenRequests()
    opened.sent("old", request(), 0.0)
    opened.sent("new", request(), ANSWER_S)
    assert len(opened) == 1


def test_whose_session_is_gone_is_forgotten() -> None:
    opened = OpenRequests()
    stays = request("stays")
    opened.sent(1, request("gone"), 0.0)
    opened.sent(2, stays, 0.0)
    opened.forget("gone")
    assert opened.lost(0, 1, 0.0) == [stays]
