"""What a slot's processes have counted, one after another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.close_codes import CLOSE_CODES
from cluster.wire.link import Report, ShardReport
from cluster.wire.states import SessionState
from cluster.wire.traffic import LATENCY_CLASSES, OTHER, Traffic
from coordinator.workers.traffic import MOST_CAUSES, Growing, SlotTraffic


def shard(reconnects: dict[str, int], **changed: Any) -> ShardReport:
    return ShardReport(
        shard_id=0, state=SessionState.READY, epoch=1, seq=1, events=1, reconnects=reconnects,
        **changed,
    )  # fmt: skip


def report(*shards: ShardReport, cpu_s: float = 0.0, traffic: Traffic | None = None) -> Report:
    return Report(
        slot=1, has=[0], shards=list(shards), cpu_seconds=cpu_s, rss_bytes=0, events=0,
        journal_bytes=0, journal_seconds=None, journalling=True, unpublished=0, traffic=traffic,
    )  # fmt: skip


def told(traffic: SlotTraffic, *states: ShardReport) -> None:
    """Let a shard be told of, time and again by the same process."""
    before = None
    for state in states:
        traffic.report(report(state), {} if before is None else {0: before})
        before = state


def test_counters_go_on_over_a_restart() -> None:
    traffic = SlotTraffic()
    heartbeats = [0, 2, *[0] * (LATENCY_CLASSES - 2)]
    first = Traffic(
        events={"READY": 1, "TYPING_START": 4}, holes=1, received_bytes=100, batch_bytes=300,
        heartbeats=heartbeats, heartbeat_s=0.03, unjournalled=2,
    )  # fmt: skip
    traffic.report(report(cpu_s=2.0, traffic=first), {})
    traffic.report(report(cpu_s=3.0, traffic=Traffic(events={"TYPING_START": 9})), {})
    seen = traffic.status(1)
    assert (seen.events, seen.cpu_s) == ({"READY": 1, "TYPING_START": 9}, 3.0)
    traffic.report(report(cpu_s=3.0, traffic=first), {})
    traffic.ended()
    traffic.report(report(cpu_s=0.5, traffic=first), {})
    seen = traffic.status(1)
    assert seen.slot == 1
    assert seen.events == {"READY": 2, "TYPING_START": 8}
    assert (seen.holes, seen.received_bytes, seen.batch_bytes) == (2, 200, 600)
    assert seen.heartbeats == [2 * count for count in heartbeats]
    assert (seen.heartbeat_s, seen.unjournalled, seen.cpu_s) == (0.06, 4, 3.5)


def test_a_worker_that_does_not_count_is_not_wrong() -> None:
    traffic = SlotTraffic()
    traffic.report(report(cpu_s=1.0), {})
    seen = traffic.status(0)
    assert (seen.events, seen.heartbeats, seen.cpu_s) == ({}, [0] * LATENCY_CLASSES, 1.0)


def test_lost_connections_are_counted_once() -> None:
    traffic = SlotTraffic()
    lost = shard({"op 7": 1, "connection lost": 2})
    told(traffic, lost, lost, shard({"op 7": 2, "connection lost": 2, "closed 4000": 1}))
    seen = traffic.status(1)
    assert seen.reconnects == {"op 7": 2, "connection lost": 2, "closed": 1}
    assert seen.closes == {"none": 2, "4000": 1}
    # Another process, or the shard was elsewhere: it counts from zero.
    told(traffic, shard({"op 7": 1}))
    assert traffic.status(1).reconnects["op 7"] == 3
    told(traffic, shard({"op 7": 5}), shard({"op 7": 1}), shard({"op 7": 2}))
    assert traffic.status(1).reconnects["op 7"] == 3 + 5 + 1 + 1


def test_a_fatal_close_is_one_of_its_code() -> None:
    traffic = SlotTraffic()
    refused = shard({}, refused=4014)
    told(traffic, shard({}), refused, refused, shard({}), refused)
    seen = traffic.status(1)
    assert (seen.reconnects, seen.closes) == ({}, {"4014": 2})


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        *((f"closed {code}", str(code)) for code in CLOSE_CODES),
        ("closed 1006", "1006"),
        ("closed 4242", OTHER),
        ("closed for good", OTHER),
        ("closed ²", OTHER),
    ],
)
def test_codes_are_those_that_are_known(cause: str, code: str) -> None:
    traffic = SlotTraffic()
    told(traffic, shard({cause: 1}))
    assert traffic.status(1).closes == {code: 1}


def test_a_cause_that_is_counted_goes_on_when_there_is_no_room_for_more() -> None:
    traffic = SlotTraffic()
    many = {f"cause {number}": 1 for number in range(MOST_CAUSES)}
    told(traffic, shard(many), shard(many | {"one more": 2}), shard(many | {"cause 0": 5}))
    seen = traffic.status(1).reconnects
    assert (seen["cause 0"], seen[OTHER], len(seen)) == (5, 2, MOST_CAUSES + 1)


@given(st.dictionaries(st.text(max_size=30), st.integers(1, 9), max_size=80))
def test_whatever_is_said_there_are_few_counters(reconnects: dict[str, int]) -> None:
    traffic = SlotTraffic()
    told(traffic, shard(reconnects), shard(reconnects))
    seen = traffic.status(1)
    assert sum(seen.reconnects.values()) == sum(reconnects.values())
    assert len(seen.reconnects) <= MOST_CAUSES + 1


said = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), max_size=3)


@given(st.lists(st.lists(said, max_size=4), max_size=4))
def test_what_grows_is_the_sum_of_what_each_process_said_last(
    processes: list[list[dict[str, int]]],
) -> None:
    growing = Growing[str]()
    sums: dict[str, float] = {}
    for said in processes:
        last: dict[str, int] = {}
        for counts in said:
            growing.tell(counts)
            last |= counts
        growing.ended()
        for label, count in last.items():
            sums[label] = sums.get(label, 0) + count
    assert growing.totals() == sums
