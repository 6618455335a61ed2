"""What is warned of before it hurts, from when on, and until when."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cluster.wire.states import HostState
from cluster.wire.status import HostStatus, WorkerStatus
from coordinator.control.warnings import (
    CLEAR,
    FULL,
    HISTORY_S,
    JOURNAL_FILES,
    JOURNAL_S,
    LAG_EVENTS,
    LAG_S,
    NEAR_GUILDS,
    Warnings,
)
from tests.coordinator.http.statuses import away, budget, gone, host, shard, subscriber, worker

CAP = 256 << 20


def look(warnings: Warnings | None = None, **what: Any) -> list[str]:
    given: dict[str, Any] = {
        "shards": [shard(0), shard(1)],
        "workers": [worker(0)],
        "budget": budget(),
        "subscribers": [],
        "hosts": [],
    }
    return (warnings or Warnings(CAP)).look(**given | what)


def full(seconds: float, slot: int = 0, **more: Any) -> Any:
    """Return a worker whose journal is full, and reaches so far back."""
    return worker(slot, journal_bytes=CAP, journal_seconds=seconds, **more)


def test_a_cluster_that_is_well_is_not_warned_of() -> None:
    assert look() == []
    assert look(subscribers=[subscriber("bot")]) == []


@example([NEAR_GUILDS])
@example([NEAR_GUILDS - 1])
@given(st.lists(st.integers(0, 2500), min_size=1, max_size=9))
def test_guilds(counts: list[int]) -> None:
    said = look(shards=[shard(n, guilds=guilds) for n, guilds in enumerate(counts)])
    near = [guilds for guilds in counts if guilds >= NEAR_GUILDS]
    assert len(said) == bool(near)
    if near:
        assert f"shard {counts.index(max(counts))} has {max(counts):,} guilds" in said[0]
        assert (f"({len(near)} shards have" in said[0]) == (len(near) > 1)
        assert "reshard auto" in said[0]


@given(st.integers(1, 200), st.integers(0, 1000), st.integers(0, 100))
def test_identifies(shards: int, remaining: int, reserve: int) -> None:
    rows = [shard(n) for n in range(shards)]
    said = look(Warnings(CAP, reserve), shards=rows, budget=budget(remaining=remaining))
    assert len(said) == (remaining - reserve < shards)
    if said:
        left = max(0, remaining - reserve)
        assert said[0].startswith(f"only {left:,} identifies are left for {shards:,} shards")
        assert "until 1 h from now" in said[0]


def test_identifies_of_which_nothing_is_known_are_not_warned_of() -> None:
    assert look(budget=budget(remaining=0, known=False)) == []


@given(st.floats(1, 1e6), st.floats(0.001, 1.0))
def test_a_journal_of_less_than_an_hour(seconds: float, filled: float) -> None:
    """One with room left is judged by the rate at which it was filled, once it is old enough."""
    size = int(CAP * filled)
    said = look(workers=[worker(3, journal_bytes=size, journal_seconds=seconds)])
    reach = seconds if size >= FULL * CAP else seconds * CAP / size
    old_enough = size >= FULL * CAP or seconds >= HISTORY_S
    assert len(said) == (old_enough and reach <= JOURNAL_S)
    if said:
        assert said[0].startswith("the journal of worker 3 holds ")
        wanted = re.search(r"journal\.bytes = (\d+) ", said[0])
        assert wanted is not None
        assert CAP * JOURNAL_S / reach <= int(wanted[1]) + 1, "what it says would do"
        assert int(wanted[1]) <= CAP * JOURNAL_S / reach + (1 << 20)


@pytest.mark.parametrize("unknown", [None, 0.0])
def test_a_journal_without_an_age_is_not_judged(unknown: float | None) -> None:
    assert look(workers=[worker(0, journal_bytes=CAP, journal_seconds=unknown)]) == []
    assert look(workers=[full(60.0, journalling=False)]) == [], "that it can't write is said"


def test_the_shortest_of_several_journals_is_named() -> None:
    (said,) = look(workers=[full(1800.0), full(600.0, 1), full(7200.0, 2)])
    assert said.startswith("the journal of worker 1 holds 10 min of events at the present rate, 1 ")


def test_journals_of_a_sandbox_hold_nothing_that_is_missed() -> None:
    assert look(Warnings(CAP, sandbox=True), workers=[full(60.0)]) == []


@given(st.integers(0, 10**7), st.floats(0, 10**5))
def test_lag(lag: int, per_s: float) -> None:
    said = look(
        workers=[worker(0, events_per_s=per_s)],
        subscribers=[subscriber("bot", lag=lag), subscriber("idle")],
    )
    assert len(said) == (lag >= max(LAG_EVENTS, LAG_S * per_s))
    if said:
        told = re.search(r"the subscriber bot \(pid 7\) lags ([\d,]+) events", said[0])
        assert told is not None
        assert abs(int(told[1].replace(",", "")) - lag) <= lag / 20


def test_how_long_a_subscriber_is_behind_and_how_many_others() -> None:
    late = [subscriber("a", lag=12_000), subscriber("b", lag=90_000)]
    (said,) = look(workers=[worker(0, events_per_s=100.0)], subscribers=late)
    assert "subscriber b (pid 7) lags 90,000 events, 15 min of all that comes; 1 more" in said


# Of its percents only 80, where a warning ends, is no number that floats have for both
@given(st.lists(st.integers(50, 200).filter(lambda percent: percent != 80), max_size=20))
def test_a_warning_ends_later_than_it_began(percents: list[int]) -> None:
    """A value that wavers between the two thresholds does not make it come and go."""
    warnings, given = Warnings(CAP), False
    for percent in percents:
        said = look(
            warnings,
            workers=[full(JOURNAL_S * 100 / percent, events_per_s=0.0)],
            subscribers=[subscriber("bot", lag=LAG_EVENTS * percent // 100)],
        )
        given = percent >= (100 / CLEAR if given else 100)
        assert len(said) == 2 * given


def test_what_is_no_more_is_forgotten() -> None:
    """A worker that comes back with a fresh journal is no worker that was warned of."""
    warnings = Warnings(CAP)
    assert look(warnings, workers=[full(3000.0)])
    assert not look(warnings, workers=[])
    assert not look(warnings, workers=[full(3700.0)])


MIB = 1 << 20
NEED = JOURNAL_FILES * CAP


def spread(*hosts: HostStatus) -> list[WorkerStatus]:
    """Return a worker on each host, with all of its shards."""
    return [worker(n, host=host.name, shards=host.shards) for n, host in enumerate(hosts)]


def test_hosts_that_are_well_are_not_warned_of() -> None:
    rows = [host("a", version="1.2.3"), host("b", version="1.2.3", max_shards=8)]
    assert look(Warnings(CAP, version="1.2.3"), hosts=rows, workers=spread(*rows)) == []


def test_the_disk_of_a_host() -> None:
    """The warning begins where another journal has no room, and ends when there is clearly more."""
    warnings = Warnings(CAP)

    def said(free: int | None) -> list[str]:
        return look(warnings, hosts=[host("a", disk_free_bytes=free)])

    assert said(NEED + 1) == []
    (line,) = said(NEED)
    assert line == (
        "host a has 512.0 MiB of its disk left: a worker that moves there takes 512.0 MiB for its "
        "journal; free the disk, or `dcgw-cluster drain a`"
    )
    assert len(said(int(NEED * CLEAR) - MIB)) == 1
    assert said(int(NEED * CLEAR) + MIB) == []
    assert said(NEED + 1) == []
    assert len(said(0)) == 1
    assert said(None) == [], "it is not known"


def test_the_fullest_disk_is_named() -> None:
    rows = [host("a", disk_free_bytes=9 * MIB), host("b", disk_free_bytes=8 * MIB), host("c")]
    (line,) = look(hosts=rows)
    assert line.startswith("host b has 8.0 MiB of its disk left; 1 more have too little: ")


def test_versions_that_differ() -> None:
    rows = [host("a"), host("b", version="1.2.2"), gone("c", version="1.0"), host("d", version="")]
    (line,) = look(Warnings(CAP, version="1.2.3"), hosts=rows)
    assert line.startswith("host b runs dcgw-cluster 1.2.2, the coordinator 1.2.3: install 1.2.3")
    rows += [host("e", version="1.2.1", state=HostState.DRAINING)]
    (line,) = look(Warnings(CAP, version="1.2.3"), hosts=rows)
    assert line.startswith("hosts b, e run dcgw-cluster 1.2.2 and others, the coordinator 1.2.3: ")


@example([(1, 2), (1, 2)])
@example([(2, 2), (0, 1)])
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), min_size=1, max_size=5))
def test_hosts_that_could_not_take_the_shards_of_one(loads: list[tuple[int, int]]) -> None:
    """loads: shards of a host, and how many more it takes."""
    rows = [
        host(str(n), shards=shards, max_shards=shards + more)
        for n, (shards, more) in enumerate(loads)
    ]
    said = look(hosts=rows, workers=spread(*rows))
    without = {
        row.name: row.shards - sum(more for n, (_, more) in enumerate(loads) if str(n) != row.name)
        for row in rows
    }
    unlimited = any(row.max_shards == 0 for row in rows)
    assert len(said) == (len(rows) > 1 and not unlimited and max(without.values()) > 0)
    if said:
        worst = max(without.values())
        shards = f"{worst} shard{'' if worst == 1 else 's'}"
        assert f"was lost, the others would not take {shards} of it: add a host" in said[0]


def test_shards_that_no_host_takes() -> None:
    lost, full_one = gone("lost"), host("full", shards=4, max_shards=5)
    rows = [lost, full_one]
    workers = [worker(7, host="lost", shards=2), worker(1, host="full", shards=4)]
    (line,) = look(hosts=rows, workers=workers)
    assert line == (
        "the 2 shards of worker 7 can't be resumed: no host that is here takes them; add a host, "
        "or raise --max-shards of one"
    )
    assert look(hosts=[lost, host("full", shards=4, max_shards=6)], workers=workers) == []
    assert look(hosts=[lost, host("free")], workers=workers) == []
    (line,) = look(hosts=[lost, away("other")], workers=workers[:1])
    assert "no host is here that takes workers" in line
