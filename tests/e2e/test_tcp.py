"""A cluster on TCP: who has the right key, a wrong one, none, one that was taken away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cluster.control import ControlClient
from cluster.endpoints.curve_keys import ClientKeys, KeyFolder, Right, encode, pair
from cluster.endpoints.paths import cluster_paths
from cluster.errors import KeyRefusedError, NotRunningError
from cluster.sandbox import SandboxInfo
from cluster.subscriber import Event, Gap, Subscriber
from tests.e2e.home import Home, offer, run_sandbox
from tests.e2e.watching import WITHIN_S, Seen, control_of, eventually, sandbox_of

SHARDS = 2
SOCKETS = ("events", "replay", "control")


class Far(Home):
    """A running cluster, and the files of its clients."""

    folder: Path
    sandbox: SandboxInfo

    def key(self, client: str, *may: Right) -> ClientKeys:
        """Make a key as `keys add` does, in this process: a command takes a while to start."""
        made = KeyFolder(cluster_paths("default", self.env).keys).add(client, may, now=0)
        ends = {name: self.env[f"DCGW_TCP_{name.upper()}"] for name in SOCKETS}
        return msgspec.structs.replace(made, **ends)


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    with (
        tempfile.TemporaryDirectory(prefix="dcgw-") as sockets,
        run_sandbox(guilds=4, shards=SHARDS, max_concurrency=SHARDS, rate=500.0) as info,
    ):
        far = Far(tmp_path_factory.mktemp("far"), Path(sockets))
        far.folder, far.sandbox = tmp_path_factory.mktemp("clients"), info
        far.use(info)
        offer(far)
        refused = far.cli("start", "--detach")
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
        assert "tcp.events is set, and there are no keys" in refused.stderr
        made = far.cli("keys", "add", "first", "--out", str(far.folder / "first.key"))
        assert made.returncode == 0, made.stderr
        started = far.cli("start", "--detach")
        assert started.returncode == 0, started.stderr
        try:
            asyncio.run(is_ready(far))  # any of these tests may be the first
            yield far
        finally:
            far.cli("stop")
        assert far.leftovers() == []


async def is_ready(far: Far) -> None:
    async with control_of(far) as local:
        await eventually(local.status, lambda s: s.state == "ready")


async def misses_nothing(subscriber: Subscriber, until_ns: int) -> None:
    """Take every event of every shard, until each had one that was received after a moment."""
    last: dict[int, int] = {}
    after: set[int] = set()
    async with asyncio.timeout(WITHIN_S):
        async for item in subscriber:
            assert not isinstance(item, Gap), item
            if isinstance(item, Event):
                assert item.seq == last.get(item.shard_id, item.seq - 1) + 1
                last[item.shard_id] = item.seq
                if item.received_ns > until_ns:
                    after.add(item.shard_id)
                if len(after) == SHARDS:
                    return


async def to_its_end(subscriber: Subscriber) -> None:
    async for _ in subscriber:
        pass


def test_a_subscribers_key_gets_every_event_and_commands_nothing(far: Far) -> None:
    """The key is made while the cluster runs; events come from the oldest on, so by replay too."""

    async def scenario() -> None:
        bot = far.key("bot")
        seen = Seen()
        async with (
            sandbox_of(far.sandbox) as sandbox,
            control_of(far) as local,
            Subscriber(start="oldest", keys=bot, name="far away") as subscriber,
            ControlClient(keys=bot) as control,
        ):
            gathering = asyncio.create_task(seen.gather(subscriber))
            await eventually(local.status, lambda s: s.state == "ready")
            await seen.more(200)
            status = await eventually(
                local.status, lambda s: [x.name for x in s.subscribers] == ["bot: far away"]
            )
            assert status.gate is not None
            assert status.gate.events == bot.events
            await control.ping()
            for refused in (control.stop(), control.status(), control.identify_budget()):
                with pytest.raises(KeyRefusedError, match="the key 'bot' may not ask for"):
                    await refused
            assert (await local.status()).state == "ready", "it goes on"
            await sandbox.quiesce()
            rows = [r async for r in sandbox.all_dispatches() if not r.get("replayed")]
            await seen.until(len(rows))
            events = [item for item in seen.items if isinstance(item, Event)]
            assert sorted((e.shard_id, e.seq, e.name) for e in events) == sorted(
                (r["shard"], r["s"], r["name"]) for r in rows
            )
            await sandbox.traffic(rate=500.0)
            gathering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gathering

    asyncio.run(scenario())


def test_a_key_that_is_taken_away_is_cut_off_and_says_so(far: Far) -> None:
    async def scenario() -> None:
        lost, kept = far.key("lost"), far.key("kept", "status")
        async with Subscriber(keys=kept) as stays, ControlClient(keys=kept) as control:
            async with Subscriber(keys=lost) as goes, asyncio.timeout(WITHIN_S):
                await anext(goes)
                done = await asyncio.to_thread(far.cli, "keys", "remove", "lost")
                assert done.returncode == 0
                with pytest.raises(KeyRefusedError, match="does not know the key 'lost'"):
                    await to_its_end(goes)
            await misses_nothing(stays, time.time_ns())
            assert (await control.status()).state == "ready"
        with pytest.raises(KeyRefusedError):
            await Subscriber(keys=lost).__aenter__()
        async with ControlClient(keys=lost) as refused:
            with pytest.raises(KeyRefusedError):
                await refused.ping()

    asyncio.run(scenario())


def test_a_key_that_was_never_made_and_a_server_that_is_another(far: Far) -> None:
    async def scenario() -> None:
        good = far.key("good", "control")
        public, secret = pair()
        stranger = msgspec.structs.replace(good, public=public, secret=secret)
        with pytest.raises(KeyRefusedError, match="does not know the key"):
            async with Subscriber(keys=stranger):
                pass
        impostor = msgspec.structs.replace(good, server=public)
        async with ControlClient(keys=impostor, timeout=3) as control:
            with pytest.raises(NotRunningError, match="breaks the handshake off"):
                await control.ping()
        async with ControlClient(good.control, timeout=0.5) as control:
            with pytest.raises(NotRunningError):
                await control.ping()

    asyncio.run(scenario())


def test_the_command_line_from_another_host(far: Far) -> None:
    file = far.folder / "ops.key"
    file.write_bytes(encode(far.key("ops", "status")))
    shown = far.cli("status", "--keys", str(file))
    assert shown.returncode == 0, shown.stderr
    assert "2 of 2 shards ready" in shown.stdout
    lines = far.cli("tail", "--keys", str(far.folder / "first.key"), "-n", "3").stdout
    assert len(lines.splitlines()) == 3
    refused = far.cli("status", "--keys", str(far.folder / "first.key"))
    assert refused.returncode == 7
    assert refused.stderr.startswith("Error: the key 'first' may not ask for 'status'")


def test_a_tcp_gate_that_is_killed_comes_back_and_a_control_key_stops_it_all(far: Far) -> None:
    """This test is the last, since it stops the cluster."""

    async def scenario() -> None:
        deploy = far.key("deploy", "control")
        async with (
            ControlClient(keys=deploy) as control,
            control_of(far) as local,
            Subscriber(keys=deploy) as subscriber,
        ):
            before = await eventually(local.status, lambda s: s.gate is not None)
            assert before.gate is not None
            pid = before.gate.pid
            os.kill(pid, signal.SIGKILL)
            after = await eventually(
                local.status, lambda s: s.gate is not None and s.gate.pid != pid
            )
            assert any("TCP gate was restarted" in line for line in after.troubles)
            await eventually(control.status, lambda s: s.state == "ready")
            await misses_nothing(subscriber, time.time_ns())
            await control.stop()

        async def left() -> list[str]:
            return far.leftovers()

        await eventually(left, lambda found: not found)

    asyncio.run(scenario())
