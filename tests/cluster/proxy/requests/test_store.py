"""Store: what one process has noted, all others of the host know, and those after it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.proxy.requests import store as stores
from cluster.proxy.requests.presences import Presence
from cluster.proxy.requests.store import FILE, RequestStoreError, Store, Voice

S = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def other(store: Store, tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


def test_who_asked_for_voice(store: Store, other: Store) -> None:
    assert other.voice(1) is None
    store.set_voice(Voice((1 << 64) - 1, "a", True, 0))
    store.set_voice(Voice(1, "a", True, 0))
    store.set_voice(Voice(1, "b", False, 1))
    assert other.voice(1) == Voice(1, "b", False, 1)
    assert other.voices("a") == [Voice((1 << 64) - 1, "a", True, 0)]
    other.move_voices("a", "heir", 1)
    assert store.voices("a") == []
    assert {one.session_id for one in store.voices_of_process(1)} == {"heir", "b"}
    store.drop_voice(1)
    assert other.voice(1) is None


def test_nonces_are_kept_for_a_while(store: Store, other: Store) -> None:
    old, new = store.keep_nonce("x" * 32, 0), store.keep_nonce("é" * 16, 1300 * S)
    assert (other.nonce(old), other.nonce(new)) == ("x" * 32, "é" * 16)
    store.forget_nonces(1300 * S)
    assert (other.nonce(old), other.nonce(new)) == (None, "é" * 16)
    assert other.nonce((1 << 64) - 1) is None


def test_presences_are_bounded(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_PRESENCES", 3)
    for n in range(1, 6):
        store.set_presence(Presence(0, n, n, b"{}"))
    store.set_presence(Presence(0, 5, 9, b'{"afk":true}'))
    found = sorted(other.presences(), key=lambda one: one.asked_ns)
    assert [(one.shard_count, one.asked_ns) for one in found] == [(3, 3), (4, 4), (5, 9)]
    assert found[-1].d == b'{"afk":true}'


def test_what_was_noted_outlives_the_process(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.set_voice(Voice(1, "a", True, 0))
    first.close()
    second = Store(tmp_path)
    assert second.voice(1) == Voice(1, "a", True, 0)
    second.close()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_another_version_begins_anew(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / FILE)
    db.executescript("CREATE TABLE voice (other TEXT); PRAGMA user_version = 99")
    db.close()
    made = Store(tmp_path)
    assert made.voice(1) is None
    made.close()


def test_a_broken_file_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(RequestStoreError, match=r"requests\.db"):
        Store(tmp_path)
