"""Each command, from ControlClient and from the command line, reaches Discord as it must be."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
import zmq
import zmq.asyncio
from click.testing import CliRunner

from cluster.cli import main
from cluster.commands import BusyError, CommandError, NotSentError
from cluster.control import ControlClient
from cluster.sandbox import SandboxControl, SandboxInfo
from tests.cluster.commands.command_rows import EVERYTHING, Row, rows
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import eventually

SHARDS = 2
MEMBERS = 1100
"""Members of a guild: they come in two chunks."""
Sent = list[tuple[int, Any]]


def without_seq(op: int, d: Any) -> tuple[int, Any]:
    """Leave out the session's own seq, which is whatever it was."""
    return (op, d | {"seq": None}) if op == 40 else (op, d)


async def sent(sandbox: SandboxControl, after: int, number: int) -> Sent:
    """Return (op, d) of ``number`` commands, those that came after the first ``after`` ones."""
    found = await eventually(sandbox.commands, lambda every: len(every) >= after + number)
    return [without_seq(one["op"], one["d"]) for one in found[after:]]


async def a_guild(sandbox: SandboxControl) -> tuple[int, int, int]:
    """Ids of a guild, and of a text and a voice channel of it."""
    await sandbox.emit("MESSAGE_CREATE")
    (row, *_) = [r for r in await sandbox.ledger_world() if r["name"] == "MESSAGE_CREATE"]
    guild = int(row["guild_id"])
    return guild, guild + 1, guild + 2


async def from_control_client(sandbox: SandboxControl, guild: int, made: list[Row]) -> None:
    async with ControlClient.find() as control:
        await eventually(control.status, lambda status: status.state == "ready")
        shard_commands = control.guild(guild)
        before = len(await sandbox.commands())
        answers = [await row.call(shard_commands) for row in made]
        expected = [(row.op, row.d) for row in made]
        assert await sent(sandbox, before, len(made)) == expected
        by_prefix = answers[[row.op for row in made].index(8)]
        assert len(by_prefix.members) <= 3
        shard = (guild >> 22) % SHARDS
        sent_by = shard_commands.sent_by
        assert sent_by is not None
        assert (sent_by.shard_id, sent_by.shard_count) == (shard, SHARDS)
        everyone = await control.shard(shard).request_guild_members(guild, presences=True)
        assert len(everyone.chunks) == 2
        assert len({member.user.id for member in everyone.members if member.user}) == MEMBERS
        assert everyone.presences
        with pytest.raises(BusyError, match="try again in") as busy:
            await shard_commands.request_guild_members(guild)
        assert 0 < busy.value.retry_after_s <= 31
        known = await sandbox.commands()
        with pytest.raises(CommandError, match="status is 'away'"):
            await shard_commands.update_presence("away")  # type: ignore[arg-type]
        with pytest.raises(NotSentError, match="shard 7 is not one of this cluster's"):
            await control.shard(7).update_presence()
        assert await sandbox.commands() == known, "nothing of it was sent"
        closes = (await sandbox.state())["closes"]
        assert not closes


async def raw_from_command_line(
    sandbox: SandboxControl, home: Home, guild: int, made: list[Row]
) -> None:
    before = len(await sandbox.commands())
    for row in made:
        words = ("raw", str(row.op), "-", "--guild", str(guild))
        code, output = await asyncio.to_thread(run, home, *words, stdin=json.dumps(row.d))
        assert code == 0, (row.name, output)
    expected = [(row.op, row.d) for row in made]
    assert await sent(sandbox, before, len(made)) == expected


async def from_command_line(sandbox: SandboxControl, home: Home, guild: int) -> None:
    voice = guild + 2
    everyone = {"since": 0, "activities": [{"name": "chess", "type": 3}]}
    expected: list[tuple[list[str], Sent]] = [
        (
            ["presence", "--status", "idle", "--activity", "chess", "--type", "watching"],
            [(3, everyone | {"status": "idle", "afk": False})] * SHARDS,
        ),
        (
            ["voice-state", str(guild), str(voice), "--deaf"],
            [
                (
                    4,
                    {
                        "guild_id": str(guild),
                        "channel_id": str(voice),
                        "self_mute": False,
                        "self_deaf": True,
                    },
                )
            ],
        ),
        (["soundboard", str(guild)], [(31, {"guild_ids": [str(guild)]})]),
        (["subscribe", str(guild)], [(37, {"subscriptions": {str(guild): EVERYTHING}})]),
        (["raw", "36", json.dumps({"guild_id": str(guild)}), "--guild", str(guild)], []),
    ]
    expected[-1][1].append((36, {"guild_id": str(guild)}))
    for words, commands in expected:
        before = len(await sandbox.commands())
        result = await asyncio.to_thread(run, home, *words)
        assert result[0] == 0, result
        assert result[1].startswith("Sent by shard"), result
        assert await sent(sandbox, before, len(commands)) == commands
    code, output = await asyncio.to_thread(run, home, "members", str(guild), "--query", "a")
    assert code == 0, output
    before = len(await sandbox.commands())
    code, output = await asyncio.to_thread(run, home, "members", "5", "--patience", "0.2")
    asked, *progress, failed = output.splitlines()  # progress: of what takes over a second
    assert "guild 5; once it is sent, each part of the answer may take 0.2 s" in asked
    assert (code, "either the account is not in guild 5" in failed) == (1, True), progress
    (members,) = await sent(sandbox, before, 1)
    assert members[0] == 8, "it was asked for"
    before = len(await sandbox.commands())
    code, output = await asyncio.to_thread(run, home, "voice-state", "5", "6")
    assert (code, output.splitlines()[0]) == (0, "Sent by shard 0.")
    (moved,) = await sent(sandbox, before, 1)
    assert moved[0] == 4
    assert "not in guild 5, or may not do it, Discord says nothing" in output
    code, output = await asyncio.to_thread(run, home, "presence", "--status", "away")
    assert (code, output.splitlines()) == (
        2,
        ["Error: status is 'away': give one of online, idle, dnd, invisible, offline, unknown"],
    )


async def from_raw_zmq(sandbox: SandboxControl, home: Home) -> None:
    """Send as docs/commands.md tells programs in other languages to."""
    (file,) = home.state.glob("*/running.json")
    context = zmq.asyncio.Context()
    try:
        dealer = context.socket(zmq.DEALER)
        dealer.connect(json.loads(file.read_text())["control_endpoint"])
        before = len(await sandbox.commands())
        payload = b'{"op":3,"d":{"status":"dnd"}}'
        for shard, ok in ((1, True), (9, False)):
            args = {"payload": payload, "shard": shard}
            request = {"v": 1, "id": 7, "verb": "send", "args": args}
            await dealer.send(msgspec.msgpack.encode(request))
            answer = msgspec.msgpack.decode(await asyncio.wait_for(dealer.recv(), 20))
            assert (answer["v"], answer["id"], answer["ok"]) == (1, 7, ok)
            if ok:
                assert answer["result"] == {"shard_id": 1, "shard_count": SHARDS}
            else:
                assert answer["error"]["kind"] == "NotSentError"
        assert await sent(sandbox, before, 1) == [(3, {"status": "dnd"})]
    finally:
        context.destroy(0)


def run(home: Home, *words: str, stdin: str | None = None) -> tuple[int, str]:
    """Run ``dcgw-cluster send`` in this process."""
    result = CliRunner().invoke(main, ["send", *words], input=stdin, env=home.env)
    return result.exit_code, result.output


def test_every_command_from_every_side(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(info: SandboxInfo) -> None:
        async with SandboxControl(info.control_url, info.control_token) as sandbox:
            guild, text, voice = await a_guild(sandbox)
            await from_control_client(sandbox, guild, rows(guild, text, voice))
            await from_command_line(sandbox, home, guild)
            await from_raw_zmq(sandbox, home)
            await raw_from_command_line(sandbox, home, guild, rows(guild, text, voice))

    with run_sandbox(
        guilds=2,
        shards=SHARDS,
        members_per_guild=MEMBERS,
        rate=0,
        max_concurrency=SHARDS,
        latency_ms=0,  # what was sent has been heard
    ) as info:
        home.use(info)
        started = home.cli("start", "--detach", "--workers", "1")
        assert started.returncode == 0, started.stderr
        for name in ("DCGW_STATE_DIR", "DCGW_RUNTIME_DIR"):
            monkeypatch.setenv(name, home.env[name])
        asyncio.run(scenario(info))
        stopped = home.cli("stop")
        assert stopped.returncode == 0, stopped.stderr
    assert home.leftovers() == []
