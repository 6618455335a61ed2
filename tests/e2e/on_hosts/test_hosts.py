"""Workers on several hosts, which are folders of this machine here: joined over TCP, lost, drained,
taken over. Every event comes once, and no identify is spent but the first of each shard."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from cluster.control import ControlClient
from cluster.sandbox import SandboxControl
from cluster.wire.states import HostState
from cluster.wire.status import ClusterStatus, HostStatus
from tests.e2e.home import Home, run_sandbox
from tests.e2e.on_hosts.agents import LEASE_S, Agent, add_key, agents, offer_hosts
from tests.e2e.watching import (
    Seen,
    all_dispatched,
    control_of,
    eventually,
    identified,
    sandbox_of,
    watching,
)

SHARDS = 6


class Run(NamedTuple):
    """A cluster whose workers run on hosts, under traffic, and who looks on."""

    home: Home
    agents: list[Agent]
    sandbox: SandboxControl
    control: ControlClient
    seen: Seen

    async def ready(self, *names: str) -> ClusterStatus:
        """Wait until all shards are ready on these hosts, and on no others."""
        return await eventually(self.control.status, lambda s: spread_over(s, *names))

    async def more(self) -> None:
        """Wait for more events."""
        await self.seen.more(200)


def host_of(status: ClusterStatus, name: str) -> HostStatus:
    return next(host for host in status.hosts if host.name == name)


def spread_over(status: ClusterStatus, *names: str) -> bool:
    """Whether all shards are ready on these hosts, which have as many workers each, or one more or
    less, and on no others."""
    with_shards = {host.name: host for host in status.hosts if host.shards}
    workers = [host.workers for host in with_shards.values()]
    equal = bool(workers) and max(workers) - min(workers) <= 1
    operating = status.operation is not None and status.operation.state == "running"
    return status.state == "ready" and set(with_shards) == set(names) and equal and not operating


def on_hosts(
    home: Home,
    *names: str,
    scenario: Callable[[Run], Awaitable[None]],
    workers: str = "auto",
    lease_s: float = LEASE_S,
) -> None:
    """Run a scenario on a cluster with so many agents, the first of which has joined when it
    begins. All events have come once at its end, and each shard has identified once."""
    offer_hosts(home, lease_s)
    with (
        run_sandbox(guilds=12, shards=SHARDS, max_concurrency=SHARDS, rate=200.0) as info,
        agents(home, *names) as made,
    ):
        home.use(info)
        start = home.cli("start", "--detach", "--workers", workers)
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with (
                sandbox_of(info) as sandbox,
                control_of(home) as control,
                watching(home) as seen,
            ):
                run = Run(home, made, sandbox, control, seen)
                made[0].start()
                await run.ready(names[0])
                await scenario(run)
                expected = await all_dispatched(sandbox, seen)
                seen.check(expected)
                assert await identified(sandbox) == SHARDS

        asyncio.run(main())
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
    assert home.leftovers() == []


def test_hosts_join_and_are_drained_and_lost(home: Home) -> None:
    """A host that joins gets its share, one that is drained gives its shards away, and of one that
    dies with all its processes the shards go on elsewhere when its lease has run out."""

    async def scenario(run: Run) -> None:
        first, second, third = run.agents
        await run.more()
        second.start()
        await run.ready("host-1", "host-2")
        await run.more()
        third.start()
        await run.ready("host-1", "host-2", "host-3")
        await run.more()
        drained = await asyncio.to_thread(run.home.cli, "drain", "host-1")
        assert drained.returncode == 0, drained.stderr
        status = await run.ready("host-2", "host-3")
        assert host_of(status, "host-1").state is HostState.DRAINING
        await run.more()
        second.die()
        status = await run.ready("host-3")
        assert host_of(status, "host-2").state is HostState.GONE
        await run.more()
        assert first.process is not None
        assert first.process.poll() is None

    on_hosts(home, "host-1", "host-2", "host-3", scenario=scenario)


def test_a_coordinator_and_an_agent_that_die_are_followed_by_others(home: Home) -> None:
    """Agents and workers go on without a coordinator, workers without their agent, and are taken
    over: the same processes, no connection is made anew."""

    async def scenario(run: Run) -> None:
        run.agents[1].start()
        before = await run.ready("host-1", "host-2")
        await run.more()
        os.kill(before.pid, signal.SIGKILL)
        again = await asyncio.to_thread(run.home.cli, "start", "--detach")
        assert again.returncode == 0, again.stderr
        after = await run.ready("host-1", "host-2")
        assert after.pid != before.pid
        assert [w.pid for w in after.workers] == [w.pid for w in before.workers]
        agent = run.agents[1]
        assert agent.process is not None
        agent.process.kill()
        agent.process.wait()
        agent.start()
        assert b'"ready":true' in await asyncio.to_thread(agent.outcome)
        await run.more()
        after = await run.ready("host-1", "host-2")
        assert [w.pid for w in after.workers] == [w.pid for w in before.workers]
        assert (await run.sandbox.state())["counters"].get("resumed", 0) <= SHARDS
        await run.more()

    # Workers wait that long for the next one, and a machine under load starts none in a short one
    on_hosts(home, "host-1", "host-2", scenario=scenario, lease_s=60.0)


def test_an_agent_that_begins_in_another_folder_takes_no_session_from_workers_that_live(
    home: Home,
) -> None:
    """Its agent is killed, and one starts elsewhere with its key: workers of the first, whom nobody
    hears, have closed their sessions before others resume them."""

    async def scenario(run: Run) -> None:
        agent = run.agents[0]
        await run.more()
        assert agent.process is not None
        agent.process.kill()
        agent.process.wait()
        other = run.agents[1]
        other.name = agent.name
        other.start()
        assert b'"ready":true' in await asyncio.to_thread(other.outcome)
        await run.more()
        await run.ready("host-1")
        assert agent.pids() == [agent.process.pid], "those that had the sessions have ended"
        agent.clear()

    on_hosts(home, "host-1", "host-2", scenario=scenario)


def test_a_coordinator_and_a_host_that_die_together(home: Home) -> None:
    """The next coordinator knows where the lost host's sessions were, though nobody is left to tell
    it, and nothing beyond that was acknowledged: they are resumed."""

    async def scenario(run: Run) -> None:
        first, second = run.agents
        second.start()
        before = await run.ready("host-1", "host-2")
        await run.more()
        os.kill(before.pid, signal.SIGKILL)
        second.die()
        again = await asyncio.to_thread(run.home.cli, "start", "--detach")
        assert again.returncode == 0, again.stderr
        await run.ready("host-1")
        await run.more()
        assert first.process is not None
        assert first.process.poll() is None

    on_hosts(home, "host-1", "host-2", scenario=scenario)


def host_gate_of(coordinator: int) -> int | None:
    """Return the process of the host gate of a coordinator; None: there is none now."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while it was looked at
            words = (entry / "cmdline").read_bytes()
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if b"coordinator.host_gate.gate" in words and int(parent) == coordinator:
                return int(entry.name)
    return None


def test_a_host_gate_that_is_killed_costs_no_event(home: Home) -> None:
    """Whatever was on its way is published again, and answers for journals come again."""

    async def scenario(run: Run) -> None:
        run.agents[1].start()
        coordinator = (await run.ready("host-1", "host-2")).pid
        for times in ("1 time:", "2 times:"):
            await run.more()
            gate = host_gate_of(coordinator)
            assert gate is not None
            os.kill(gate, signal.SIGKILL)
            said = f"the host gate was restarted {times}"
            await eventually(run.control.status, lambda s: any(said in t for t in s.troubles))  # noqa: B023
            await run.ready("host-1", "host-2")
        await run.more()

    on_hosts(home, "host-1", "host-2", scenario=scenario)


def test_who_may_not_join_is_told_why_and_costs_the_cluster_nothing(home: Home) -> None:
    """A name that is taken, a key without the right, a key that nobody knows, and an address at
    which nobody listens: each ends with a line of its own, and the workers go on as they did."""

    async def scenario(run: Run) -> None:
        before = await run.ready("host-1")
        add_key(run.home, "reader", "status")
        add_key(run.home, "stranger", "host")
        removed = run.home.cli("keys", "remove", "stranger")
        assert removed.returncode == 0, removed.stderr
        here, nobody = run.home.env["DCGW_HOSTS_CONTROL"], "tcp://127.0.0.1:1"
        for key, join, said in (
            ("host-1", here, "a host named host-1 has joined already"),
            ("reader", here, "does not let the key 'reader' in"),
            ("stranger", here, "does not let the key 'stranger' in"),
            ("stranger", nobody, f"nobody listens for hosts at {nobody}"),
        ):
            refused = await asyncio.to_thread(
                run.home.cli, "host", "--keys", str(run.home.state / f"{key}.key"),
                "--state-dir", str(run.home.state / "other"), "--wait", "3", "--join", join,
            )  # fmt: skip
            assert refused.returncode != 0
            error = next(line for line in refused.stderr.splitlines() if "Error: " in line)
            assert said in error, refused.stderr
        after = await run.ready("host-1")
        assert [w.pid for w in after.workers] == [w.pid for w in before.workers]
        assert [host.name for host in after.hosts] == ["host-1"]
        await run.more()

    on_hosts(home, "host-1", scenario=scenario)
