"""The benchmarks themselves: they run, and what they measure is what they say."""

from __future__ import annotations

import asyncio
import json
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__, delivery, hubs, libraries, measures, proxy, recording
from benchmarks.libraries import LIBRARIES, Library
from benchmarks.results import FLOOR, WORKER, Results, Row, cells

EVENTS = 2000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a recording in it."""
    made = tmp_path_factory.mktemp("recording")
    recording.load(EVENTS, folder=made)
    return made


def test_the_recording_is_one_stream_in_which_pieces_may_be_put(folder: Path) -> None:
    stream = recording.load(EVENTS, folder=folder)
    assert stream.events == EVENTS
    inflate = zlib.decompressobj()
    inflate.decompress(recording.ZLIB_HEADER)
    seq, digests = recording.FIRST_SEQ, []
    for segment in stream.segments:
        (ack,) = recording.piece([b'{"t":null,"s":null,"op":11,"d":null}'])
        assert json.loads(inflate.decompress(ack))["op"] == 11
        for payload in recording.payloads(segment.frames):
            assert payload.endswith(b"\x00\x00\xff\xff")
            text = inflate.decompress(payload)
            event = json.loads(text)
            assert (event["s"], event["op"]) == (seq, 0)
            assert event["t"] in recording.MIX
            data = text.split(b'"op":0,"d":', 1)[1][:-1]
            digests.append(recording.digest(event["t"], seq, data))
            seq += 1
    assert recording.added(digests) == stream.digest(0, EVENTS)


def test_a_recording_goes_on_with_other_numbers(folder: Path) -> None:
    stream = recording.load(EVENTS, folder=folder)
    segments = recording.renumbered(stream, EVENTS + recording.SEGMENT, 7)
    inflate = zlib.decompressobj(-15)
    texts = [inflate.decompress(payload) for s in segments for payload in recording.payloads(s)]
    assert [json.loads(text)["s"] for text in texts] == list(range(7, 7 + len(texts)))
    assert len(texts) == EVENTS + recording.SEGMENT


def test_the_worker_and_its_floor(folder: Path) -> None:
    async def main() -> None:
        async with measures.bench(EVENTS, folder) as bench:
            # Whether every event arrived is checked in there.
            worker = await measures.throughput(bench, 500, 1500, 1 << 20)
            floor = await measures.floor(bench, 500, 2000)
        assert 0.1 < floor < worker < 1000

    asyncio.run(main())


def test_delivery(folder: Path) -> None:
    async def main() -> None:
        async with measures.bench(EVENTS, folder) as bench:
            cost = await delivery.live(bench, EVENTS)
            rate = await delivery.replayed(bench, EVENTS, 8)
        assert 0.01 < cost.hub < 1000
        assert 0.1 < cost.subscriber < 1000
        assert rate > 100

    asyncio.run(main())


def test_batches_are_of_the_recordings_events(folder: Path) -> None:
    stream = recording.load(EVENTS, folder=folder)
    digests = [
        recording.digest(name, seq + recording.FIRST_SEQ, data)
        for drain in delivery.drains(stream, EVENTS, 300)
        for name, seq, data in drain
    ]
    assert len(digests) == EVENTS
    assert recording.added(digests) == stream.digest(0, EVENTS)


def test_quiet_sessions(folder: Path) -> None:
    async def main() -> None:
        async with measures.bench(EVENTS, folder) as bench:
            assert await measures.memory(bench, 3) > 1
            latencies, _ = await measures.flood(bench, 2, 5000)
        assert latencies
        assert max(latencies) < 10_000

    asyncio.run(main())


@pytest.mark.parametrize(
    "library",
    [
        pytest.param(
            library,
            id=library.label,
            marks=[pytest.mark.skip(reason=library.missing)] if library.missing else [],
        )
        for library in LIBRARIES
    ],
)
def test_a_library(folder: Path, library: Library) -> None:
    async def main() -> None:
        async with measures.bench(EVENTS, folder) as bench:
            us = await libraries.microseconds(library, bench.gateway, bench.addresses, 500, 1500)
        assert 0.1 < us < 10_000

    asyncio.run(main())


def test_rows_are_compared_round_by_round() -> None:
    floor, slow, other = Row(FLOOR, "µs", [1, 2]), Row("slow", "µs", [3, 4]), Row("rss", "MB", [9])
    slow.aim_of_base, other.aim = 2.0, 9.5
    Results("", "", "", [floor, slow, other]).compare()
    assert (slow.of_base, slow.met, other.of_base, other.met) == (2.5, False, None, True)
    assert cells(slow) == ("slow", "3.5 µs", "3.0 to 4.0", "2.50", "≤ 2.00: missed")
    worker = Row(WORKER, "µs", [6, 6])
    hub, replay = Row("hub", "µs", [1, 2], aim_of_worker=8), Row("replay", "/s", [9], at_least=8)
    Results("", "", "", [floor, worker, hub, replay]).compare()
    assert (hub.of_worker, hub.met, replay.met) == (0.25, False, True)
    assert cells(hub)[4] == "≤ 1/8 of the worker (1/4.0): missed"
    assert cells(Row("none", "µs", missing="no node here"))[1:3] == ("-", "no node here")


def test_the_command_refuses_no_rounds() -> None:
    outcome = CliRunner().invoke(__main__.main, ["--rounds", "0"])
    assert outcome.exit_code == 2
    assert "--rounds" in outcome.output


def test_what_hubs_cost_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hubs, "LOADS", (hubs.Load("some", 10, 5, 50),))
    asyncio.run(hubs.run(2, 1))
    said = capsys.readouterr().out
    assert said.startswith("2 hubs, some: ")
    assert " µs an event, " in said


def test_the_proxy(folder: Path) -> None:
    options = proxy.ProxyOptions(
        rounds=1, events=1000, seconds=0.5, many=2, most=2, settle=0.1, folder=folder
    )
    results = asyncio.run(proxy.run(options, lambda text: None))
    assert [row.name for row in results.rows if len(row.values) != 1] == []
