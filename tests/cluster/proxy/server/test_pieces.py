"""What comes piece by piece: where a request ends, and what is looked at after the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.proxy.server.aftermath import MOST_FRAMES, MOST_IGNORED, MOST_SEARCHED, Aftermath
from cluster.proxy.server.websocket import RequestEnd

HEAD = b"GET / HTTP/1.1\r\nA: b\r\n\n\r\r\nC: d\r\n\r\n"


@given(st.binary(max_size=20), st.lists(st.integers(1, 60), max_size=40))
def test_a_request_ends_where_its_head_does(behind: bytes, sizes: list[int]) -> None:
    data, request_end, read = HEAD + behind, RequestEnd(), 0
    pieces = [*sizes, len(data)]
    ends: list[int] = []
    for size in pieces:
        piece = data[read : read + size]
        if not piece:
            break
        taken = request_end.within(piece)
        assert 0 < taken <= len(piece)
        read += taken
        ends.append(read)
    assert read <= len(HEAD) or len(HEAD) in ends


@given(st.lists(st.binary(max_size=50)))
def test_what_has_no_end_is_read_whole(pieces: list[bytes]) -> None:
    request_end = RequestEnd()
    for piece in pieces:
        if b"\n" in piece:
            return
        assert request_end.within(piece) == len(piece)


def after(size: int, frames: int = 0) -> tuple[bool, bool]:
    """Return whether what comes next is looked at, and whether it is too much, after so much."""
    late = Aftermath()
    late.take(size)
    late.frames = frames
    return late.is_searched, late.is_too_much


def test_little_is_looked_at_after_the_end() -> None:
    assert after(0) == after(MOST_SEARCHED - 1) == after(0, MOST_FRAMES) == (True, False)
    assert after(MOST_SEARCHED) == after(0, MOST_FRAMES + 1) == (False, False)
    assert after(MOST_IGNORED) == (False, False)
    assert after(MOST_IGNORED + 1) == (False, True)
