"""A worker on another host: what it does by its lease, and where others go on with its sessions."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import pytest

from cluster.hosts.leases import HostLease
from cluster.sandbox import Sandbox, SandboxControl, SandboxOptions
from cluster.wire.link import (
    Checkpoint,
    Hello,
    IdentifySent,
    Release,
    Report,
    ShardPlan,
    Stopped,
    Take,
)
from cluster.wire.shard_state import ShardState
from shard_worker.delivery.shard_delivery import ShardDelivery
from tests.shard_worker.rig import Event, Rig, worker_config
from tests.shard_worker.scenarios import ends_equal, run, under_traffic
from tests.shard_worker.test_worker_failures import UnforeseenError, ends_by

LEASE_S = 3.0
HELLO_MS = 4000.0
SHARDS = 2
ORPHANED = 4


def on_two_hosts(
    scenario: Callable[[Rig, Rig, SandboxControl], Awaitable[None]], **options: Any
) -> None:
    """Run a scenario with the worker of a host, and that of another which has nothing yet."""

    async def main() -> None:
        world = {"guilds": 6, "members_per_guild": 10, "latency_ms": 0.0} | options
        chosen = SandboxOptions(shards=SHARDS, max_concurrency=SHARDS, **world)
        async with (
            Sandbox(chosen) as sandbox,
            Rig(sandbox, SHARDS, lease_s=LEASE_S) as one,
            Rig(sandbox, SHARDS, lease_s=60.0) as other,
            SandboxControl(sandbox.info.control_url, sandbox.info.control_token) as control,
        ):
            await scenario(one, other, control)

    asyncio.run(main())


def plans(states: dict[int, ShardState]) -> list[ShardPlan]:
    """Return shards as another host is given them."""
    return [
        ShardPlan(shard_id=shard, shard_count=SHARDS, last_epoch=1, state=state)
        for shard, state in states.items()
    ]


async def goes_on(
    one: Rig,
    other: Rig,
    control: SandboxControl,
    told: dict[int, int],
    kept: Iterable[Event] = (),
) -> None:
    """Assert that the other host has gone on with the sessions from where they were told to be, and
    that nothing is missing of what both published. kept: what the first has in its journal, and may
    not have published when it was stopped."""
    await control.quiesce()
    expected, kept = one.dispatched(), set(kept)
    await other.until(lambda: one.published() | other.published() | kept >= expected)
    found = one.published() | other.published() | kept
    assert found == expected, "equal positions are equal events"
    assert one.count(IdentifySent) == SHARDS
    assert other.count(IdentifySent) == 0
    assert await other.stop() == 0, other.log.decode()
    other._epochs.update(dict.fromkeys(range(SHARDS), 1))
    assert other.journalled() == sorted(row for row in expected if row[2] > told[row[0]])


def test_it_begins_when_its_first_report_is_answered_and_ends_with_its_lease() -> None:
    """adopt_seconds say nothing any more."""

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        rig.leasing = False
        first, second = (ShardPlan(shard_id=n, shard_count=SHARDS) for n in range(SHARDS))
        await rig.start(shards=[first])
        await rig.until(lambda: rig.count(Report) >= 2)
        await rig.send(Take(shard=second))
        await rig.until(lambda: set(rig.reports) == {0, 1})
        assert rig.sandbox.state.counters["connections"] == 0
        rig.leasing = True
        await rig.ready()
        await rig.coordinator_goes()
        assert await rig.exit_code() == ORPHANED
        assert b"of a lease: closing resumable" in rig.log
        assert not [s for s in rig.sandbox.state.dispatcher.sessions.values() if s.sink]
        rig.coordinator_comes()
        rig.reports.clear()
        await rig.start()
        await rig.ready()
        await ends_equal(rig)

    run(scenario, spec={"lease_s": LEASE_S, "config": worker_config(adopt_seconds=0.1)})


def test_what_a_coordinator_must_know_is_told_before_the_report_that_counts_on_from_it() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        known = dict[int, int]()
        for message in list(rig.heard):
            if isinstance(message, Checkpoint):
                known |= {state.shard_id: state.epoch for state in message.states}
            elif isinstance(message, Report):
                told = [shard for shard in message.shards if shard.seq >= 0]
                assert all(known.get(shard.shard_id) == shard.epoch for shard in told)
        assert known == {0: 1, 1: 1}
        await rig.send(Release(shard_id=1, to_slot=3))
        await rig.until(lambda: set(rig.reports) == {0})
        last = next(n for n, m in enumerate(rig.heard) if isinstance(m, Report) and m.has == [0])
        before = rig.heard[last - 1]
        assert isinstance(before, Checkpoint)
        released = next(state for state in before.states if state.shard_id == 1)
        assert released.last
        assert (released.moved_to, released.floor) == (3, -1), "nothing is unknown of it"
        await control.quiesce()
        assert await rig.stop() == 0
        assert isinstance(rig.heard[-1], Stopped)
        ends = [message for message in rig.heard if isinstance(message, Checkpoint)][-1]
        assert {state.shard_id: state.floor for state in ends.states} == {0: -1, 1: -1}
        assert ends.states[0].seq == rig.states[0].seq

    run(scenario, spec={"lease_s": 60.0})


def test_a_worker_that_fails_tells_of_nothing_that_is_not_journalled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another host would go on after that."""

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        with monkeypatch.context() as patch:

            def broken(*_: Any) -> None:
                raise UnforeseenError("in a drain")

            await ends_by(rig, control, lambda: patch.setattr(ShardDelivery, "deliver", broken))
        await rig.until(lambda: isinstance(rig.heard[-1], Stopped))
        held = {
            shard: max(row[2] for row in rig.journalled() if row[0] == shard) for shard in (0, 1)
        }
        assert all(state.seq <= held[shard] for shard, state in rig.states.items())

    run(scenario, spec={"lease_s": 60.0})


def test_a_coordinator_that_only_answers_reports_is_greeted_and_told_all() -> None:
    """It is another than before, which nobody has noticed."""

    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        greeted, told = rig.count(Hello), rig.count(Checkpoint)
        await rig.until(lambda: rig.count(Hello) > greeted and rig.count(Checkpoint) > told)
        last = next(message for message in reversed(rig.heard) if isinstance(message, Checkpoint))
        assert [state.shard_id for state in last.states] == [0, 1]
        assert await rig.stop() == 0

    run(scenario, spec={"lease_s": 4.0})


def test_a_host_that_is_lost_with_its_disk_costs_no_event_and_no_identify() -> None:
    """Discord forgets what a heartbeat acknowledges. The coordinator does not hear what the host
    has received last."""

    async def scenario(one: Rig, other: Rig, control: SandboxControl) -> None:
        await control.fault(kind="trim_on_heartbeat", on=True)
        await under_traffic(one, control)
        await one.until(lambda: all(state.seq > 100 for state in one.states.values()))
        await one.coordinator_goes()
        sessions = list(one.sandbox.state.dispatcher.sessions.values())
        known = {shard: state.seq for shard, state in one.states.items()}
        beats = {peer.number: peer.heartbeats for peer in one.sandbox.state.peers.values()}
        await one.until(
            lambda: (
                all(session.seq > known[session.shard] + 50 for session in sessions)
                and all(
                    peer.heartbeats > beats[peer.number] + 2
                    for peer in one.sandbox.state.peers.values()
                )
            )
        )
        assert all(0 < session.acknowledged <= known[session.shard] for session in sessions)
        assert one.process is not None
        one.process.kill()
        await one.exit_code()
        await other.start(shards=plans(one.states))
        await other.ready()
        assert b"comes from the coordinator" in other.log
        await goes_on(one, other, control, known)

    on_two_hosts(scenario, heartbeat_interval_ms=250, heartbeat_grace_s=30)


async def until_they_wait_for_hello(rig: Rig, control: SandboxControl) -> None:
    """Cut all connections, and let HELLO come late on the next ones."""
    state = rig.sandbox.state
    options = state.options
    state.options = msgspec.structs.replace(options, latency_ms=HELLO_MS)
    await control.fault(kind="cut", how="rst")
    await rig.until(lambda: all(r.state == "awaiting_hello" for r in rig.reports.values()))
    state.options = options


@pytest.mark.parametrize("resuming", [False, True])
def test_a_host_that_was_frozen_for_longer_than_its_lease_takes_nothing_back(
    resuming: bool,
) -> None:
    """Before any timer comes, it finds in its sockets that its connections are closed, or HELLO,
    after which it would resume."""

    async def scenario(one: Rig, other: Rig, control: SandboxControl) -> None:
        await under_traffic(one, control)
        await one.until(lambda: len(one.states) == SHARDS)
        assert one.process is not None
        if resuming:
            await until_they_wait_for_hello(one, control)
        one.process.send_signal(signal.SIGSTOP)
        lease = HostLease(LEASE_S, time.monotonic())
        while not lease.has_ended(time.monotonic()):  # noqa: ASYNC110  # as a coordinator waits
            await asyncio.sleep(0.05)
        known = {shard: state.seq for shard, state in one.states.items()}
        await other.start(shards=plans(one.states))
        await other.ready()
        resumed = one.sandbox.state.counters["resumed"]
        one.process.send_signal(signal.SIGCONT)
        assert await one.exit_code() == ORPHANED
        assert one.sandbox.state.counters["resumed"] == resumed == SHARDS
        await goes_on(one, other, control, known, one.journalled())
        assert all(not report.reconnects for report in other.reports.values())

    on_two_hosts(scenario)


def test_a_shard_moves_to_another_host_and_back() -> None:
    """Its state goes with it, so that nothing is unknown of what there was before."""

    async def scenario(one: Rig, other: Rig, control: SandboxControl) -> None:
        await under_traffic(one, control)
        await other.start(shards=[])
        await other.until(lambda: other.count(Report) > 0)
        await one.send(Release(shard_id=1, to_slot=3))
        await one.until(lambda: set(one.reports) == {0})
        moved = one.states[1]
        await other.send(Take(shard=plans({1: moved})[0]))
        await other.until(lambda: 1 in other.reports and other.reports[1].state == "ready")
        await other.until(lambda: other.states[1].seq > moved.seq)
        await other.send(Release(shard_id=1, to_slot=0))
        await other.until(lambda: other.reports == {})
        back = other.states[1]
        assert (back.epoch, back.floor) == (1, -1)
        assert set(back.last) >= set(moved.last)
        await one.send(Take(shard=plans({1: back})[0]))
        await one.until(lambda: 1 in one.reports and one.reports[1].state == "ready")
        await control.quiesce()
        expected = one.dispatched()
        await one.until(lambda: one.published() | other.published() >= expected)
        assert (one.count(IdentifySent), other.count(IdentifySent)) == (SHARDS, 0)
        assert await other.stop() == await one.stop() == 0
        assert {(state.epoch, state.moved_to, state.floor) for state in one.states.values()} == {
            (1, -1, -1)
        }

    on_two_hosts(scenario)
