"""Hosts in `status` and `hosts`: who is away or gone stands out, and what fits is shown."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from cluster.cli.terminal import host_table, status_text, tables
from cluster.cli.terminal.host_table import hosts, summary
from cluster.complaints import complaints
from cluster.wire.states import HostState, WorkerState
from cluster.wire.status import ClusterStatus, HostStatus
from tests.coordinator.http.statuses import away, gone, host, shard, status, worker


def text(what: RenderableType, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(what)
    return out.getvalue()


def three(**more: Any) -> ClusterStatus:
    """Return a cluster with a host in each of the states that matter most."""
    return status(
        hosts=[host("host-1"), away("host-2"), gone("host-3")],
        workers=[worker(0, host="host-1"), worker(1, host="host-2")],
        shards=[shard(0), shard(1), shard(2, worker=1), shard(3, worker=1)],
        **more,
    )


@pytest.mark.parametrize("width", [50, 80, 200])
def test_status_fits(width: int) -> None:
    shown = text(status_text.full(three(), width), width)
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= width
    assert "…" not in shown
    rows = [line.split() for line in shown.splitlines()]
    assert [row[1] for row in rows if row[:1] and row[0] in ("host-1", "host-2", "host-3")] == [
        "here", "away,", "gone",
    ]  # fmt: skip
    assert "away, given up in 12 s" in shown


def test_what_stands_out() -> None:
    one, two, three_ = (host_table.host_state(row) for row in three().hosts)
    assert [str(cell.style) for cell in (one, two, three_)] == ["green", "red", "bold red"]
    assert three_.plain == "gone"


def test_a_cluster_without_hosts_is_shown_as_before() -> None:
    shown = text(status_text.full(status(), 200), 200)
    assert not [word for word in shown.split() if word.startswith("host")]


def test_the_host_of_a_worker() -> None:
    heads = [text(tables.workers(three(), width), width).splitlines()[0] for width in (60, 200)]
    assert all("host" in head.split() for head in heads)
    rows = text(tables.workers(three(), 60), 60).splitlines()[1:]
    assert [row.split()[2] for row in rows] == ["host-1", "host-2"]


def test_of_many_hosts_those_that_need_a_look_are_listed() -> None:
    many = [host(f"h{n:02}") for n in range(62)] + [away("h62"), gone("h63")]
    shown = text(hosts(many, 80, 32), 80)
    assert shown.splitlines()[0] == "62 here  1 away  1 gone  of 64 hosts"
    assert len(shown.splitlines()) == 4
    assert len(text(hosts(many, 80, None), 80).splitlines()) == 65


def test_what_is_not_known_is_no_number() -> None:
    shown = text(hosts([HostStatus(name="new", state=HostState.AWAY)], 200, None), 200)
    assert shown.splitlines()[1].split() == ["new", "away", "-", "0", "0/0", "0", *"----", "never",
                                             "-"]  # fmt: skip


def test_labels_are_one_line_of_text() -> None:
    row = host("h", labels={"rack": "2", "zone": "a\x1b[2J\nb"})
    assert host_table.labels(row) == "rack=2 zone=a [2J b"


def test_summary() -> None:
    assert summary([host("a")]).plain == "1 of 1 host is here"
    rows = [host("a", share=4), host("b", share=1), gone("c", share=9)]
    assert summary(rows).plain == "2 of 3 hosts are here, with room for 2 more workers"
    rows.append(host("d", state=HostState.DRAINING, share=9, takes_workers=False))
    assert summary(rows).plain == (
        "3 of 4 hosts are here, 1 of them draining, with room for 2 more workers"
    )


def test_a_host_that_is_away_or_gone_is_complained_of() -> None:
    first, second = complaints(three())
    assert first == (
        "host host-2 is away with 4 shards, not heard of for 18 s: it is given up in 12 s, and its "
        "shards are resumed on other hosts"
    )
    assert second == (
        "host host-3 is gone, not heard of for 3 min 10 s, and the shards go to other hosts: "
        "start its agent again, or `dcgw-cluster drain host-3` if it will not come back"
    )
    assert complaints(status(hosts=[host("a"), host("b", state=HostState.DRAINING)])) == []


def test_a_rack_that_is_lost_is_a_line() -> None:
    rows = [away(f"h{n:02}", gone_in_s=20.0 + n, heard_s=7.0 + n) for n in range(10)]
    (line,) = complaints(status(hosts=rows))
    assert line == (
        "hosts h00, h01, h02, h03, h04, h05, h06, h07 and 2 others are away with 40 shards, "
        "not heard of for 7.0 s or longer: the first is given up in 20 s, and its shards are "
        "resumed on other hosts"
    )
    (line,) = complaints(status(hosts=[gone("a"), gone("b")]))
    assert "start their agents again, or `dcgw-cluster drain a` for one that will not" in line


def test_one_that_was_never_heard_of() -> None:
    (line,) = complaints(status(hosts=[away("a", heard_s=None, shards=0)]))
    assert "host a is away, not heard of since this coordinator started: " in line


def test_workers_of_a_host_that_is_away_are_not_named_one_by_one() -> None:
    missing = {"state": WorkerState.MISSING, "detail": "its host is away"}
    found = complaints(
        status(
            hosts=[away("a"), host("b")],
            workers=[worker(0, host="a", **missing), worker(1, host="b", **missing)],
        )
    )
    assert [line for line in found if line.startswith("worker")] == [
        "worker 1 missing: its host is away"
    ]


def waiting(slots: int, of: int, why: str) -> list[str]:
    starting = {"state": WorkerState.STARTING, "detail": why}
    rows = [worker(n, **starting if n < slots else {}) for n in range(of)]
    return [line.plain for line in status_text.looks(status(workers=rows))]


def test_who_waits_for_a_host_says_so() -> None:
    joined = "waits for hosts: 1 of 2 have joined"
    assert waiting(3, 3, joined) == ["the cluster waits for hosts: 1 of 2 have joined"]
    assert waiting(1, 3, joined) == ["worker 0 waits for hosts: 1 of 2 have joined"]
    assert waiting(2, 3, joined) == ["workers 0-1 wait for hosts: 1 of 2 have joined"]
    assert waiting(2, 3, "") == []


def test_what_is_said_of_a_host_is_worth_a_look() -> None:
    detail = "its replay server: no answer"
    lines = status_text.looks(status(hosts=[host("a"), host("b", detail=detail)]))
    assert [line.plain for line in lines] == [f"host b: {detail}"]
