"""Real rates: the schedule, what is read and compared, and that every row comes about."""

from __future__ import annotations

import asyncio
import io
import random
import zlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import recording
from benchmarks.children import ChildError
from benchmarks.libraries import Library
from benchmarks.real_rates import run
from benchmarks.real_rates.clients import (
    BARE,
    BARE_CLIENT,
    CLIENTS,
    OURS,
    OURS_AT_ONCE,
    SUBSCRIBER,
    WORKER,
)
from benchmarks.real_rates.gateway import PacedGateway
from benchmarks.real_rates.options import LATENCY, LOADS, RateOptions
from benchmarks.real_rates.pacing import SPIN_NS, Load, schedule, wait_until
from benchmarks.real_rates.readings import (
    LIBZMQ,
    MAIN,
    OTHERS,
    Reading,
    Thread,
    switches_in,
    used,
)
from benchmarks.real_rates.rounds import latencies_ms
from benchmarks.real_rates.rows import Values, declared, latency, latency_group, over
from benchmarks.real_rates.steps import frames_needed, steps
from benchmarks.real_rates.system_calls import perf_count, strace_count
from benchmarks.results import Results, Row, cells, quantile, table, under
from benchmarks.session import PlayedBot, Session
from shard_worker.transport.websocket import Opcode, encode


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a recording in it."""
    made = tmp_path_factory.mktemp("recording")
    recording.load(frames_needed(SMALL), folder=made)
    return made


SMALL = RateOptions(
    rounds=1,
    seconds=0.2,
    settle_s=0.0,
    loads=(Load(2, 50), Load(2, 50, poisson=True)),
    latency=(Load(2, 100),),
    growth=(Load(2, 50), Load(2, 200)),
    system_calls=(Load(2, 50),),
    idle=2,
    coordinated=(64,),
    ready=None,
)


def test_an_even_load_is_spread_over_time_and_sessions() -> None:
    load = Load(40, 50)
    due = list(schedule(load, load.events(2.0), random.Random(1)))
    assert len(due) == 4000
    gaps = {after.ns - before.ns for before, after in pairwise(due)}
    assert gaps <= {499_999, 500_000, 500_001}
    assert [one.session for one in due[:41]] == [*range(40), 0]
    assert set(Counter(one.session for one in due).values()) == {100}


def test_a_poisson_load_has_the_rate_and_the_gaps_of_one() -> None:
    load = Load(40, 50, poisson=True)
    due = list(schedule(load, 20_000, random.Random(1)))
    gaps = [after.ns - before.ns for before, after in pairwise(due)]
    assert min(gaps) >= 0
    mean = due[-1].ns / len(due)
    assert mean == pytest.approx(500_000, rel=0.05)
    # Of exponential gaps 1 - 1/e are shorter than their mean.
    assert sum(gap < mean for gap in gaps) / len(gaps) == pytest.approx(0.632, abs=0.02)
    each = Counter(one.session for one in due)
    assert each.keys() == set(range(40))
    assert max(each.values()) < 1.3 * min(each.values())
    assert due == list(schedule(load, 20_000, random.Random(1)))


class Time:
    """A clock that goes on by a microsecond when it is looked at; sleeps end late."""

    def __init__(self, late_ns: int) -> None:
        self.ns = 0
        self.slept: list[float] = []
        self._late_ns = late_ns

    def clock(self) -> int:
        self.ns += 1000
        return self.ns

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ns += int(seconds * 1e9) + self._late_ns


@given(due=st.integers(0, 10_000_000), late=st.integers(0, SPIN_NS - 5000))
def test_a_moment_is_met_though_sleeps_end_late(due: int, late: int) -> None:
    time = Time(late)
    assert due <= wait_until(due, time.clock, time.sleep) <= max(due, 1000) + 1000
    assert len(time.slept) == (due - 1000 > SPIN_NS)


def test_a_moment_that_is_over_is_not_waited_for() -> None:
    time = Time(0)
    time.ns = 5_000_000
    assert wait_until(1_000_000, time.clock, time.sleep) == 5_001_000
    assert not time.slept


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


def test_what_a_session_says_stands_between_segments(folder: Path) -> None:
    stream = recording.load(frames_needed(SMALL), folder=folder)
    session, wire = Session(PlayedBot(), {}), Wire()
    session.connection_made(wire)
    session.data_received(b"GET /?compress=zlib-stream HTTP/1.1\r\nSec-WebSocket-Key: a\r\n\r\n")
    beat = encode(Opcode.TEXT, b'{"op":1,"d":1}', b"mask")
    for number, frame in enumerate(recording.single_frames(stream), 1):
        session.write_event(frame)
        if number in (1, 700):
            session.data_received(beat)
    session.data_received(beat)
    inflate = zlib.decompressobj().decompress
    frames = wire.written.partition(b"\r\n\r\n")[2]
    said = [msgspec.json.decode(inflate(payload)) for payload in recording.payloads(frames)]
    assert [one["op"] for one in said[:2]] == [10, 0]
    assert [n for n, one in enumerate(said) if one["op"] == 11] == [501, 1002, 1003]
    assert [one["s"] for one in said if one["op"] == 0] == list(range(2, 1002))


def test_a_client_whose_sessions_are_gone_is_said_to_have_failed(folder: Path) -> None:
    gateway = PacedGateway(recording.load(frames_needed(SMALL), folder=folder))
    order = {"do": "pace", "sessions": 2, "rate": 1.0, "poisson": False, "events": 2, "seed": 1}
    assert asyncio.run(gateway.order(msgspec.json.encode(order))) == {"gone": 2}


def test_quantiles() -> None:
    values = [float(n) for n in range(1000)]
    assert [quantile(values, part) for part in (0.0, 0.5, 0.99, 0.999)] == [0, 500, 990, 999]
    assert quantile([7.0], 0.999) == 7.0


def test_latencies_are_of_the_same_event() -> None:
    sent, arrivals = [(0, 2, 1_000_000), (1, 2, 2_000_000)], [(1, 2, 2_500_000), (0, 2, 3_000_000)]
    assert latencies_ms(sent, arrivals) == [0.5, 2.0]
    for wrong in (arrivals[:1], [*arrivals, arrivals[0]], [arrivals[0], (0, 3, 1)]):
        with pytest.raises(ChildError, match="arrived of 2"):
            latencies_ms(sent, wrong)


def test_what_is_used_is_told_by_thread() -> None:
    before = Reading(1.0, 0, {7: Thread("python", 0.5, 10), 8: Thread("ZMQbg/IO/0", 0.1, 5)})
    after = Reading(
        2.0,
        0,
        {
            7: Thread("python", 1.25, 13),
            8: Thread("ZMQbg/IO/0", 0.2, 9),
            9: Thread("python", 0.25, 2),
        },
    )
    found = used(7, before, after)
    assert (found.cpu_s, found.switches) == (1.0, 9)
    assert found.by_thread == pytest.approx({MAIN: 0.75, LIBZMQ: 0.1, OTHERS: 0.25})
    assert used(7, Reading(1.0, 0, {}), Reading(1.5, 0, {})) == (0.5, {}, None)
    status = "Name:\tpython\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n"
    assert switches_in(status) == 15


def test_counts_of_system_calls() -> None:
    assert perf_count("# started on\n\n5123,,raw_syscalls:sys_enter,0,100.00,,\n") == 5123
    assert perf_count("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n") is None
    assert strace_count("  calls syscall\n----- -----\n  2 read\n----- -----\n  144 total\n") == 144
    assert strace_count("") is None


def test_each_client_meets_each_load_once_after_it_is_warm() -> None:
    options = RateOptions()
    for client in CLIENTS:
        met = {sessions: steps(options, client, sessions) for sessions in options.session_counts}
        for some in met.values():
            assert [step.measured for step in some[:2]] in ([], [False, True])
        measured = [step.load for some in met.values() for step in some if step.measured]
        assert len(set(measured)) == len(measured)
        assert set(measured) >= set(LOADS)
        if client in (OURS, OURS_AT_ONCE):
            assert set(measured) >= set(options.latency)
        assert (client is OURS) == (set(measured) >= set(options.growth))
        traced = [step.load for some in met.values() for step in some if step.traced]
        assert bool(traced) == (client in (OURS, BARE_CLIENT))
    assert frames_needed(options) >= 2 * (2000 + 4 * 2000)  # of the one session with 2,000/s


def test_rows_are_compared_within_their_group_and_round() -> None:
    options = RateOptions()
    rows = {row.name: row for row in declared(options)}
    load = LOADS[1].label
    values = Values(list(rows.values()))
    for ours, bare, peer in ((100.0, 50.0, 80.0), (90.0, 30.0, 120.0)):
        values.add(load, WORKER, ours)
        values.add(load, BARE, bare)
        values.add(load, "discord.py", peer)
        values.add(load, SUBSCRIBER, ours / 2)
    values.fail(load, "@discordjs/ws zlib-sync", "it ended")
    values.compare()
    results = Results("", "", "", list(rows.values()), base="bare")
    results.compare()
    worker = rows[under(load, WORKER)]
    assert (worker.of_base, worker.met) == (2.5, False)
    assert rows[under(load, over(WORKER, "discord.py"))].values == [125.0, 75.0]
    assert rows[under(load, over(SUBSCRIBER, WORKER))].values == [50.0, 50.0]
    failed = rows[under(load, over(WORKER, "@discordjs/ws zlib-sync"))]
    assert cells(failed)[1:3] == ("-", "it ended")
    assert len({row.name for row in declared(options)}) == len(declared(options))


def test_the_worker_has_its_latency_with_rests_and_without() -> None:
    assert (OURS.keys.latency_ms, OURS_AT_ONCE.keys.latency_ms) == (5, 0)
    rows = {row.name: row for row in declared(RateOptions())}
    load = LATENCY[0]
    wanted = [rows[under(latency_group(client, load), latency(0.99))].aim
              for client in (OURS, OURS_AT_ONCE)]  # fmt: skip
    assert wanted == [7.0, 0.82]


def test_a_program_that_was_not_built_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "twilight_raw"
    library = Library("twilight raw", str(program))
    assert library.missing == "not built: make twilight"
    program.touch()
    assert (library.missing, library.command) == ("", [str(program)])


def test_a_group_stands_once_above_its_rows() -> None:
    rows = [Row("alone", "µs", [1.0])]
    rows += [Row(under("a", what), "µs", [1.0], group="a") for what in ("one", "two")]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(Results("", "", "", rows)))
    lines = [line.split()[0] for line in console.export_text().splitlines() if line.split()]
    assert lines[2:6] == ["alone", "a", "one", "two"]


def test_every_row_of_the_table_comes_about(folder: Path) -> None:
    results = asyncio.run(run.run(SMALL, folder, lambda text: None))
    empty = {row.name for row in results.rows if not row.values}
    # One number of sessions says nothing of the memory of one; and what is not here can't be met.
    others = {row.name for row in results.rows if row.missing}
    assert {name for name in empty - others if "memory a session" not in name} == set()
    rows = {row.name: row for row in results.rows}
    for load in SMALL.loads:
        ours = rows[under(load.label, WORKER)]
        assert ours.of_base is not None
        assert 1 < ours.values[0] < 100_000
    for client in (OURS, OURS_AT_ONCE):
        group = latency_group(client, SMALL.latency[0])
        p50, p99 = (rows[under(group, latency(part))] for part in (0.5, 0.99))
        assert 0 < p50.values[0] <= p99.values[0]
