"""The bot on discord.py of examples/: it is stopped, started again, and has missed nothing."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from cluster.endpoints.paths import ClusterPaths, cluster_paths
from cluster.subscriber import Event, Subscriber
from tests.chaos.host_processes import free_ports
from tests.e2e.home import COMMAND_S, Home
from tests.e2e.watching import eventually

BOT = Path(__file__).parents[2] / "examples" / "discord_py_bot.py"
DISCORD_EPOCH_MS = 1_420_070_400_000
AT = re.compile(r"^(\d\d:\d\d:\d\d\.\d{3}) ", re.MULTILINE)
LIVES = 3
EACH = 30
"""Messages that the bot has to have handled in each of its lives."""


class Message(msgspec.Struct):
    id: str

    @property
    def at(self) -> str:
        """When it was sent, as the bot prints it. Author and content may be others by then: the
        library changes both in its cache."""
        ms = (int(self.id) >> 22) + DISCORD_EPOCH_MS
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]


def test_it_misses_nothing_while_it_is_away(home: Home, tmp_path: Path) -> None:
    port = free_ports(1)[0]
    home.env["DCGW_PROXY_LISTEN"] = f"127.0.0.1:{port}"
    options = ["--detach", "--wait", "--workers", "1", "--guilds", "4", "--rate", "100"]
    start = home.cli("start", "--sandbox", "--proxy", *options)
    assert start.returncode == 0, start.stderr
    paths = cluster_paths("sandbox", home.env)
    said = tmp_path / "said"

    asyncio.run(lives(home, paths, f"ws://127.0.0.1:{port}", said))
    stop = home.cli("stop", "--name", "sandbox")
    assert stop.returncode == 0, stop.stderr


async def lives(home: Home, paths: ClusterPaths, gateway: str, said: Path) -> None:
    dispatched: Counter[str] = Counter()

    async def is_ready() -> bool:
        return has_been_ready(said)

    async def more(count: int) -> None:
        """Wait until so many more messages have been dispatched."""
        least = dispatched.total() + count
        await eventually(happened, lambda number: number >= least)

    async def happened() -> int:
        return dispatched.total()

    async with AsyncExitStack() as stack:
        for _ in range(LIVES):
            async with running(home, paths, gateway, said):
                await eventually(is_ready, bool)
                if not dispatched:
                    # From here on the bot has to be given every message.
                    watching = asyncio.create_task(watch(paths, dispatched))
                    stack.callback(watching.cancel)
                await more(EACH)
            await more(EACH)
        expected = dispatched.copy()

        async def missed() -> Counter[str]:
            return expected - printed_in(said)

        async with running(home, paths, gateway, said):
            await eventually(missed, lambda times: not times)


def has_been_ready(file: Path) -> bool:
    return "guilds.\n" in file.read_text()


def printed_in(file: Path) -> Counter[str]:
    return Counter(AT.findall(file.read_text()))


async def watch(paths: ClusterPaths, dispatched: Counter[str]) -> None:
    """Count every message that the cluster is sent, by when it was."""
    decoder = msgspec.json.Decoder(Message)
    async with Subscriber(
        paths.events, ["MESSAGE_CREATE"], replay=paths.replay, control=paths.control
    ) as events:
        async for event in events:
            if isinstance(event, Event):
                dispatched[decoder.decode(event.data).at] += 1


@asynccontextmanager
async def running(home: Home, paths: ClusterPaths, gateway: str, said: Path) -> AsyncIterator[None]:
    """Run the bot as a newcomer does, until the block ends; then Ctrl-C."""
    script = f". {paths.sandbox_env}; exec {sys.executable} -P {BOT}"
    with said.open("a") as out:
        bot = await asyncio.create_subprocess_exec(
            "sh", "-c", script, env=home.env | {"DISCORD_GATEWAY": gateway}, stdout=out, stderr=out
        )
    try:
        yield
        bot.send_signal(signal.SIGINT)
        await asyncio.wait_for(bot.wait(), COMMAND_S)
    finally:
        if bot.returncode is None:
            bot.kill()
            await bot.wait()
