"""Both ends of a lease: whatever the way does, the worker's is over before the coordinator's."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from cluster.hosts.leases import DRIFT, HostLease, WorkerLease


class TestWorker:
    def test_it_holds_nothing_before_its_first_report_is_answered(self) -> None:
        lease = WorkerLease(30, 100)
        assert not lease.holds(100)
        number = lease.report(101)
        assert not lease.holds(102)
        assert lease.answered(number)
        assert lease.holds(102)
        assert lease.holds(130.9)
        assert not lease.holds(131)

    def test_it_runs_from_when_the_report_was_sent(self) -> None:
        lease = WorkerLease(30, 0)
        first, second = lease.report(1), lease.report(2)
        assert lease.answered(second)
        assert lease.left_s(10) == 22
        assert not lease.answered(first), "an older one says nothing new"

    def test_what_was_answered_to_the_process_before_it_is_no_answer(self) -> None:
        before, lease = WorkerLease(30, 0, first=500), WorkerLease(30, 5, first=9000)
        late = before.report(4)
        assert (late, lease.report(6)) == (500, 9000)
        assert not lease.answered(late)
        assert not lease.holds(7)

    def test_it_is_over_when_it_ran_out_or_never_began(self) -> None:
        lease = WorkerLease(30, 0)
        assert not lease.is_over(29.9)
        assert lease.is_over(30)
        lease = WorkerLease(30, 0)
        lease.answered(lease.report(29))
        assert not lease.is_over(58.9)
        assert lease.is_over(59)

    def test_without_one_it_never_runs_out(self) -> None:
        lease = WorkerLease(0, 0)
        assert lease.report(1) == 0
        assert lease.holds(1e9)
        assert not lease.is_over(1e9)
        assert lease.left_s(1e9) is None


@given(
    seconds=st.floats(5, 3600),
    steps=st.lists(
        st.tuples(
            st.floats(0, 20),  # until the report is sent
            st.floats(0, 60),  # its way to the coordinator
            st.floats(0, 60),  # the answer's way back
            st.booleans(),  # whether the report comes
            st.booleans(),  # whether the answer comes
        ),
        max_size=20,
    ),
    pace=st.floats(1 - DRIFT / 2, 1 + DRIFT / 2),
    offset=st.floats(-1e6, 1e6),
)
def test_no_worker_holds_a_session_when_the_coordinator_takes_its_lease_for_ended(
    seconds: float,
    steps: list[tuple[float, float, float, bool, bool]],
    pace: float,
    offset: float,
) -> None:
    """pace, offset: of the worker's clock against the coordinator's."""

    def own(now: float) -> float:
        return offset + now * pace

    worker, host = WorkerLease(seconds, own(0)), HostLease(seconds, 0)
    now = 0.0
    events: list[tuple[float, int, int]] = []
    """(when, which of the three, number of the step)"""
    for step, (wait, there, back, comes, answered) in enumerate(steps):
        now += wait
        events.append((now, 0, step))
        if comes:
            events.append((now + there, 1, step))
            if answered:
                events.append((now + there + back, 2, step))
    numbers: dict[int, int] = {}
    for at, what, step in sorted(events):
        if what == 0:
            numbers[step] = worker.report(own(at))
        elif what == 1:
            host.answered(at)
        else:
            worker.answered(numbers[step])
        assert not worker.holds(own(host.ends_at))
