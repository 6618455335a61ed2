"""A worker process with a user account, in zstd-stream: nothing is lost, and its guilds are
subscribed to."""

from __future__ import annotations

import asyncio
from typing import Any

from cluster.discord.intents import ALL_CAPABILITIES
from cluster.sandbox import SandboxControl
from tests.shard_worker.rig import Rig
from tests.shard_worker.scenarios import ends_equal, run, under_traffic

TOKEN = "a.user.token"
SPEC: dict[str, Any] = {
    "kind": "user",
    "token": TOKEN,
    "intents": 0,
    "capabilities": int(ALL_CAPABILITIES),
    "client_build_number": 396858,
    "subscribe_guilds": "all",
    "api_version": 9,
    "compress": "zstd-stream",
}


async def subscribed(rig: Rig) -> None:
    """Whether the newest session has its subscriptions, as the sandbox knows."""
    (session,) = rig.sandbox.state.dispatcher.sessions.values()
    assert session.user is not None
    async with asyncio.timeout(60):
        while len(session.user.subscriptions) < 6:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_a_user_account_in_zstd_stream() -> None:
    async def scenario(rig: Rig, control: SandboxControl) -> None:
        await under_traffic(rig, control)
        for cause, fault in (
            ("connection lost", {"kind": "cut", "how": "mid_frame"}),
            ("corrupt stream", {"kind": "corrupt"}),
            ("closed 4009", {"kind": "close", "code": 4009}),
        ):
            await control.fault(**fault)
            await rig.reconnected(cause)
        await subscribed(rig)
        await control.emit("TYPING_START")  # only of guilds that are subscribed to
        await ends_equal(rig, identifies=2)
        names = [name for _, epoch, _, name, _ in rig.published() if epoch == 2]
        assert {"READY", "READY_SUPPLEMENTAL", "SESSIONS_REPLACE", "TYPING_START"} <= set(names)
        assert TOKEN.encode() not in rig.log
        assert rig.sandbox.state.counters["resumed"] >= 2

    run(scenario, shards=1, spec=SPEC, user_token=TOKEN, identify_window_s=0.0)
