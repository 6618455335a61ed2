"""The sample bot of examples/, which the compose file runs: it waits, is told to stop, goes on."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from cluster.wire.status import ClusterStatus
from tests.e2e.home import COMMAND_S, Home, run_sandbox
from tests.e2e.watching import control_of, eventually

BOT = Path(__file__).parents[2] / "examples" / "subscriber.py"


def test_it_goes_on_where_it_was(home: Home, tmp_path: Path) -> None:
    position = tmp_path / "position.json"
    with run_sandbox(guilds=4, shards=2, max_concurrency=2, rate=50.0) as info:
        home.use(info)
        bot = started(home, position)  # before the cluster, for which it waits
        start = home.cli("start", "--detach", "--workers", "1")
        assert start.returncode == 0, start.stderr
        stopped(home, bot)
        first = json.loads(position.read_text())
        assert first["shards"]
        said = stopped(home, started(home, position))
        assert "missed" not in said
        assert json.loads(position.read_text()) != first
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr


def started(home: Home, position: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", str(BOT), str(position)],
        env=home.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def stopped(home: Home, bot: subprocess.Popen[str]) -> str:
    """Stop a bot by SIGTERM once it has taken events of all shards; return what it said."""
    try:
        asyncio.run(heard(home, bot.pid))
        bot.terminate()
        said, _ = bot.communicate(timeout=COMMAND_S)
    finally:
        bot.kill()
        bot.wait()
    assert bot.returncode == 0, said
    return said


async def heard(home: Home, pid: int) -> None:
    def enough(status: ClusterStatus) -> bool:
        known = [row for row in status.subscribers if row.pid == pid]
        assert all(row.name == "sample bot" for row in known)
        return status.shards_ready == 2 and any(row.events > 100 for row in known)

    async with control_of(home) as control:
        await eventually(control.status, enough)
