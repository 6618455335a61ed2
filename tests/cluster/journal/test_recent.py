"""What is kept in memory of the last appends: as much as the bound lets be, and always the last."""

from __future__ import annotations

from cluster.journal.recent import RECENT_BYTES, RecentAppends


def kept(recent: RecentAppends) -> list[int]:
    return [one.first_record for one in recent]


def test_the_oldest_go_past_the_bound_and_the_last_stays() -> None:
    recent, half = RecentAppends(), bytes(RECENT_BYTES // 2)
    recent.add(1, [half])
    recent.add(2, [half])
    assert kept(recent) == [1, 2], "as much as the bound"
    recent.add(3, [b"x"])
    assert kept(recent) == [2, 3]
    recent.add(4, [half, half, half])
    assert kept(recent) == [4], "larger than the bound, and the publisher needs it"
    recent.add(7, [b"x"])
    assert kept(recent) == [7]
