"""What clients of the gateway proxy ask of Discord, and who gets the answers: two processes of the
proxy, before and after they are killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from cluster.control import ControlClient
from cluster.discord.intents import ALL_INTENTS
from cluster.proxy.requests import nonces
from cluster.sandbox import SandboxControl, SandboxInfo
from cluster.wire.status import ClusterStatus
from tests.cluster.sandbox.gateway_probe import Json, Probe
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import control_of, eventually, sandbox_of

SHARDS, PROCESSES = 2, 2
GUILDS, MEMBERS = 4, 1100
"""Members of a guild: they come in two chunks."""
DND: Json = {"since": None, "activities": [], "status": "dnd", "afk": False}


class Clients:
    """Makes clients of the proxy."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self._http = http
        self._url = url
        self._token = token

    async def identify(self, **changes: Any) -> tuple[Probe, list[Json]]:
        """Return a client that has its READY, and the guilds that it was told of."""
        probe = await self._connect()
        d = {"token": self._token, "properties": {}, "intents": int(ALL_INTENTS)}
        await probe.send(2, d | {"shard": [0, 1]} | changes)
        ready = await probe.until("READY")
        return probe, [(await probe.until("GUILD_CREATE"))["d"] for _ in ready["d"]["guilds"]]

    async def resume(self, lost: Probe) -> Probe:
        """Return a client that goes on with the session of another."""
        probe = await self._connect()
        d = {"token": self._token, "session_id": lost.session_id, "seq": lost.seq}
        await probe.send(6, d)
        await probe.until("RESUMED")
        probe.session_id = lost.session_id
        return probe

    async def _connect(self) -> Probe:
        websocket = await self._http.ws_connect(f"{self._url}/?v=10&encoding=json", max_msg_size=0)
        probe = Probe(websocket, None)
        await probe.until(10)
        return probe


@asynccontextmanager
async def clients_of(control: ControlClient, token: str) -> AsyncIterator[Clients]:
    status = await eventually(control.status, serves)
    async with aiohttp.ClientSession() as http:
        yield Clients(http, status.proxies[0].listens, token)


def serves(status: ClusterStatus) -> bool:
    """Whether all is there that clients need."""
    proxies = [one for one in status.proxies if not one.trouble]
    return status.state == "ready" and len(proxies) == PROCESSES


async def names_until(probe: Probe, sandbox: SandboxControl, guild_id: str) -> list[str]:
    """Let something happen in a guild, and return the names of what came to a client before."""
    await sandbox.emit("CHANNEL_PINS_UPDATE", guild_id)
    known = len(probe.rows)
    await probe.until("CHANNEL_PINS_UPDATE")
    return [name for _, name, _ in probe.rows[known:-1]]


async def sent(sandbox: SandboxControl, op: int, count: int) -> list[Any]:
    """Return `d` of so many commands of an op."""
    commands = await eventually(
        sandbox.commands, lambda every: sum(one["op"] == op for one in every) >= count
    )
    return [one["d"] for one in commands if one["op"] == op]


async def voice(asks: Probe, hears: Probe, sandbox: SandboxControl, guild: Json) -> None:
    channel = next(one["id"] for one in guild["channels"] if one["type"] == 2)
    await asks.send(4, {"guild_id": guild["id"], "channel_id": channel})
    state = await asks.until("VOICE_STATE_UPDATE")
    held = {one["session"] for one in (await sandbox.state())["sessions"]}
    assert state["d"]["session_id"] in held, "a voice connection is made with Discord's session"
    assert state["d"]["channel_id"] == channel
    assert (await asks.until("VOICE_SERVER_UPDATE"))["d"]["guild_id"] == guild["id"]
    assert await names_until(hears, sandbox, guild["id"]) == ["VOICE_STATE_UPDATE"]
    assert await names_until(asks, sandbox, guild["id"]) == []


async def members(asks: Probe, hears: Probe, sandbox: SandboxControl, guild: Json) -> None:
    own = "of more than sixteen bytes"
    everybody = {"guild_id": guild["id"], "query": "", "limit": 0, "presences": True}
    await asks.send(8, everybody | {"nonce": own})
    chunks = [(await asks.until("GUILD_MEMBERS_CHUNK"))["d"] for _ in range(2)]
    assert [(one["nonce"], one["chunk_index"]) for one in chunks] == [(own, 0), (own, 1)]
    assert sum(len(one["members"]) for one in chunks) == MEMBERS
    await hears.send(
        8, {"guild_id": guild["id"], "user_ids": [chunks[0]["members"][0]["user"]["id"]]}
    )
    (found,) = [(await hears.until("GUILD_MEMBERS_CHUNK"))["d"]]
    assert "nonce" not in found
    assert len(found["members"]) == 1
    for one in (asks, hears):
        assert await names_until(one, sandbox, guild["id"]) == []


async def sounds(asks: Probe, hears: Probe, sandbox: SandboxControl, guilds: list[Json]) -> None:
    ids = {one["id"] for one in guilds}
    await asks.send(31, {"guild_ids": list(ids)})
    assert {(await asks.until("SOUNDBOARD_SOUNDS"))["d"]["guild_id"] for _ in ids} == ids
    await hears.send(43, {"guild_id": guilds[0]["id"], "fields": ["status"]})
    assert (await hears.until("CHANNEL_INFO"))["d"]["guild_id"] == guilds[0]["id"]
    for one in (asks, hears):
        assert await names_until(one, sandbox, guilds[0]["id"]) == []


async def killed(control: ControlClient) -> None:
    """Kill the proxy's processes, and wait until others serve."""
    before = {one.pid for one in (await control.status()).proxies}
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    await eventually(
        control.status,
        lambda status: serves(status) and not before & {one.pid for one in status.proxies},
    )


async def scenario(home: Home, info: SandboxInfo) -> None:
    async with (
        control_of(home) as control,
        sandbox_of(info) as sandbox,
        clients_of(control, info.token) as clients,
    ):
        one, guilds = await clients.identify(presence=DND)
        other, _ = await clients.identify()
        guild = guilds[0]
        assert all(d == DND for d in await sent(sandbox, 3, SHARDS))
        await voice(one, other, sandbox, guild)
        await members(one, other, sandbox, guild)
        await sounds(one, other, sandbox, guilds)

        # Chunks of the cluster's own requests are no client's.
        found = await control.guild(int(guild["id"])).request_guild_members(
            int(guild["id"]), query="a", limit=1
        )
        assert found.guild_id == int(guild["id"])
        for probe in (one, other):
            assert await names_until(probe, sandbox, guild["id"]) == []

        # What Discord would close a session for costs the client alone its connection.
        wrong, _ = await clients.identify()
        await wrong.send(3, {"status": "sleepy"})
        assert await wrong.closed() == 4002
        assert (await sandbox.state())["closes"] == {}

        await killed(control)
        one, other = await clients.resume(one), await clients.resume(other)
        await sandbox.emit("VOICE_SERVER_UPDATE", guild["id"])
        assert "VOICE_SERVER_UPDATE" in await names_until(one, sandbox, guild["id"])
        assert "VOICE_SERVER_UPDATE" not in await names_until(other, sandbox, guild["id"])
        nonce = nonces.write(other.session_id, "7")
        await control.guild(int(guild["id"])).request_guild_members(
            int(guild["id"]), query="a", limit=1, nonce=nonce
        )
        assert (await other.until("GUILD_MEMBERS_CHUNK"))["d"]["nonce"] == "7"
        assert "GUILD_MEMBERS_CHUNK" not in await names_until(one, sandbox, guild["id"])

        # The place in a channel ends with the session that asked for it.
        await one.websocket.close(code=1000)
        assert (await sent(sandbox, 4, 2))[-1]["channel_id"] is None


def test_answers_come_to_who_asked(home: Home) -> None:
    with run_sandbox(guilds=GUILDS, members_per_guild=MEMBERS, max_concurrency=SHARDS) as info:
        home.use(info)
        home.env |= {
            "DCGW_SHARDS": str(SHARDS),
            "DCGW_PROXY_LISTEN": "auto",
            "DCGW_PROXY_PROCESSES": str(PROCESSES),
        }
        start = home.cli("start", "--detach")
        assert start.returncode == 0, start.stderr
        asyncio.run(scenario(home, info))
        assert home.cli("stop").returncode == 0
    assert home.leftovers() == []
