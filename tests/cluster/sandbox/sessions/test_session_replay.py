"""A session's sequence, replay buffer and pending guilds; the send limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.sandbox.sessions.session import Session


class Sent:
    waiting = 0

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def send(self, payload: bytes) -> None:
        self.payloads.append(payload)


def session_of(replay_events: int = 100) -> Session:
    return Session(
        "s", index=0, shard=0, shard_count=1, intents=1, version=10, replay_events=replay_events
    )


def test_the_wire_form_of_a_dispatch() -> None:
    session, sink = session_of(), Sent()
    session.sink = sink
    session.dispatch("TYPING_START", b"12345678", '{"a":"ä"}'.encode())
    assert sink.payloads == ['{"t":"TYPING_START","s":1,"op":0,"d":{"a":"ä"}}'.encode()]


def test_a_session_without_a_connection_goes_on() -> None:
    session = session_of()
    assert [session.dispatch("A", b"", b"{}") for _ in range(3)] == [1, 2, 3]
    replay = session.replay(1)
    assert replay is not None
    assert [entry.seq for entry in replay] == [2, 3]


@given(
    size=st.integers(1, 20),
    steps=st.lists(st.one_of(st.none(), st.integers(0, 40)), max_size=60),
    ask=st.integers(0, 80),
)
def test_a_replay_is_whole_or_refused(size: int, steps: list[int | None], ask: int) -> None:
    """Replay after any steps: None is a dispatch, a number a heartbeat that acknowledges it."""
    session = session_of(size)
    known: list[int] = []
    for step in steps:
        if step is None:
            known.append(session.dispatch("A", b"", b"{}"))
            known = known[-size:]
        else:
            session.trim(min(step, session.seq))
            known = [seq for seq in known if seq > step]
    if not session.knows(ask):
        assert ask > session.seq
        return
    replay = session.replay(ask)
    complete = list(range(ask + 1, session.seq + 1))
    if replay is None:
        assert any(seq not in known for seq in complete)
    else:
        assert [entry.seq for entry in replay] == complete


def test_an_s_that_was_never_sent_is_not_known() -> None:
    session = session_of()
    session.dispatch("A", b"", b"{}")
    assert session.knows(0)
    assert session.knows(1)
    assert not session.knows(2)
    assert not session.knows(-1)


def test_guilds_come_in_chunks_in_order() -> None:
    session = session_of()
    session.expect_guilds([5, 4, 3])
    assert session.next_guilds(2) == [5, 4]
    assert session.next_guilds(2) == [3]
    assert session.next_guilds(2) == []
