"""Every command of a GatewayClient reaches Discord as it must be; what is wrong is not sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.commands import BusyError, CommandError
from cluster.errors import ClientClosedError, TokenRefusedError
from tests.cluster.commands.command_rows import rows
from tests.shard_worker.client.client_rig import WAIT_S, ClientRig, run


def commands(rig: ClientRig) -> list[tuple[int, Any]]:
    """Return what the sandbox was sent besides IDENTIFY, without the session's own seq."""
    sent = [(one["op"], one["d"]) for one in rig.sandbox.state.commands if one["op"] != 2]
    return [(op, d | {"seq": None}) if op == 40 else (op, d) for op, d in sent]


@pytest.mark.parametrize("kind", ["bot", "user"])
def test_every_command(kind: str) -> None:
    async def scenario(rig: ClientRig) -> None:
        guild = rig.sandbox.state.world.guild_ids(0, 1)[0]
        made = rows(guild, guild + 1, guild + 2)
        user = {
            "token": rig.sandbox.info.user_token,
            "capabilities": 0,
            "client_build_number": 369195,
        }
        async with rig.connect(**(user if kind == "user" else {})) as client:
            async with asyncio.timeout(WAIT_S):
                for row in made:
                    await row.call(client)
            await rig.until(lambda: len(commands(rig)) == len(made))
            assert commands(rig) == [(row.op, row.d) for row in made]
            assert client.state == "ready", "the sandbox closes what is malformed"

    run(scenario)


def test_members_are_gathered_while_nobody_takes_events() -> None:
    async def scenario(rig: ClientRig) -> None:
        guild = rig.sandbox.state.world.guild_ids(0, 1)[0]
        async with rig.connect() as client, asyncio.timeout(WAIT_S):
            found = await client.request_guild_members(guild)
            assert len(found.chunks) == 2
            assert len({member.user.id for member in found.members if member.user}) == 1100
            first = next(member.user.id for member in found.members if member.user)
            by_id, by_name = await asyncio.gather(
                client.request_guild_members(guild, user_ids=[5, first]),
                client.request_guild_members(guild, query="a", limit=2),
            )
            assert by_id.not_found == [5]
            assert [m.user.id for m in by_id.members if m.user] == [first]
            assert len(by_name.members) <= 2
            with pytest.raises(BusyError, match="less than 30 s ago: try again in"):
                await client.request_guild_members(guild)

    run(scenario, members_per_guild=1100)


def test_a_command_waits_for_the_next_connection() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client, asyncio.timeout(WAIT_S):
            await rig.control.fault(kind="cut", how="rst")
            while client.state == "ready":  # noqa: ASYNC110
                await asyncio.sleep(0)
            await client.ping_voice_server()
            assert client.state == "ready"
            await rig.until(lambda: len(commands(rig)) == 2)
            assert [op for op, _ in commands(rig)] == [6, 5]

    run(scenario)


@pytest.mark.parametrize("fatal", [True, False])
def test_who_waits_for_members_is_told_of_the_end(fatal: bool) -> None:
    async def scenario(rig: ClientRig) -> None:
        client = await rig.connect()
        absent = asyncio.create_task(client.request_guild_members(5, user_ids=[1]))
        await rig.until(lambda: len(commands(rig)) == 1)
        if fatal:
            await rig.control.fault(kind="close", code=4004)
        else:
            await client.graceful_shutdown()
        with pytest.raises(TokenRefusedError if fatal else ClientClosedError):
            await asyncio.wait_for(absent, WAIT_S)
        await client.graceful_shutdown()

    run(scenario)


def test_what_is_wrong_is_not_sent() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            with pytest.raises(CommandError, match="status is 'away'"):
                await client.update_presence("away")  # type: ignore[arg-type]
            with pytest.raises(CommandError, match=r"^guild_ids\[1\] is -1"):
                await client.bulk_guild_subscribe([5, -1])
            with pytest.raises(CommandError, match=r"^activities: the payload is 5,\d+ bytes"):
                await client.update_presence(activities=[{"name": "a", "x": "y" * 5000}])
            await client.ping_voice_server()
            await rig.until(lambda: len(commands(rig)) == 1)
            assert commands(rig) == [(5, None)]

    run(scenario)


def test_a_flood_waits_or_is_refused_with_a_time() -> None:
    """The connection lives: the sandbox would close one that sends more than 120 in a minute."""

    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            flood = [asyncio.ensure_future(client.ping_voice_server()) for _ in range(300)]
            await rig.until(lambda: sum(one.done() for one in flood) > 230)
            refused = [one.exception() for one in flood if one.done() and one.exception()]
            assert {type(error) for error in refused} == {BusyError}
            assert all(getattr(error, "retry_after_s", 0) > 50 for error in refused)
            waiting = [one for one in flood if not one.done()]
            assert len(waiting) == 64
            for one in waiting:
                one.cancel()
            assert client.state == "ready"
            assert not rig.sandbox.state.closes

    run(scenario)
