"""sandbox: options checked, where it is told, and gone after its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest
from click.testing import Result

from cluster.cli.verbs.sandbox import introduction
from cluster.sandbox.options import SandboxInfo, SandboxOptions

Dcgw = Callable[..., Result]

INFO = SandboxInfo(
    pid=1,
    api_url="https://localhost:40123/api",
    gateway_url="wss://localhost:40123",
    resume_url="wss://127.0.0.1:40124",
    ca_file="/tmp/ca.pem",
    token="made.up.token",
    user_token="a.user's.token",
    control_url="http://127.0.0.1:40125",
    control_token="made-up",
)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--port", "99999"], 'Error: --port is "99999": give a whole number from 0 to 65535\n'),
        (["--rate", "-1"], 'Error: --rate is "-1": give a number from 0 to 1000000\n'),
        (["--shards", "none"], 'Error: --shards is "none": give a whole number from 1 to 100000\n'),
    ],
)
def test_options_are_checked(words: list[str], line: str, dcgw: Dcgw) -> None:
    result = dcgw("sandbox", *words)
    assert (result.exit_code, result.stderr) == (2, line)


def test_a_bad_fault_is_one_line(dcgw: Dcgw) -> None:
    result = dcgw("sandbox", DCGW_SANDBOX_FAULTS='[{"kind": "no such thing"}]')
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_port_in_use(dcgw: Dcgw) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = dcgw("sandbox", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 4
    assert "Address already in use" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_says_how_to_point_a_client_at_it() -> None:
    text = introduction(INFO, SandboxOptions(guilds=3, rate=5))
    for part in (
        INFO.api_url,
        INFO.gateway_url,
        INFO.ca_file,
        INFO.token,
        INFO.user_token,
        INFO.control_url,
    ):
        assert part in text
    for library in ("discord.py", "hikari", "discord.js", "dcgw-cluster start"):
        assert library in text


def test_runs_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "cluster", "sandbox", "--json", "--guilds", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout is not None
        info = msgspec.json.decode(process.stdout.readline(), type=SandboxInfo)
        port = int(info.api_url.rpartition(":")[2].partition("/")[0])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
