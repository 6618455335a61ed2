"""Which host runs the worker of which slot, for any hosts and shares."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cluster.config.shards import ShardRange
from cluster.errors import ClusterError
from coordinator.sharding.placement import HostRoom, Spread, capacity, room_for, shares, spread
from coordinator.sharding.plan import Plan, make_plan

NAMES = [f"host-{n}" for n in range(6)]
ROOMS = st.dictionaries(
    st.sampled_from(NAMES), st.builds(HostRoom, share=st.integers(1, 8)), min_size=1
)


def placed(shards: int, workers: int, hosts: dict[str, HostRoom]) -> Spread:
    """Return a new cluster's plan on these hosts."""
    plan = make_plan(ShardRange(0, shards - 1, shards), workers)
    wanted = shares(workers, 1, hosts)
    homes = (name for name in hosts for _ in range(wanted[name]))
    return Spread(plan, dict(zip(plan.slots, homes, strict=True)))


def moves(before: Plan, after: Plan) -> int:
    return sum(before.slot_of[shard] != after.slot_of[shard] for shard in before.shards)


class TestRoom:
    def test_slots_are_shared_out_by_what_hosts_would_run(self) -> None:
        hosts = {"a": HostRoom(share=4), "b": HostRoom(share=2), "c": HostRoom(share=2)}
        assert shares(8, 1, hosts) == {"a": 4, "b": 2, "c": 2}
        assert shares(4, 1, hosts) == {"a": 2, "b": 1, "c": 1}

    def test_a_host_takes_no_more_shards_than_it_says(self) -> None:
        hosts = {"a": HostRoom(share=8, max_shards=20), "b": HostRoom(share=1)}
        assert shares(6, 10, hosts) == {"a": 2, "b": 4}
        assert room_for(hosts, Counter(), Counter({"a": 11}), 10) == "b"

    def test_where_none_has_room_it_says_so(self) -> None:
        with pytest.raises(ClusterError, match="no host takes another 10 shards"):
            shares(3, 10, {"a": HostRoom(max_shards=20)})
        with pytest.raises(ClusterError, match="there is no host that takes workers"):
            shares(1, 10, {})

    def test_capacity_is_what_all_would_run(self) -> None:
        assert capacity([HostRoom(share=3), HostRoom(share=1)]) == 4


class TestSpread:
    @given(hosts=ROOMS, workers=st.integers(1, 24), data=st.data())
    def test_all_shards_are_there_once_and_hosts_have_their_shares(
        self, hosts: dict[str, HostRoom], workers: int, data: st.DataObject
    ) -> None:
        shards = data.draw(st.integers(workers, 200))
        before = placed(shards, data.draw(st.integers(1, min(24, shards))), data.draw(ROOMS))
        after = spread(before, workers, hosts)
        assert list(after.plan.shards) == list(range(shards))
        assert len(after.plan.slots) == workers
        assert set(after.where) == set(after.plan.slots)
        wanted = shares(workers, 1, hosts)
        assert Counter(after.where.values()) == Counter({n: k for n, k in wanted.items() if k})

    @given(hosts=ROOMS, workers=st.integers(1, 24), data=st.data())
    def test_what_is_spread_stays(
        self, hosts: dict[str, HostRoom], workers: int, data: st.DataObject
    ) -> None:
        shards = data.draw(st.integers(workers, 200))
        before = placed(shards, data.draw(st.integers(1, min(24, shards))), data.draw(ROOMS))
        after = spread(before, workers, hosts)
        assert spread(after, workers, hosts) == after

    def test_a_host_that_joins_gets_its_share_and_no_more_moves(self) -> None:
        two = {"a": HostRoom(share=2), "b": HostRoom(share=2)}
        before = placed(32, 4, two)
        after = spread(before, 6, {**two, "c": HostRoom(share=2)})
        assert Counter(after.where.values()) == {"a": 2, "b": 2, "c": 2}
        assert all(after.where[slot] == before.where[slot] for slot in before.where)
        assert moves(before.plan, after.plan) <= 16

    def test_a_drained_host_has_nothing_and_its_slots_are_left(self) -> None:
        two = {"a": HostRoom(share=2), "b": HostRoom(share=2)}
        before = placed(16, 4, two)
        after = spread(before, 4, {"a": two["a"]})
        assert set(after.where.values()) == {"a"}
        gone = [slot for slot, host in before.where.items() if host == "b"]
        assert not set(gone) & set(after.plan.slots)
        assert moves(before.plan, after.plan) == 8, "those of the drained host only"

    def test_numbers_of_journals_that_do_not_fit_are_not_used(self) -> None:
        before = placed(8, 1, {"a": HostRoom()})
        after = spread(before, 3, {"a": HostRoom()}, unfit=[1, 2])
        assert sorted(after.plan.slots) == [0, 3, 4]
