"""What is kept in memory of the last appends: as much as the bound lets be, and always the last."""

from __future__ import annotations

from cluster.journal.recent import RECENT_BYTES, RecentTurns


def kept(recent: RecentTurns) -> list[int]:
    return [one.first_record for one in recent]


def add(recent: RecentTurns, first: int, messages: list[bytes]) -> None:
    recent.add(first, messages, sum(map(len, messages)))


def test_the_oldest_go_past_the_bound_and_the_last_stays() -> None:
    recent, half = RecentTurns(), bytes(RECENT_BYTES // 2)
    add(recent, 1, [half])
    add(recent, 2, [half])
    assert kept(recent) == [1, 2], "as much as the bound"
    add(recent, 3, [b"x"])
    assert kept(recent) == [2, 3]
    add(recent, 4, [half, half, half])
    assert kept(recent) == [4], "larger than the bound, and the publisher needs it"
    add(recent, 7, [b"x"])
    assert kept(recent) == [7]
