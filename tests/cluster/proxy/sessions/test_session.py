"""ProxySession by itself: what it takes of the window and of the journal, and goes back to."""

from __future__ import annotations

import json

import pytest

from cluster.proxy.entry import Entry
from cluster.proxy.refusal import Refused
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.sent import Sent, SentMark
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import Change, State
from cluster.proxy.sessions.window import Window
from tests.cluster.proxy.sessions.played import STORE, Asked, View, Views, event, identify


def at(first: int, second: int) -> Positions:
    """Positions of shards 0 and 1 of 2."""
    return Positions(STORE, {(2, 0): (1, first), (2, 1): (1, second)})


def session_at(mark: SentMark) -> ProxySession:
    view = View(mark.state)
    session = ProxySession("id", identify(), Views(), Asked(), view, Sent(mark))
    session.go_back(mark.seq)
    return session


def window_of(start: Positions, *places: tuple[int, int]) -> Window:
    window = Window(start)
    for shard, seq in places:
        window.add(Entry(event(shard, seq)))
    return window


def taken(session: ProxySession, window: Window, count: int) -> list[tuple[int, int, int]]:
    """(s, shard, seq) of what a session gets of so many entries that follow in the window."""
    entries = window.slice(session.cursor, count)
    payloads = [json.loads(payload) for payload in session.take(entries)]
    session.took(window, session.cursor + len(entries))
    return [(one["s"], one["d"]["shard"], one["d"]["seq"]) for one in payloads]


def live(session: ProxySession, g: int, positions: Positions) -> ProxySession:
    session.join(g, positions)
    session.change(Change.JOIN)
    return session


def test_what_it_had_is_skipped_until_all_of_that_lies_behind() -> None:
    window = window_of(at(0, 0), (0, 1), (1, 1), (0, 2))
    session = live(session_at(SentMark(0, at(0, 2), b"[]")), 1, at(0, 2))
    assert taken(session, window, 3) == [(1, 0, 1), (2, 0, 2)]
    window.add(Entry(event(1, 2)))
    window.add(Entry(event(1, 3)))
    assert taken(session, window, 2) == [(3, 1, 3)]
    assert session.take([]) == []


def test_what_was_sent_before_is_shown_again_until_all_of_that_lies_behind() -> None:
    window = window_of(at(0, 0), (0, 1), (1, 1), (0, 2))
    session = live(session_at(SentMark(7, at(0, 0), b"[]", mute=at(1, 2))), 1, at(0, 0))
    assert taken(session, window, 3) == [(8, 0, 2)]
    window.add(Entry(event(1, 2)))
    window.add(Entry(event(1, 3)))
    assert taken(session, window, 2) == [(9, 1, 3)]


def test_who_falls_behind_while_it_is_shown_something_again_is_not_sent_that() -> None:
    window = window_of(at(0, 0), *((0, seq) for seq in range(1, 21)))
    session = live(session_at(SentMark(0, at(0, 0), b"[]")), 1, at(0, 0))
    assert len(taken(session, window, 20)) == 20
    session.change(Change.DETACH)
    session.sent.marks[1:] = []  # as if what it was sent had taught its view something
    session.go_back(10)
    session.change(Change.JOIN)
    assert taken(session, window, 5) == []
    session.leave_window(window, 8)
    assert session.state is State.CATCHING_UP
    assert session.positions == at(5, 0)
    assert session.take_read(Entry(event(0, 8))) == []
    assert session.take_read(Entry(event(0, 10))) == []
    assert len(session.take_read(Entry(event(0, 11)))) == 1
    assert session.seq == 11


def test_who_keeps_up_stays_though_what_it_has_not_acknowledged_goes() -> None:
    window = window_of(at(0, 0), *((0, seq) for seq in range(1, 21)))
    session = live(session_at(SentMark(0, at(0, 0), b"[]")), 1, at(0, 0))
    taken(session, window, 12)
    session.leave_window(window, 8)
    assert session.state is State.LIVE
    assert taken(session, window, 1) == [(13, 0, 13)]
    session.change(Change.DETACH)
    session.go_back(3)
    assert session.take_read(Entry(event(0, 3))) == []
    assert len(session.take_read(Entry(event(0, 4)))) == 1


def test_a_view_learns_again_what_it_had_learnt_by_then() -> None:
    window = window_of(at(0, 0))
    names = ["GUILD_CREATE", "MESSAGE_CREATE", "GUILD_DELETE", "GUILD_CREATE", "GUILD_CREATE"]
    for seq, name in enumerate(names, 1):
        window.add(Entry(event(0, seq, name, guild=5)))
    session = live(session_at(SentMark(0, at(0, 0), b"[]")), 1, at(0, 0))
    assert [seq for _, _, seq in taken(session, window, 5)] == [1, 2, 3, 4]
    session.change(Change.DETACH)
    session.go_back(2)
    session.change(Change.JOIN)
    assert [seq for _, _, seq in taken(session, window, 5)] == [3, 4]


def test_an_acknowledgement_of_what_was_not_sent_is_refused() -> None:
    window = window_of(at(0, 0), (0, 1))
    session = live(session_at(SentMark(0, at(0, 0), b"[]")), 1, at(0, 0))
    taken(session, window, 1)
    session.acknowledge(1)
    session.acknowledge(0)  # late, and no news
    assert session.acknowledged == 1
    with pytest.raises(Refused) as refused:
        session.acknowledge(2)
    assert refused.value.code == 4007


def test_what_is_not_acknowledged_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.proxy.sessions.sent.MOST_PLACES", 100)
    window = window_of(at(0, 0), *((0, seq) for seq in range(1, 1001)))
    session = live(session_at(SentMark(0, at(0, 0), b"[]")), 1, at(0, 0))
    for _ in range(100):
        taken(session, window, 10)
        session.mark(session.cursor)
    assert len(session.sent.places) <= 100
    session.change(Change.DETACH)
    session.go_back(895)  # its place is forgotten: what came since the mark before comes again
    session.change(Change.JOIN)
    assert taken(session, window, 3) == [(896, 0, 891), (897, 0, 892), (898, 0, 893)]
