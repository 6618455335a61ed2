"""The README's programs and those in examples/, as they stand, in processes of their own."""

from __future__ import annotations

import asyncio
import re
import signal
import stat
import sys
from pathlib import Path
from typing import Final

import msgspec

from shard_worker import Resumable
from tests.shard_worker.client.client_rig import WAIT_S, ClientRig, run

ROOT: Final = Path(__file__).parents[3]
SECTION: Final = "## In your own process: `GatewayClient`"


def readme_programs() -> list[str]:
    section = (ROOT / "README.md").read_text().split(SECTION)[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.S)


class Program:
    """A program that runs against the sandbox."""

    def __init__(self, rig: ClientRig, *args: str, user: bool = False) -> None:
        info = rig.sandbox.info
        self._args = args
        self._env = {
            "DCGW_TOKEN": info.user_token if user else info.token,
            "DCGW_API_URL": info.api_url,
            "DCGW_CA_FILE": info.ca_file,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        self.lines: list[str] = []

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._args,
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1024 * 1024,
        )

    async def says(self, text: str) -> None:
        """Read its lines until one begins with this text."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            while not (self.lines and self.lines[-1].startswith(text)):
                line = await self.process.stdout.readline()
                assert line, (text, self.lines)
                self.lines.append(line.decode().rstrip("\n"))

    async def end(self, how: int | None = None) -> int:
        """Send this signal and return the exit code."""
        if how is not None:
            self.process.send_signal(how)
        assert self.process.stdout is not None
        rest = await asyncio.wait_for(self.process.stdout.read(), WAIT_S)
        self.lines += rest.decode().splitlines()
        return await self.process.wait()


async def subscribed(rig: ClientRig) -> set[str]:
    """Return the guild ids that op 37 named."""
    sent = [c for c in await rig.control.commands() if c["op"] == 37]
    return {guild for c in sent for guild in c["d"]["subscriptions"]}


def test_the_readme_s_programs_run_as_they_are_written(tmp_path: Path) -> None:
    async def scenario(rig: ClientRig) -> None:
        programs = readme_programs()
        assert len(programs) == 3
        files = [tmp_path / f"readme_{n}.py" for n in range(3)]
        for file, text in zip(files, programs, strict=True):
            file.write_text(text)
        bot, user, subscriber = (
            Program(rig, str(file), user=user)
            for file, user in zip(files, (False, True, True), strict=True)
        )
        for program in (bot, user, subscriber):
            await program.start()
        await user.says("READY ")
        assert await user.end() == 0, user.lines
        assert len(user.lines) == 1
        await subscriber.says("READY ")
        guilds = {str(guild) for guild in rig.sandbox.world.guild_ids(0, 1)}
        async with asyncio.timeout(WAIT_S):
            while await subscribed(rig) != guilds:  # noqa: ASYNC110  # there is nothing to await
                await asyncio.sleep(0.01)
        await bot.says("GUILD_CREATE ")
        await rig.emit(5)
        await subscriber.says("MESSAGE_CREATE ")
        await bot.says("Message: ")
        for program in (bot, subscriber):
            await program.end(signal.SIGKILL)

    run(scenario, identify_window_s=0)


def test_the_examples_run_and_the_bot_goes_on_where_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "session.json"

    async def scenario(rig: ClientRig) -> None:
        bot = Program(rig, str(ROOT / "examples/bot.py"), str(kept))
        user = Program(rig, str(ROOT / "examples/user_client.py"), "396858", user=True)
        await bot.start()
        await user.start()
        await bot.says("A new session in 2 guilds.")
        await user.says("Subscribed to 2 guilds.")
        await rig.until(lambda: bool(rig.sandbox.state.dispatcher.sessions))
        await rig.emit(3)
        assert await bot.end(signal.SIGINT) == 0, bot.lines
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        msgspec.json.decode(kept.read_bytes(), type=Resumable)
        await rig.emit(2)
        again = Program(rig, str(ROOT / "examples/bot.py"), str(kept))
        await again.start()
        await again.says("Up to date.")
        assert await again.end(signal.SIGTERM) == 0
        said = [line for line in bot.lines + again.lines if ": " in line]
        assert len(said) == 5, (bot.lines, again.lines)
        await user.end(signal.SIGKILL)

    run(scenario, identify_window_s=0)
