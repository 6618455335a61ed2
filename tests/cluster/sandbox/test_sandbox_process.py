"""A sandbox's start and end: its options, its ports, its process, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
from typing import Any, Final

import aiohttp
import msgspec
import pytest

from cluster.sandbox import Sandbox, SandboxControl, SandboxInfo, SandboxOptions
from tests.cluster.sandbox.gateway_probe import bench, eventually

HANGS_S: Final = 60.0
"""Longer than a process takes to start or to end where others have the cores: 10 s were seen."""


def exists(path: str) -> bool:
    return os.path.exists(path)


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
            assert await asyncio.wait_for(process.wait(), HANGS_S) == 0
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
        output, error = await asyncio.wait_for(process.communicate(), HANGS_S)
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

    asyncio.run(asyncio.wait_for(scenario(), HANGS_S))
