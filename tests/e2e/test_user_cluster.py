"""A cluster of a user account, without compression: one session, its guilds are subscribed to,
nothing is lost."""

from __future__ import annotations

import asyncio

import pytest

from cluster.errors import ClusterError
from cluster.sandbox import SandboxInfo
from cluster.subscriber import Event
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import (
    all_dispatched,
    control_of,
    eventually,
    identified,
    sandbox_of,
    watching,
)


def use(home: Home, info: SandboxInfo) -> None:
    home.use(info)
    del home.env["DCGW_INTENTS"]
    home.env |= {
        "DCGW_TOKEN": info.user_token,
        "DCGW_ACCOUNT": "user",
        "DCGW_CLIENT_BUILD_NUMBER": "396858",
        "DCGW_CAPABILITIES": "all",
        "DCGW_SUBSCRIBE_GUILDS": "all",
        "DCGW_COMPRESS": "none",
    }


def test_a_user_account_end_to_end(home: Home) -> None:
    with run_sandbox(guilds=4, rate=300.0) as info:
        use(home, info)
        start = home.cli("start", "--detach", "--workers", "2")
        assert start.returncode == 0, start.stderr
        assert "breaks Discord's Terms of Service" in start.stderr

        async def main() -> None:
            async with (
                sandbox_of(info) as sandbox,
                control_of(home) as control,
                watching(home) as seen,
            ):
                await seen.until(300)
                status = await eventually(control.status, lambda s: s.state == "ready")
                assert (status.account, status.shard_count, len(status.workers)) == ("user", 1, 1)
                assert (status.shards[0].guilds, status.budget.max_concurrency) == (4, 1)
                await sandbox.fault(kind="cut", how="mid_frame")
                await seen.more(300)
                with pytest.raises(ClusterError, match="not sharded"):
                    await control.reshard(2)
                with pytest.raises(ClusterError, match="3 workers for 1 shard: it is on one"):
                    await control.scale(3)
                expected = await all_dispatched(sandbox, seen)
                seen.check(expected)
                events = [item for item in seen.items if isinstance(item, Event)]
                secrets = [info.user_token, *[row["session"] for row in await sandbox.sessions()]]
                assert len(secrets) == 2
                leaks = [e.name for e in events if any(s.encode() in e.data for s in secrets)]
                assert leaks == []
                names = {event.name for event in events}
                assert {"READY_SUPPLEMENTAL", "TYPING_START", "PRESENCE_UPDATE"} <= names
                assert await identified(sandbox) == 1
                await sandbox.fault(kind="close", code=4015)
                refused = await eventually(control.status, lambda s: s.shards[0].state == "fatal")
                assert "closed 4015 (too many sessions): close other" in refused.shards[0].detail

        asyncio.run(main())
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
        log = (home.state / "default" / "logs" / "coordinator.log").read_text()
        assert info.user_token not in log + start.stdout + start.stderr
    assert home.leftovers() == []
