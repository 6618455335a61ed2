"""Nonces: who asked is known by the nonce alone."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cluster.proxy.requests import nonces

SESSIONS = st.text(min_size=1, max_size=64)
OWN = st.none() | st.text(max_size=32).filter(lambda text: len(text.encode()) <= 32)
KEPT = st.integers(0, (1 << 64) - 1)


@given(SESSIONS, OWN | st.from_regex("[0-9a-f]{32}|[0-9]{1,32}", fullmatch=True), KEPT)
@example("s", "0" * 32, 0)
@example("s", "00000000000000000000", 0)
@example("s", "9" * 32, 0)
@example("s", "", 0)
@example("s", "é" * 8, 0)
@example("s", "F" * 32, 0)
@example("s", "x" * 16, 0)
@example("s", "x" * 17, 0)
def test_what_is_written_is_read(session: str, own: str | None, number: int) -> None:
    nonce = nonces.write(session, own)
    expected = nonces.Nonce(nonces.tag_of(session), own, None)
    if nonce is None:
        assert own is not None
        assert len(own.encode()) > 16
        nonce = nonces.write_kept(session, number)
        expected = nonces.Nonce(nonces.tag_of(session), None, number)
    assert len(nonce.encode()) <= 32
    assert '"' not in nonce
    assert "\\" not in nonce
    assert nonces.read(nonce) == expected


@pytest.mark.parametrize("own", [None, "0f" * 16, "1345678901234567890", "0", "a nonce of mine"])
def test_nonces_of_libraries_need_no_memory(own: str | None) -> None:
    assert nonces.write("session", own) is not None


@given(st.text(max_size=40) | st.none() | st.integers())
@example("")
@example("0")
def test_nonces_of_others_are_nobodys(found: object) -> None:
    read = nonces.read(found)
    assert read is None or read.tag != nonces.tag_of("session")


@pytest.mark.parametrize("body", [b"", b"abc", b"abcde"])
def test_a_nonce_of_another_length_is_none(body: bytes) -> None:
    head = bytes((1 << 5 | 4,))  # a text of four bytes
    made = base64.b85encode(head + nonces.tag_of("session") + body).decode()
    assert nonces.read(made) is None


@given(SESSIONS, SESSIONS)
def test_sessions_are_told_apart(one: str, other: str) -> None:
    assert (nonces.tag_of(one) == nonces.tag_of(other)) == (one == other)
