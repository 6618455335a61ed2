"""What `send` says when not all shards sent it, and of arguments, before it looks for a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from click.testing import Result

from cluster.cli import sending
from cluster.cli.verbs.send import shown
from cluster.commands import Command, raw
from cluster.commands.presence import activity
from cluster.control.shard_commands import ShardCommands
from cluster.errors import ClusterError, NotSentError

Dcgw = Callable[..., Result]


class Played:
    """The commands of a shard that sends, or raises."""

    def __init__(self, error: ClusterError | None) -> None:
        self.error = error
        self.sent: list[Command] = []

    async def send(self, command: Command) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(command)


def together(results: list[ClusterError | None]) -> list[ShardCommands]:
    """Send by as many shards, each of which has its result."""
    shards = [cast(ShardCommands, Played(error)) for error in results]
    return asyncio.run(sending._together(dict.fromkeys(shards, raw(5))))


def test_all_of_them_sent_it() -> None:
    shards = together([None] * 200)
    assert [cast(Played, shard).sent for shard in shards] == [[raw(5)]] * 200


def test_none_of_them_did_and_all_say_why() -> None:
    with pytest.raises(NotSentError, match=r"^the cluster is gone: start it$"):
        together([NotSentError("the cluster is gone", "start it") for _ in range(3)])


def test_some_did_not() -> None:
    lost = NotSentError("shard 1 is waiting", "send it once the shard is ready")
    with pytest.raises(ClusterError, match=r"^1 of 3 were not sent \(shard 1 is waiting\): send"):
        together([None, lost, None])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["raw", "31", "{"], 2, "Error: d is no JSON"),
        (["raw", "thirty"], 2, "'thirty' is not a valid integer"),
        (["voice-state", "x"], 2, "Error: guild_id is 'x': give a snowflake"),
        (["members", "5", "--user", "me"], 2, "Error: user_ids is 'me': give a snowflake"),
        (["subscribe", "0"], 2, "Error: guild_ids is '0': give a snowflake"),
        (["soundboard"], 2, "Missing argument"),
        (["presence", "--endpoint", "tcp://h:1"], 2, "--endpoint is given without --keys"),
        (["presence", "--status", "away"], 2, "Error: status is 'away': give one of online"),
        (["raw", "2", "{}", "--shard", "0"], 2, "Error: op 2 is the session's own"),
        (["raw", "3", "{}"], 2, "Give one of --shard N and --guild ID."),
        (["raw", "3", "{}", "--guild", "x"], 2, "Error: guild_id is 'x'"),
        (["members", "5", "--query", "a", "--limit", "101"], 2, "Error: limit is 101"),
        (["presence"], 3, "no cluster is running"),
    ],
)
def test_refusals(dcgw: Dcgw, words: list[str], code: int, said: str) -> None:
    result = dcgw("send", *words)
    assert result.exit_code == code
    assert said in result.stderr


@pytest.mark.parametrize("kind", ["playing", "streaming", "custom", "competing"])
def test_activities_are_ones_that_discord_takes(kind: str) -> None:
    made = shown("chess", kind, "https://twitch.tv/chess" if kind == "streaming" else None)
    assert activity("activities[0]", made) == made
    assert made["type"] == {"playing": 0, "streaming": 1, "custom": 4, "competing": 5}[kind]
    assert "chess" in (made["name"], made.get("state"))
