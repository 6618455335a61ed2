"""What can't be started says so in one line, with a way out, and leaves nothing running."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time

from cluster.endpoints.paths import cluster_paths
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import connected, control_of, eventually, identified, sandbox_of, shard_of


def refused(result: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line on stderr of a command that failed."""
    assert result.returncode == code, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stdout
    return lines[0]


def test_a_token_that_discord_refuses(home: Home) -> None:
    with run_sandbox() as sandbox:
        home.use(sandbox)
        home.env["DCGW_TOKEN"] = "bm90LW91cnM.wrong.wrong"
        line = refused(home.cli("start", "--detach"), 5)
    assert "DCGW_TOKEN" in line
    assert "wrong.wrong" not in line
    assert home.leftovers() == []


def test_no_token_at_all(home: Home) -> None:
    line = refused(home.cli("start", "--detach"), 2)
    assert "DCGW_TOKEN" in line
    assert "--sandbox" in line
    assert home.leftovers() == []


def test_a_budget_that_does_not_allow_it(home: Home) -> None:
    with run_sandbox(session_start_remaining=3) as sandbox:
        home.use(sandbox)
        line = refused(home.cli("start", "--detach", "--shards", "4"), 6)

        async def spent() -> int:
            async with sandbox_of(sandbox) as control:
                return await identified(control)

        assert asyncio.run(spent()) == 0
    assert "4 identifies are needed and 3 of 1000 are left" in line
    assert "they return in 24 h" in line
    assert home.leftovers() == []


def test_privileged_intents_that_the_bot_has_not(home: Home) -> None:
    """4014: every shard that asked says which intents, and none asks again."""
    with run_sandbox(shards=2, max_concurrency=2, privileged_intents=0) as info:
        home.use(info)
        home.env["DCGW_INTENTS"] = "guilds,guild_members,message_content"
        start = home.cli("start", "--detach", "--workers", "1")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with sandbox_of(info) as sandbox, control_of(home) as control:
                states = ("fatal", "awaiting_grant")  # who came late is spared the refusal
                status = await eventually(
                    control.status,
                    lambda s: (
                        "4014" in s.budget.trouble and all(x.state in states for x in s.shards)
                    ),
                )
                refused = [shard for shard in status.shards if shard.state == "fatal"]
                for shard in refused:
                    assert "4014" in shard.detail
                    assert "GUILD_MEMBERS, MESSAGE_CONTENT" in shard.detail
                    assert "GUILD_PRESENCES" not in shard.detail
                    assert "developer portal" in shard.detail
                assert (await sandbox.state())["closes"] == {"4014": len(refused)}

        asyncio.run(main())
        shown = home.cli("status")
        assert "4014" in shown.stdout
        assert "MESSAGE_CONTENT" in shown.stdout
        assert home.cli("stop").returncode == 0
    assert home.leftovers() == []


def test_one_refusal_is_enough(home: Home) -> None:
    """Where every shard would hear the same, those in line spend no identify on it."""
    with run_sandbox(
        shards=8, max_concurrency=2, privileged_intents=0, identify_window_s=0.2
    ) as info:
        home.use(info)
        start = home.cli("start", "--detach", "--workers", "2")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with sandbox_of(info) as sandbox, control_of(home) as control:
                status = await eventually(control.status, lambda s: s.budget.trouble != "")
                assert "4014" in status.budget.trouble
                states = ("fatal", "awaiting_grant")
                await eventually(
                    control.status,
                    lambda s: s.uptime_s > 5 and all(x.state in states for x in s.shards),
                )
                assert sum((await sandbox.state())["closes"].values()) <= 4  # two at a time

        asyncio.run(main())
        assert "no shard identifies" in " ".join(home.cli("status").stdout.split())
        assert home.cli("stop").returncode == 0
    assert home.leftovers() == []


def test_a_token_that_is_reset_while_it_runs(home: Home) -> None:
    """4004 ends that shard's tries and names its cause; the others go on."""
    with run_sandbox(shards=3, max_concurrency=3, guilds=6, rate=60.0) as info:
        home.use(info)
        start = home.cli("start", "--detach", "--workers", "1")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with sandbox_of(info) as sandbox, control_of(home) as control:
                await connected(sandbox, 3)
                await eventually(control.status, lambda s: s.state == "ready")
                await sandbox.fault(kind="close", code=4004, shard=1)
                status = await eventually(control.status, lambda s: shard_of(s, 1).state == "fatal")
                assert status.state == "degraded"
                assert "4004" in shard_of(status, 1).detail
                assert "token" in shard_of(status, 1).detail
                before = {shard.shard_id: shard.seq for shard in status.shards}
                await eventually(
                    control.status,
                    lambda s: all(shard_of(s, x).seq > before[x] + 20 for x in (0, 2)),
                )
                assert await identified(sandbox) == 3
                assert len((await sandbox.state())["connections"]) == 2

        asyncio.run(main())
        assert home.cli("stop").returncode == 0
    assert home.leftovers() == []


def test_a_worker_that_can_not_run(home: Home) -> None:
    """A crash loop: named by what the worker said, tried more and more seldom."""
    with run_sandbox(shards=2, max_concurrency=2) as info:
        home.use(info)
        slot = cluster_paths("default", home.env).journal(0)
        slot.parent.mkdir(parents=True)
        slot.write_text("no folder")
        start = home.cli("start", "--detach", "--workers", "2")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with control_of(home) as control:
                status = await eventually(control.status, lambda s: s.workers[0].state == "failed")
                worker = status.workers[0]
                assert "in a row" in worker.detail
                assert "slot-0" in worker.detail
                assert status.workers[1].state == "running", status.workers[1].detail
                await eventually(control.status, lambda s: s.shards_ready == 1)

        asyncio.run(main())
        assert "slot-0" in home.cli("status").stdout.replace("\n", "")
        assert home.cli("stop").returncode == 0
    assert home.leftovers() == []


def test_a_port_of_the_sandbox_in_use(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        home.env["DCGW_SANDBOX_PORT"] = str(port)
        line = refused(home.cli("start", "--sandbox", "--detach"), 4)
    assert str(port) in line
    assert home.leftovers() == []


def test_a_second_start_on_the_same_state_folder(home: Home) -> None:
    first = home.cli("start", "--sandbox", "--detach")
    assert first.returncode == 0, first.stderr
    while not any("coordinator.replay" in process for process in home.processes()):
        time.sleep(0.05)  # it comes last, when the workers have greeted
    running = set(home.processes())
    line = refused(home.cli("start", "--sandbox", "--detach"), 4)
    assert "dcgw-cluster stop" in line
    assert set(home.processes()) == running
    stopped = home.cli("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert home.leftovers() == []


def test_verbs_without_a_cluster(home: Home) -> None:
    for verb in ("status", "tail", "stop"):
        line = refused(home.cli(verb), 3)
        assert "dcgw-cluster start" in line
