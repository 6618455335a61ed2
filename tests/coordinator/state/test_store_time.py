"""The time of a store that coordinators on several hosts use, whose clocks are set as they like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.host import HostClocks
from coordinator.state.store_time import LONGEST_OFF_S, Anchor, StoreTime

DATABASE = 1_800_000_000.0
DAY_S = 86_400.0


class Played:
    """A host since its boot, and what the database's clock said when its coordinator started."""

    def __init__(self, boot_id: str, since_boot_s: float, database: float = DATABASE) -> None:
        self.since_boot_s = since_boot_s
        ahead = database - since_boot_s
        self.clocks = HostClocks(
            boot_id, lambda: self.since_boot_s, lambda: ahead + self.since_boot_s
        )


def test_it_begins_with_the_database_s_clock() -> None:
    host = Played("boot a", 1000.0)
    time = StoreTime.shared(None, host.clocks)
    assert time.now() == DATABASE
    host.since_boot_s += 60.0
    assert time.now() == DATABASE + 60.0
    assert time.age(DATABASE - 100.0) == 60.0, "no more is sure"


@pytest.mark.parametrize("since_boot_s", [10.0, 40 * DAY_S])
@pytest.mark.parametrize(
    ("stepped_s", "passed_s"),
    [(0.0, 8.0), (-3600.0, 0.0), (3600.0, 3608.0), (10 * 365 * DAY_S, LONGEST_OFF_S)],
)
def test_another_host_goes_on_by_the_database_s_clock(
    since_boot_s: float, stepped_s: float, passed_s: float
) -> None:
    """However long that host has been up, which says nothing of the store."""
    before = StoreTime.shared(None, Played("boot a", 1000.0).clocks)
    other = Played("boot b", since_boot_s, DATABASE + 8.0 + stepped_s)
    after = StoreTime.shared(before.anchor(), other.clocks)
    assert after.now() == pytest.approx(before.now() + passed_s)
    other.since_boot_s += 5.0
    assert after.age(before.now()) == pytest.approx(5.0), "no more is sure"
    assert after.since(60.0) == 0.0


@pytest.mark.parametrize("stepped_s", [-3600.0, 0.0, 3600.0])
def test_the_same_host_goes_on_by_its_own(stepped_s: float) -> None:
    before = StoreTime.shared(None, Played("boot a", 1000.0).clocks)
    again = Played("boot a", 1030.0, DATABASE + 30.0 + stepped_s)
    after = StoreTime.shared(before.anchor(), again.clocks)
    assert after.now() == pytest.approx(before.now() + 30.0)
    assert after.age(before.now()) == pytest.approx(30.0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.floats(0, 1e7), st.floats(-1e9, 1e9), st.floats(0, 1e5)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_it_never_goes_back(starts: list[tuple[str, float, float, float]]) -> None:
    anchor: Anchor | None = None
    for boot_id, since_boot_s, stepped_s, runs_s in starts:
        host = Played(boot_id, since_boot_s, DATABASE + stepped_s)
        time = StoreTime.shared(anchor, host.clocks)
        if anchor is not None:
            assert time.now() >= anchor.time - 1e-3
        host.since_boot_s += runs_s
        anchor = time.anchor()
