"""Both ledgers: rows, pages, bounds."""

from __future__ import annotations

from hashlib import blake2b

from cluster.sandbox.ledger import Ledger, digest_of


def test_rows_are_what_was_written() -> None:
    ledger = Ledger()
    session = ledger.add_session("abc", 2, 4)
    digest = digest_of(b'{"id":"1"}')
    ledger.happened("MESSAGE_CREATE", 1 << 60, digest, 10.5)
    ledger.happened("USER_UPDATE", None, digest, 11.0)
    ledger.dispatched(session, 7, "MESSAGE_CREATE", digest, 12.0)
    ledger.dispatched(session, 7, "MESSAGE_CREATE", digest, 13.0, replayed=True)
    text = blake2b(b'{"id":"1"}', digest_size=8).hexdigest()
    assert ledger.world() == [
        {"n": 1, "name": "MESSAGE_CREATE", "guild_id": str(1 << 60), "hash": text, "at": 10.5},
        {"n": 2, "name": "USER_UPDATE", "guild_id": None, "hash": text, "at": 11.0},
    ]
    row = {
        "n": 1,
        "shard": 2,
        "shard_count": 4,
        "session": "abc",
        "s": 7,
        "name": "MESSAGE_CREATE",
        "hash": text,
        "at": 12.0,
    }
    again = row | {"n": 2, "at": 13.0, "replayed": True}
    assert ledger.dispatches() == [row, again]


def test_pages_and_filters() -> None:
    ledger = Ledger()
    sessions = [ledger.add_session(f"s{shard}", shard, 3) for shard in range(3)]
    for number in range(30):
        ledger.dispatched(sessions[number % 3], number, "A", bytes(8), 0.0)
    assert [row["n"] for row in ledger.dispatches(after=4, limit=3)] == [5, 6, 7]
    assert [row["n"] for row in ledger.dispatches(after=4, limit=3, shard=2)] == [6, 9, 12]
    assert {row["session"] for row in ledger.dispatches(session="s1")} == {"s1"}
    assert ledger.dispatches(after=30) == []


def test_the_oldest_rows_go_and_are_counted() -> None:
    ledger = Ledger(max_rows=65_536)
    for number in range(65_536 * 2 + 10):
        ledger.happened("A", number, bytes(8), 0.0)
    summary = ledger.summary()
    assert summary["world"] == 131_082
    assert summary["world_dropped"] == 131_072
    rows = ledger.world(limit=100)
    assert [row["n"] for row in rows] == list(range(131_073, 131_083))
    assert rows[0]["guild_id"] == str(131_072)
