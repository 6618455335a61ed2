"""Hosts on machines with addresses of their own, the way to which is cut, slow, or stands still, or
which stand still themselves. The gateway goes on meanwhile, as Discord does."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import pytest

from cluster.control import ControlClient
from cluster.sandbox import SandboxControl
from cluster.wire.states import HostState
from cluster.wire.status import ClusterStatus
from tests.e2e.home import Home, offer, run_sandbox
from tests.e2e.on_hosts.agents import Agent, add_key, agents, offer_hosts
from tests.e2e.on_hosts.network import HERE, ROOT, Machine, Relay, network, why_not
from tests.e2e.on_hosts.test_hosts import host_of, spread_over
from tests.e2e.watching import (
    Row,
    Seen,
    all_dispatched,
    assert_same,
    control_of,
    eventually,
    identified,
    sandbox_of,
    watching,
)

SHARDS = 6
PARTITION_S = 20.0

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


class Run(NamedTuple):
    """A cluster on two hosts, host-1 and host-2, under traffic."""

    agents: list[Agent]
    machines: dict[str, Machine]
    ports: list[int]
    """Ports by which hosts reach the coordinator."""
    relays: list[Relay]
    """The ways of host-2 to these ports."""
    sandbox: SandboxControl
    control: ControlClient
    seen: Seen

    async def status(self, holds: Callable[[ClusterStatus], bool]) -> ClusterStatus:
        return await eventually(self.control.status, holds)

    async def is_in(self, name: str, state: HostState) -> ClusterStatus:
        """Wait until a host is in a state."""
        return await self.status(lambda s: host_of(s, name).state is state)

    async def resumed(self) -> int:
        """Return how often a session was resumed."""
        return int((await self.sandbox.state())["counters"].get("resumed", 0))

    async def both(self) -> ClusterStatus:
        """Wait until both hosts have their shares, all shards ready."""
        return await self.status(lambda s: spread_over(s, "host-1", "host-2"))


@contextlib.contextmanager
def ways(machine: Machine, here: dict[int, int]) -> Iterator[list[Relay]]:
    """Let ports of a machine's loopback lead to ports of this one. here: its port -> ours."""
    relays: list[Relay] = []
    try:
        for port, ours in here.items():
            relays.append(Relay.start(f"127.0.0.1:{port}", f"{HERE}:{ours}", machine))
        yield relays
    finally:
        for relay in relays:
            relay.end()


def over_the_network(
    home: Home, scenario: Callable[[Run], Awaitable[None]], lease_s: float
) -> None:
    """Run a scenario on a cluster with two hosts, under traffic. All has come once and in order at
    its end, here and to a subscriber on a machine of its own, and each shard has identified once:
    none ever had two sessions."""
    with (
        network("host-1", "host-2", "bot") as machines,
        run_sandbox(guilds=12, shards=SHARDS, max_concurrency=SHARDS, rate=150.0) as info,
    ):
        ports = offer_hosts(home, lease_s, HERE)
        offer(home, HERE)
        home.use(info)
        add_key(home, "bot", address=HERE)
        gateway = [urlsplit(url).port or 0 for url in (info.gateway_url, info.resume_url)]
        with contextlib.ExitStack() as stack:
            for port in gateway:
                stack.callback(Relay.start(f"{HERE}:{port}", f"127.0.0.1:{port}").end)
            for machine in (machines["host-1"], machines["host-2"]):
                stack.enter_context(ways(machine, {port: port for port in gateway}))
            relays = stack.enter_context(ways(machines["host-2"], {p: p for p in ports}))
            made = stack.enter_context(agents(home, "host-1", "host-2"))
            made[0].machine, made[1].machine = machines["host-1"], machines["host-2"]
            made[1].join = f"tcp://127.0.0.1:{ports[0]}"
            start = home.cli("start", "--detach")
            assert start.returncode == 0, start.stderr

            async def main() -> None:
                async with (
                    sandbox_of(info) as sandbox,
                    control_of(home) as control,
                    watching(home) as seen,
                ):
                    for agent in made:
                        agent.start()
                    run = Run(made, machines, ports, relays, sandbox, control, seen)
                    await run.both()
                    bot = RemoteSeen(machines["bot"], home)
                    # What it lacks when a host is given up, it is told to be gone
                    await bot.until(seen.events + 100)
                    await scenario(run)
                    expected = await all_dispatched(sandbox, seen)
                    seen.check(expected)
                    await bot.check(expected)
                    assert await identified(sandbox) == SHARDS

            asyncio.run(main())
            stop = home.cli("stop")
            assert stop.returncode == 0, stop.stderr


class RemoteSeen:
    """A Subscriber on another machine, over TCP, that began at the oldest event."""

    def __init__(self, machine: Machine, home: Home) -> None:
        self._file = home.state / "bot.rows"
        words = (
            sys.executable,
            "-m",
            "tests.e2e.on_hosts.remote_witness",
            str(home.state / "bot.key"),
        )
        with self._file.open("wb") as out:
            machine.start(*words, stdout=out, cwd=ROOT)

    def said(self) -> tuple[list[Row], list[str]]:
        """Return the events that came, and the gaps."""
        rows: list[Row] = []
        gaps: list[str] = []
        for line in self._file.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):  # it is just being written
                break
            said = msgspec.json.decode(line)
            if "gap" in said:
                gaps.append(said["gap"])
            else:
                shard, seq, name, digest = said["row"]
                rows.append((shard, seq, name, digest))
        return rows, gaps

    async def until(self, count: int) -> None:
        """Wait until so many events came."""

        async def events() -> int:
            return len(self.said()[0])

        await eventually(events, lambda n: n >= count)

    async def check(self, expected: list[Row]) -> None:
        """Each dispatch comes once, in order per shard, and no gap."""

        async def said() -> tuple[list[Row], list[str]]:
            return self.said()

        rows, gaps = await eventually(said, lambda s: len(s[0]) >= len(expected) or bool(s[1]))
        assert gaps == []
        assert_same(rows, expected)
        for shard in range(SHARDS):
            seqs = [seq for shard_id, seq, *_ in rows if shard_id == shard]
            assert seqs == sorted(seqs), f"shard {shard} is out of order"


def test_ways_that_are_cut_or_slow_for_less_than_a_lease(home: Home) -> None:
    """Nothing moves: workers go on with their sessions, and what they journal comes when the way is
    there again."""

    async def scenario(run: Run) -> None:
        before = await run.both()
        host = run.machines["host-1"]
        for relay in run.relays:
            relay.tell(delay=0.2)
        for to_here, from_here in ((True, True), (True, False), (False, True)):
            host.cut(run.ports, to_here=to_here, from_here=from_here)
            cut_at = time.monotonic()
            await run.is_in("host-1", HostState.AWAY)
            for relay in run.relays:
                relay.tell(stalled=1)
            await run.is_in("host-2", HostState.AWAY)
            for relay in run.relays:
                relay.tell(stalled=0)
            await run.is_in("host-2", HostState.HERE)
            await asyncio.sleep(cut_at + PARTITION_S - time.monotonic())
            host.mend()
            after = await run.both()
        assert [w.pid for w in after.workers] == [w.pid for w in before.workers]
        assert (await run.resumed()) <= SHARDS, "but for those that moved when host-2 came"

    over_the_network(home, scenario, lease_s=40.0)


def test_hosts_that_are_cut_off_or_stand_still_for_longer_than_a_lease(home: Home) -> None:
    """Their shards go on elsewhere, and when they are back they do not take them again by
    themselves: no shard has two sessions, nor one session two owners in turn."""

    async def scenario(run: Run) -> None:
        first, second = run.machines["host-1"], run.machines["host-2"]
        first.cut(run.ports)
        await run.is_in("host-1", HostState.GONE)
        await run.status(lambda s: spread_over(s, "host-2"))
        await run.seen.more(200)
        resumed = await run.resumed()
        first.mend()
        await run.both()
        moved = await run.resumed() - resumed
        assert moved == SHARDS // 2, "each that moves back is resumed once"
        relays = [relay.pid for relay in run.relays]
        second.signal(signal.SIGSTOP, spared=relays)
        await run.is_in("host-2", HostState.GONE)
        await run.status(lambda s: spread_over(s, "host-1"))
        await run.seen.more(200)
        second.signal(signal.SIGCONT)
        await run.both()
        await run.seen.more(200)

    over_the_network(home, scenario, lease_s=6.0)
