"""What ``top`` shows, without a terminal: rates, filters, orders, the grid, the lines above."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cluster.cli.terminal.type_rates import WINDOW_S, TypeRate, TypeRates
from cluster.cli.top import details, grid, tables
from cluster.cli.top.filters import About, fits
from cluster.cli.top.heading import heading, tabs
from cluster.wire.happenings import Happening, HappeningKind, Severity
from cluster.wire.states import SessionState
from cluster.wire.status import ClusterStatus, ShardStatus
from cluster.wire.traffic import WorkerTraffic
from tests.coordinator.http.statuses import away, host, shard, subscriber, worker


def changed(status: ClusterStatus, **what: Any) -> ClusterStatus:
    return msgspec.structs.replace(status, **what)


def traffic(slot: int, **events: int) -> WorkerTraffic:
    return WorkerTraffic(
        slot=slot, events=events, holes=0, received_bytes=0, batch_bytes=0, heartbeats=[],
        heartbeat_s=0.0, unjournalled=0, reconnects={}, closes={}, cpu_s=0.0,
    )  # fmt: skip


def counted(fake: ModuleType, *workers: WorkerTraffic) -> ClusterStatus:
    status = fake.cluster_status("east", shards=1, ready=1, waiting=[], sandbox=False)
    return changed(status, traffic=list(workers))


def happening(number: int = 1, text: str = "it began", **more: Any) -> Happening:
    usual: dict[str, Any] = {
        "at": 1_000_000_000.0, "kind": HappeningKind.STARTED, "severity": Severity.INFO,
    }  # fmt: skip
    return Happening(number=number, text=text, **usual | more)


class TestTypeRates:
    def test_of_all_workers_the_busiest_first(self, fake: ModuleType) -> None:
        rates = TypeRates()
        first = rates.take(counted(fake, traffic(0, A=10), traffic(1, B=5)), 100.0)
        assert [(row.name, row.per_s, row.total) for row in first] == [("A", 0, 10), ("B", 0, 5)]
        rows = rates.take(counted(fake, traffic(0, A=12, C=2), traffic(1, A=1, B=17)), 102.0)
        assert [(row.name, row.per_s, row.total) for row in rows] == [
            ("B", 6.0, 17), ("A", 1.5, 13), ("C", 1.0, 2),
        ]  # fmt: skip
        assert sum(row.share for row in rows) == pytest.approx(1.0)

    def test_over_the_last_seconds(self, fake: ModuleType) -> None:
        rates = TypeRates()
        for second in range(60):
            (row,) = rates.take(counted(fake, traffic(0, A=second**2)), float(second))
        assert row.per_s == (59**2 - 54**2) / WINDOW_S

    def test_another_coordinator_counts_from_nought(self, fake: ModuleType) -> None:
        rates = TypeRates()
        rates.take(counted(fake, traffic(0, A=100)), 0.0)
        (row,) = rates.take(counted(fake, traffic(0, A=4)), 1.0)
        assert row.per_s == 0
        (row,) = rates.take(counted(fake, traffic(0, A=10)), 2.0)
        assert row.per_s == 6

    def test_without_counts_there_are_no_rows(self, fake: ModuleType) -> None:
        assert TypeRates().take(counted(fake), 1.0) == []


ROW = About("awaiting grant op 7", number=17, worker=3)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", True), ("17", True), ("7", False), ("10-20", True), ("17-17", True), ("18-20", False),
        ("w3", True), ("w17", False), ("GRANT", True), ("grant w3", True), ("grant w4", False),
        ("!ready", True),
        ("!grant", False), ("!", True), ("!!grant", True), ("20-10", False), ("9" * 99, False),
    ],
)  # fmt: skip
def test_filters(typed: str, shown: bool) -> None:
    assert fits(typed)(ROW) is shown


def test_a_number_is_text_where_rows_have_none() -> None:
    assert fits("2")(About("MESSAGE_V2"))
    assert not fits("1-3")(About("MESSAGE_V2"))


@given(st.text(max_size=200))
def test_any_text_is_a_filter(typed: str) -> None:
    for row in (ROW, About("")):
        assert fits(typed)(row) in (True, False)


def ids(rows: list[ShardStatus]) -> list[int]:
    return [row.shard_id for row in rows]


SOME = [
    shard(0, events_per_s=5.0, heartbeat_ms=None),
    shard(1, state=SessionState.WAITING, events_per_s=0.0, detail="op 7"),
    shard(2, events_per_s=9.0, worker=1),
    shard(3, state=SessionState.FATAL, events_per_s=0.0, heartbeat_ms=70.0),
    shard(4, too_silent=True, heartbeat_ms=90.0),
]


class TestTables:
    def test_what_needs_a_look_stands_first(self) -> None:
        assert ids(tables.SHARDS.ordered(SOME, "state")) == [3, 4, 1, 0, 2]
        assert ids(tables.SHARDS.ordered(SOME, "state", reverse=True)) == [2, 0, 1, 4, 3]

    def test_numbers_begin_with_the_largest_and_end_with_what_is_not_known(self) -> None:
        assert ids(tables.SHARDS.ordered(SOME, "events/s"))[:2] == [2, 0]
        assert ids(tables.SHARDS.ordered(SOME, "heartbeat")) == [4, 3, 1, 2, 0]
        assert ids(tables.SHARDS.ordered(SOME, "heartbeat", reverse=True))[-1] == 0
        assert ids(tables.SHARDS.ordered(SOME[::-1], "shard")) == [0, 1, 2, 3, 4]

    def test_filtered(self) -> None:
        assert ids(tables.SHARDS.ordered(SOME, "shard", typed="!ready")) == [1, 3, 4]
        assert ids(tables.SHARDS.ordered(SOME, "shard", typed="w1")) == [2]
        assert ids(tables.SHARDS.ordered(SOME, "shard", typed="silent")) == [4]

    def test_in_the_order_in_which_they_come(self) -> None:
        assert ids(tables.SHARDS.ordered(SOME, "")) == [0, 1, 2, 3, 4]
        assert ids(tables.SHARDS.ordered(SOME, "", reverse=True)) == [4, 3, 2, 1, 0]

    @pytest.mark.parametrize("width", [30, 60, 78, 100, 198])
    def test_every_line_fits(self, width: int) -> None:
        long = "x" * 300
        rows: list[tuple[tables.Table[Any], Any]] = [
            (tables.SHARDS, shard(4095, detail=long, reconnects={"op 7": 99})),
            (tables.WORKERS, worker(12, detail=long, journalling=False)),
            (tables.WORKERS_ON_HOSTS, worker(12, detail=long, host=long)),
            (tables.SUBSCRIBERS, subscriber(long, lag=10**9)),
            (tables.EVENTS, TypeRate(long, 1e6, 10**9, 1.0)),
            (tables.HAPPENINGS, happening(text=f"{long}\x1b[2J")),
        ]
        for table, row in rows:
            columns = table.fitting(width - 2)
            assert columns, table.what
            for item in (None, row):
                text = tables.line(columns, item, width, ">")
                assert cell_len(text.plain) == width
                assert "\x1b" not in text.plain

    def test_what_is_too_long_for_what_is_left_says_so(self) -> None:
        columns = tables.SHARDS.fitting(198)
        text = tables.line(columns, shard(1, detail="x" * 300), 200, " ")
        assert text.plain.rstrip().endswith("…")
        assert text.plain.endswith("  ")

    def test_narrow_ones_lose_what_matters_least(self) -> None:
        wide = [column.heading for column in tables.SHARDS.fitting(198)]
        narrow = [column.heading for column in tables.SHARDS.fitting(76)]
        assert wide == [column.heading for column in tables.SHARDS.columns]
        assert narrow[:4] == ["shard", "worker", "state", "events/s"]
        assert narrow[-1] == "why"

    def test_the_host_of_a_worker_is_where_it_is_looked_for(self) -> None:
        narrow = [column.heading for column in tables.WORKERS_ON_HOSTS.fitting(76)]
        assert narrow[:4] == ["worker", "state", "host", "shards"]
        rows = [worker(0, host="east-1"), worker(1, host="west-1")]
        found = tables.WORKERS_ON_HOSTS.ordered(rows, "host", typed="west")
        assert [row.slot for row in found] == [1]

    @given(st.floats(0, 1))
    def test_bars(self, share: float) -> None:
        length = cell_len(tables.bar(share))
        assert length <= tables.BAR_WIDTH
        assert abs(length - share * tables.BAR_WIDTH) <= 1

    def test_happenings_say_how_bad_they_are_without_colours(self) -> None:
        cell = tables.HAPPENINGS.columns[1].cell
        for severity, mark in (("info", "  "), ("warning", "! "), ("error", "!!")):
            text = cell(happening(severity=Severity(severity)))
            assert str(text) == f"{mark} it began"


class TestGrid:
    def test_each_state_has_a_sign(self) -> None:
        text = grid.row(SOME, 0, 8)
        assert text.plain == "    0  ■w■X?"
        assert set(grid.SYMBOLS) == set(SessionState)
        assert grid.row(SOME, 1, 8).plain == ""
        slow = [shard(9, heartbeat_ms=1500.0)]
        assert grid.row(slow, 0, 8).plain == "    9  □"

    def test_in_eights(self) -> None:
        many = [shard(n) for n in range(40)]
        assert grid.row(many, 0, 32).plain == "    0  " + " ".join(["■" * 8] * 4)
        assert grid.row(many, 1, 32).plain == "   32  " + "■" * 8

    @pytest.mark.parametrize(("width", "many"), [(78, 32), (98, 64), (198, 128), (10, 8)])
    def test_as_many_as_there_is_room_for(self, width: int, many: int) -> None:
        assert grid.a_row(width) == many
        row = grid.row([shard(n) for n in range(many)], 0, many)
        assert row.cell_len <= max(width, 16)

    def test_what_the_signs_mean(self) -> None:
        words = grid.legend(SOME).plain
        for part in ("■ ready", "w waiting", "X fatal", "? silent"):
            assert part in words


class TestHeading:
    def test_a_coordinator_that_does_not_answer(self, fake: ModuleType) -> None:
        status = fake.cluster_status("east", shards=4, ready=2, waiting=[2, 3], sandbox=False)
        lines = [text.plain for text in heading(status, "", 0.0, 200)]
        assert lines[0].startswith("east  starting  2 of 4 shards ready")
        assert "2 shards wait to identify" in lines[-1]
        lost = heading(status, "the cluster has stopped", 12.0, 200)
        assert lost[1].plain.startswith("No answer for 12 s (the cluster has stopped); ")
        assert "red" in str(lost[1].style)
        well = fake.cluster_status("east", shards=4, ready=4, waiting=[], sandbox=False)
        assert "Nothing is wrong." in [text.plain for text in heading(well, "", 0.0, 200)]
        assert "Nothing is wrong." not in [text.plain for text in heading(well, "lost", 9.0, 200)]

    def test_what_just_fits_is_not_cut(self, fake: ModuleType) -> None:
        status = fake.cluster_status("east", shards=4, ready=4, waiting=[], sandbox=False)
        lines = heading(changed(status, troubles=["a", "b", "c"]), "", 0.0, 80)
        assert [text.plain for text in lines[1:4]] == ["a", "b", "c"]

    @pytest.mark.parametrize(("low", "count"), [(True, 1), (False, 3)])
    def test_what_is_wrong_is_cut(self, fake: ModuleType, low: bool, count: int) -> None:
        status = fake.cluster_status("east", shards=4, ready=4, waiting=[], sandbox=False)
        status = changed(status, troubles=[f"trouble {n} " + "x" * 99 for n in range(9)])
        lines = heading(status, "", 0.0, 80, low=low)
        assert len(lines) == count + 2
        assert max(text.cell_len for text in lines) <= 80
        assert lines[count].plain.endswith(f"… (and {9 - count} more: !)")

    def test_tabs_say_where_one_is_without_colours(self) -> None:
        text = tabs(["shards", "workers"], "workers")
        assert text.plain == " 1 shards  2 workers "
        assert any("reverse" in str(span.style) for span in text.spans)


class TestDetails:
    def test_of_each_kind(self, fake: ModuleType) -> None:
        status = fake.cluster_status("east", shards=4, ready=4, waiting=[], sandbox=False)
        late = subscriber("bot", misfits={"READY $.x": 3}, gap_reasons={"gone": 2}, lacks=["a"])
        status = changed(status, subscribers=[late])
        for item, title, part in (
            (status.shards[0], "shard 0", ("reconnects", "1x op 7")),
            (status.workers[1], "worker 1", ("shards", "2 of 2 ready: shards 1, 3")),
            (late, "subscriber bot", ("gaps", "0 (2x gone)")),
            (happening(cause="why\x1b"), "at 2001-09-09", ("why", "why ")),
        ):
            known = details.known(item, status)
            assert known is not None
            assert part in known
            assert details.title(item).startswith(title)

    def test_of_what_is_no_more(self, fake: ModuleType) -> None:
        status = fake.cluster_status("east", shards=1, ready=1, waiting=[], sandbox=False)
        for item in (shard(9), worker(9), subscriber("gone")):
            assert details.known(item, status) is None

    def test_where_it_runs(self, fake: ModuleType) -> None:
        status = fake.cluster_status("east", shards=4, ready=4, waiting=[], sandbox=False)
        assert ("worker", "1") in details.of_shard(status.shards[1], status)
        assert not [name for name, _ in details.of_worker(worker(0), status) if name == "host"]
        rows = [worker(0, host="a"), worker(1, host="b")]
        status = changed(status, workers=rows, hosts=[host("a"), away("b")])
        assert ("worker", "1 on host b") in details.of_shard(status.shards[1], status)
        assert ("host", "a") in details.of_worker(rows[0], status)
        assert ("host", "none yet") in details.of_worker(worker(7), status)

    def test_hosts(self) -> None:
        long = away("b", address="", version="", detail="it leaves\x1b")
        assert details.of_hosts([host("a"), long]) == [
            ("a", "here, heard 0.4 s ago"),
            ("", "2/2 workers, 4/4 shards ready, 8.0 events/s"),
            ("", "CPU 17 %, memory 41 %, disk free 90.0 GiB"),
            ("", "a.example 1.2.3"),
            ("b", "away, given up in 12 s, heard 18 s ago"),
            ("", "2/2 workers, 4/4 shards ready, 8.0 events/s"),
            ("", "CPU -, memory -, disk free -"),
            ("", "it leaves "),
        ]
        assert "none has joined" in details.of_hosts([])[0][1]

    def test_of_many_in_one(self) -> None:
        summed = happening(count=34, seconds=11.0, shards=[0, 1, 2, 9])
        facts = dict(details.of_happening(summed))
        assert facts["how often"] == "34 times in 11 s"
        assert facts["shards"] == "0-2, 9"

    def test_questions(self) -> None:
        assert "Restart worker 3? Its 2 sessions are" in details.question_of_worker(worker(3))
        assert "Its session is" in details.question_of_worker(worker(3, shards=1))
        assert "shard 7 another connection?" in details.question_of_shard(shard(7))
