"""The sandbox as a whole: traffic, ledgers, the control server, its process, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
from typing import Any

import aiohttp
import msgspec
import pytest

from cluster.sandbox import Sandbox, SandboxControl, SandboxInfo, SandboxOptions
from cluster.sandbox.http.control_client import SandboxRefusedError
from cluster.sandbox.world import WorldEvent
from tests.cluster.sandbox.gateway_probe import bench, eventually


def exists(path: str) -> bool:
    return os.path.exists(path)


def test_a_burst_of_traffic_arrives_as_the_ledger_has_it() -> None:
    async def scenario() -> None:
        async with bench(guilds=12) as b:
            probes = [await b.ready(compress="zlib-stream", shard=[n, 3]) for n in range(3)]
            await b.control.traffic(rate=4000)
            while b.sandbox.state.ticker.generated < 2000:
                await probes[0].receive()
            counts = await b.control.quiesce()
            assert counts["world"] >= 2000
            rows = [row async for row in b.control.all_dispatches()]
            for shard, probe in enumerate(probes):
                while probe.seq != counts["last"][probe.session_id]:
                    await probe.receive()
                mine = [(r["s"], r["name"], r["hash"]) for r in rows if r["shard"] == shard]
                assert mine == probe.rows
            # Every event of the world has an intent that these sessions have: it came once.
            world = await b.control.ledger_world(limit=50_000)
            dispatched = [r["hash"] for r in rows if r["name"] not in ("READY", "GUILD_CREATE")]
            assert sorted(r["hash"] for r in world) == sorted(dispatched)

    asyncio.run(scenario())


def test_a_bug_in_the_world_is_shown_and_does_not_end_the_traffic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            step, steps = b.sandbox.world.step, 0

            def broken() -> WorldEvent:
                nonlocal steps
                steps += 1
                if steps % 3 == 0:
                    raise ZeroDivisionError("a bug")
                return step()

            b.sandbox.world.step = broken  # type: ignore[method-assign]  # the bug to be met
            await b.control.traffic(rate=1000)
            while len(probe.rows) < 100:
                await probe.receive()
            counts = await b.control.quiesce()
            failures = (await b.control.state())["failures"]["traffic"]
            assert failures["count"] >= 30
            assert failures["last"] == "ZeroDivisionError: a bug"
            # What had happened in the same tick before the bug has reached everybody.
            assert counts["world"] == b.sandbox.state.ticker.generated
            assert counts["dispatches"] == counts["world"] + 4

    asyncio.run(scenario())
    assert caplog.text.count("ZeroDivisionError: a bug") == 1


def test_the_world_goes_on_unseen() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.control.emit("MESSAGE_CREATE", count=3)
            assert [r["name"] for r in await b.control.ledger_world()] == ["MESSAGE_CREATE"] * 3
            assert await b.control.ledger_dispatches() == []

    asyncio.run(scenario())


def test_a_large_welcome_comes_in_chunks_and_no_event_overtakes_it() -> None:
    async def scenario() -> None:
        async with bench(guilds=150, rate=2000) as b:
            probe = await b.connect()
            await probe.send(2, b.identify())
            await probe.until("READY")
            created: set[str] = set()
            early = 0
            while len(created) < 150:
                payload = await probe.receive()
                if payload["t"] == "GUILD_CREATE":
                    created.add(payload["d"]["id"])
                elif "guild_id" in payload["d"]:
                    assert payload["d"]["guild_id"] in created
                    early += 1
            assert early

    asyncio.run(scenario())


def test_state_tells_rate_sessions_and_limits() -> None:
    async def scenario() -> None:
        async with bench(rate=1000) as b:
            probe = await b.ready()
            while b.sandbox.state.ticker.generated < 1000:
                await probe.receive()
            state = await b.control.state()
            assert state["traffic"]["rate"] == 1000
            assert 500 < state["traffic"]["achieved"] < 1500
            assert state["traffic"]["lag_s"] < 0.6
            (session,) = state["sessions"]
            assert session["connected"] is True
            assert session["shard_count"] == 1
            assert state["identifies"] == {
                "admitted": 1,
                "early": 0,
                "earliest_s": 0.0,
                "unavoidable": 1,
            }

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("method", "body", "names"),
    [
        ("/emit", {"name": "NO_SUCH_EVENT"}, "NO_SUCH_EVENT"),
        ("/emit", {"name": "MESSAGE_CREATE", "guild_id": "1"}, "guild_id"),
        ("/emit", {"name": "MESSAGE_CREATE", "count": 0}, "count"),
        ("/emit", {"name": "MESSAGE_CREATE", "shard": 9}, "shard"),
        ("/emit", {"nam": "MESSAGE_CREATE"}, "nam"),
        ("/emit", [], "body"),
        ("/traffic", {"rate": -1}, "rate"),
        ("/traffic", {"mix": {"NO_SUCH_EVENT": 1}}, "mix"),
        ("/traffic", {"mix": {"MESSAGE_CREATE": "x"}}, "mix"),
    ],
)
def test_bad_control_requests_name_the_field(method: str, body: Any, names: str) -> None:
    async def scenario() -> None:
        async with bench() as b:
            with pytest.raises(SandboxRefusedError, match=names):
                await b.control._ask("POST", method, body)

    asyncio.run(scenario())


def test_the_control_server_has_its_own_token() -> None:
    async def scenario() -> None:
        async with bench() as b:
            for token in ("", b.token):
                async with SandboxControl(b.sandbox.info.control_url, token) as stranger:
                    with pytest.raises(SandboxRefusedError, match="Authorization"):
                        await stranger.state()

    asyncio.run(scenario())


def test_sessions_expire() -> None:
    async def scenario() -> None:
        async with bench(session_expiry_s=0.05) as b:
            probe = await b.ready()
            await probe.websocket.close(code=4000)
            await eventually(lambda: not b.sandbox.state.dispatcher.sessions)
            again = await b.resume(probe)
            assert (await again.until(9))["d"] is False

    asyncio.run(scenario())


def test_a_seq_from_the_future_and_a_stolen_session() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            again = await b.resume(probe)
            await again.until("RESUMED")
            assert await probe.closed() == 4000  # taken over
            ahead = await b.resume(probe, seq=100)
            assert await ahead.closed() == 4007
            unknown = await b.resume(probe, session_id="0" * 32)
            assert (await unknown.until(9))["d"] is False
            await unknown.send(2, b.identify())  # the same connection may go on
            await unknown.until("READY")

    asyncio.run(scenario())


def test_the_same_seed_makes_the_same_bot_and_world() -> None:
    async def seen(seed: int) -> tuple[str, Any]:
        async with bench(seed=seed) as b:
            return b.token, b.sandbox.world.guild_ids(0, 1)

    assert asyncio.run(seen(5)) == asyncio.run(seen(5))
    assert asyncio.run(seen(5)) != asyncio.run(seen(6))


def test_nothing_is_left_behind() -> None:
    async def scenario() -> None:
        async with Sandbox(SandboxOptions(guilds=1)) as sandbox:
            ca = sandbox.info.ca_file
            assert stat.S_IMODE(os.stat(ca).st_mode) == 0o600
            assert stat.S_IMODE(os.stat(os.path.dirname(ca)).st_mode) == 0o700
            port = int(sandbox.info.api_url.split(":")[2].split("/")[0])
        assert not exists(os.path.dirname(ca))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_a_port_in_use_is_said_and_nothing_stays() -> None:
    async def scenario() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(OSError):
                async with Sandbox(SandboxOptions(port=taken.getsockname()[1])):
                    raise AssertionError("it started on a port in use")

    asyncio.run(scenario())


async def _process(*arguments: str, options: bytes) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cluster.sandbox",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(options)
    process.stdin.close()
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_of_its_own(number: signal.Signals) -> None:
    async def scenario() -> None:
        process = await _process(options=b'{"guilds": 2}')
        assert process.stdout is not None
        info = msgspec.json.decode(await process.stdout.readline(), type=SandboxInfo)
        assert info.pid == process.pid
        async with SandboxControl(info.control_url, info.control_token) as control:
            assert (await control.state())["sessions"] == []
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), 10) == 0
            with pytest.raises(aiohttp.ClientError):
                await control.state()
        assert not exists(info.ca_file)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (b'{"guild": 2}', b"guild"),
        (b"{", b"options"),
        (b'{"faults": [{"kind": 1}]}', b"faults: kind"),
        (b'{"guilds": 1000000000}', b"guilds"),
        (b'{"mix": {"NOPE": 1}}', b"mix: no such events: NOPE"),
        (b'{"ca_file": "/nowhere/ca.pem"}', b"ca_file: /nowhere/ca.pem"),
    ],
)
def test_options_that_can_not_be_used(options: bytes, said: bytes) -> None:
    async def scenario() -> None:
        process = await _process(options=options)
        output, error = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 2
        assert output == b""
        assert said in error
        assert b"Traceback" not in error

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guilds", -1),
        ("guilds", 10**9),
        ("members_per_guild", 0),
        ("rate", float("nan")),
        ("rate", -1.0),
        ("rate", 1e300),
        ("mix", {"TYPING_START": -1.0}),
        ("host", "0.0.0.0"),
        ("port", 65_536),
        ("session_start_reset_s", 0.0),
        ("session_expiry_s", float("inf")),
        ("identify_jitter_s", 1e9),
        ("heartbeat_interval_ms", 0),
        ("replay_events", -1),
        ("token", "Bot abc"),
        ("fault_seed", "seven"),
    ],
)
def test_a_nonsense_value_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        Sandbox(SandboxOptions(**{name: value}))


def test_a_world_without_guilds() -> None:
    async def scenario() -> None:
        with pytest.raises(ValueError, match=r"^rate: "):
            Sandbox(SandboxOptions(guilds=0, rate=1.0))
        async with bench(guilds=0) as b:
            probe = await b.ready()
            with pytest.raises(SandboxRefusedError, match="rate: nothing happens"):
                await b.control.traffic(rate=10)
            with pytest.raises(SandboxRefusedError, match="there is no"):
                await b.control.emit("TYPING_START")
            assert [name for _, name, _ in probe.rows] == ["READY"]

    asyncio.run(scenario())


def test_it_listens_on_the_other_loopback_too() -> None:
    async def scenario() -> None:
        async with bench(host="::1") as b:
            assert b.sandbox.info.resume_url.startswith("wss://[::1]:")
            probe = await b.ready()
            await probe.websocket.close(code=4000)
            again = await b.resume(probe)
            await again.until("RESUMED")

    asyncio.run(scenario())


def test_it_goes_with_its_parent() -> None:
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'cluster.sandbox',"
        " '--with-parent'], stdin=subprocess.PIPE, stdout=subprocess.PIPE); p.stdin.close();"
        " sys.stdout.buffer.write(p.stdout.readline()); sys.stdout.flush(); sys.stdin.read()"
    )

    async def scenario() -> None:
        parent = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert parent.stdout is not None
        info = msgspec.json.decode(await parent.stdout.readline(), type=SandboxInfo)
        os.kill(info.pid, 0)
        parent.kill()
        await parent.wait()
        await eventually(lambda: not exists(info.ca_file))

    asyncio.run(asyncio.wait_for(scenario(), 10))
