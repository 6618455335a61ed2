"""From when a disk refuses a write until it has taken all of them for a second, with room left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.journal.suspension import RETRY_NS, TRUSTED_NS, Suspension

writes = st.tuples(
    st.integers(0, 2 * TRUSTED_NS) | st.just(TRUSTED_NS), st.booleans(), st.booleans()
)
"""How long after the one before, whether it succeeds, and whether there is room for more."""


class Room:
    """Whether there is any, and how often that was asked."""

    def __init__(self) -> None:
        self.is_there, self.asked = False, 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.is_there


@given(st.lists(writes, max_size=12))
def test_it_is_over_when_all_writes_of_a_second_succeeded_and_there_is_room(
    sequence: list[tuple[int, bool, bool]],
) -> None:
    suspension, room, now_ns = Suspension(), Room(), 0
    on, since_ns, asked = False, -1, 0
    for passed_ns, succeeds, room.is_there in sequence:
        now_ns += passed_ns
        if not succeeds:
            assert suspension.refused(now_ns) is not on
            on, since_ns = True, -1
            assert not suspension.is_due(now_ns + RETRY_NS - 1)
            assert suspension.is_due(now_ns + RETRY_NS)
        elif on:
            since_ns = now_ns if since_ns < 0 else since_ns
            if now_ns - since_ns >= TRUSTED_NS:
                since_ns, asked, on = now_ns, asked + 1, not room.is_there
            assert suspension.taken(now_ns, room) is not on
        assert (suspension.on, room.asked) == (on, asked)
        assert on or not suspension.is_due(now_ns + 2 * RETRY_NS)
