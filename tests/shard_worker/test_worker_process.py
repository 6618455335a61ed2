"""A worker process against the sandbox: what was dispatched is journalled and published."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import pytest

from cluster.sandbox import SandboxControl
from cluster.wire.link import IdentifySent, Reconnect, Release, ShardPlan, Stop, Take
from tests.shard_worker.rig import Rig, worker_config
from tests.shard_worker.scenarios import ends_equal, run, under_traffic


def test_cuts() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        await control.fault(kind="cut", how="rst")
        await rig.reconnected("connection lost")
        await control.fault(kind="cut", how="mid_frame")
        await rig.reconnected("connection lost", 2)
        await ends_equal(rig)

    run(scenario)


@pytest.mark.parametrize(
    "faults",
    [
        {
            "op 7": {"kind": "op7"},
            "corrupt stream": {"kind": "corrupt"},
            "closed 4008": {"kind": "close", "code": 4008},
        },
        {
            "zombie": {"kind": "half_open"},
            "op 9": {"kind": "op9", "resumable": True},
        },
    ],
    ids=", ".join,
)
def test_all_that_is_cured_by_a_resume(faults: dict[str, dict[str, Any]]) -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        for cause, fault in faults.items():
            await control.fault(**fault)
            await rig.reconnected(cause)
        await ends_equal(rig)

    run(scenario, heartbeat_interval_ms=1000, heartbeat_grace_s=5)


def test_permessage_deflate_and_odd_replays() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await control.fault(kind="permessage_deflate")
        await under_traffic(rig, control)
        await control.fault(kind="resumed_seq", mode="repeat", count=2)
        await control.fault(kind="cut", how="fin")
        await rig.reconnected("connection lost")
        await control.fault(kind="resumed_seq", mode="new", count=2)
        await control.fault(kind="cut", how="fin")
        await rig.reconnected("connection lost", 2)
        await ends_equal(rig)

    run(scenario, spec={"compress": ""})


def test_a_session_that_is_gone_begins_an_epoch() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        await control.fault(kind="op9", resumable=False)
        await rig.until(lambda: all(r.epoch == 2 for r in rig.reports.values()))
        await rig.ready()
        await ends_equal(rig, identifies=4)
        assert [m for m in rig.messages if m.startswith(b"_epoch_end.")]

    run(scenario, identify_window_s=0.5)


def test_a_dead_resume_host() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        await control.fault(kind="resume_host", mode="503", count=1000, seconds=600.0)
        await control.fault(kind="cut", how="rst")
        await rig.reconnected("connection lost")
        await rig.ready()
        failed = [r.reconnects.get("connect failed", 0) for r in rig.reports.values()]
        assert sum(failed) == 3, "one shard learns from the other that the host is dead"
        await ends_equal(rig)

    run(scenario, spec={"compress": "zstd-stream"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_next_process_resumes_from_the_journal(number: signal.Signals) -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        assert rig.process is not None
        rig.process.send_signal(number)
        assert await rig.exit_code() == (-number if number == signal.SIGKILL else 0)
        reports, rig.reports = rig.reports, {}
        # As if no watermark had ever left the hub: all that the journal holds comes out again.
        await rig.start(start_after=dict.fromkeys(range(2), (0, -1)))
        await rig.ready()
        for (
            shard,
            before,
        ) in reports.items():  # what a report says of the session outlives the process
            now = rig.reports[shard]
            assert now.guilds == before.guilds
            assert now.session_age_s is not None
            assert before.session_age_s is not None
            assert now.session_age_s > before.session_age_s
        assert sum(report.guilds for report in reports.values()) == 6
        await ends_equal(rig)

    run(scenario)


def test_without_a_coordinator_it_ends_resumable() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        rig.answering = False
        assert await rig.exit_code() == 4
        assert b"no coordinator" in rig.log
        rig.answering = True
        rig.reports.clear()
        await rig.start(config=worker_config(adopt_seconds=60.0))
        await rig.ready()
        await ends_equal(rig)

    run(scenario, spec={"config": worker_config(adopt_seconds=1.5)})


def test_logout_ends_the_sessions() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await rig.start()
        await rig.ready()
        assert await rig.stop(logout=True) == 0
        rig.reports.clear()
        await rig.start()
        await rig.ready()
        assert rig.count(IdentifySent) == 2
        assert await rig.stop() == 0

    run(scenario, shards=1, identify_window_s=0.1)


def test_a_refused_token_is_shown_and_does_not_spin() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await rig.start(token="wrong.token.here")
        await rig.until(lambda: bool(rig.reports) and rig.reports[0].state == "fatal")
        assert "DCGW_TOKEN" in rig.reports[0].detail
        assert await rig.stop() == 0
        assert rig.count(IdentifySent) == 1
        assert b"wrong.token" not in rig.log

    run(scenario, shards=1)


def test_one_owner_a_slot() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await rig.start()
        await rig.ready()
        first = rig.process
        await rig.start()
        assert await rig.exit_code() == 3
        rig.process = first
        assert await rig.stop() == 0

    run(scenario, shards=1)


@pytest.mark.parametrize("data", [b"", b"\x00", b"token"])
def test_a_spec_that_is_none(data: bytes) -> None:
    async def main() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "shard_worker",
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, log = await asyncio.wait_for(process.communicate(data), 20)
        assert process.returncode == 2
        assert b"Traceback" not in log

    asyncio.run(main())


def test_a_shard_that_is_given_up_and_taken_again() -> None:
    """The worker goes on with its other shards; a shard taken again is resumed from the journal."""

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        await rig.send(Release(shard_id=1, to_slot=3))
        await rig.until(lambda: set(rig.reports) == {0})
        await rig.send(Release(shard_id=1, to_slot=3))  # said twice, as it may be
        events = len(rig.messages)
        await rig.until(lambda: len(rig.messages) > events + 50)
        plan = ShardPlan(shard_id=1, shard_count=2)
        await rig.send(Take(shard=plan))
        await rig.send(Take(shard=plan))
        await rig.ready()
        await rig.send(Reconnect(shard_id=0))
        await rig.until(lambda: rig.reports[0].reconnects.get("restart") == 1)
        await rig.ready()
        await ends_equal(rig)

    run(scenario)


def test_what_comes_after_stop_is_not_heeded() -> None:
    """A shard that is begun then would run while its next owner begins it too."""

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        await rig.send(Release(shard_id=1, to_slot=3))
        await rig.until(lambda: set(rig.reports) == {0})
        await rig.send(Stop())
        await rig.send(Take(shard=ShardPlan(shard_id=1, shard_count=2)))
        assert await rig.exit_code() == 0
        assert set(rig.reports) == {0}
        assert b"shard 1 is this worker's now" not in rig.log

    run(scenario)
