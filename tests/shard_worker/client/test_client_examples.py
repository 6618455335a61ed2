"""The programs of docs/client.md and those in examples/, as they stand, in their own processes."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Final

import msgspec
import pytest

from shard_worker import GatewayClient, Resumable
from tests.shard_worker.client.client_rig import WAIT_S, ClientRig, run

ROOT: Final = Path(__file__).parents[3]
CLIENT_MD: Final = ROOT / "docs" / "client.md"
CODE: Final = r"```python\n(.*?)```"
SECTION: Final = "## Three programs"


def page_s_programs() -> list[str]:
    section = CLIENT_MD.read_text().split(SECTION)[1].split("\n## ")[0]
    return re.findall(CODE, section, re.S)


def snippets(page: Path) -> list[str]:
    return re.findall(CODE, page.read_text(), re.S)


class Program:
    """A program that runs against the sandbox."""

    started: ClassVar[list[asyncio.subprocess.Process]] = []

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
        self.started.append(self.process)

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


@pytest.fixture(autouse=True)
def _none_is_left() -> Iterator[None]:
    """A test that fails in the midst leaves no program behind."""
    yield
    for process in Program.started:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
    Program.started.clear()


async def subscribed(rig: ClientRig) -> set[str]:
    """Return the guild ids that op 37 named."""
    sent = [c for c in await rig.control.commands() if c["op"] == 37]
    return {guild for c in sent for guild in c["d"]["subscriptions"]}


def test_the_page_s_programs_run_as_they_are_written(tmp_path: Path) -> None:
    async def scenario(rig: ClientRig) -> None:
        programs = page_s_programs()
        assert len(programs) == 3
        files = [tmp_path / f"page_{n}.py" for n in range(3)]
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
            assert await program.end(signal.SIGINT) == 0, program.lines
            assert "Traceback" not in "\n".join(program.lines)

    run(scenario, identify_window_s=0)


def test_client_md_keeps_a_session_for_nobody_else_to_read(tmp_path: Path) -> None:
    """As it stands, in a program whose umask is the usual one, over a file that others can read."""
    (snippet,) = [text for text in snippets(CLIENT_MD) if "session=path.read_bytes()" in text]
    path = tmp_path / "session.json"
    path.write_text("{}")
    path.chmod(0o644)
    code = compile(snippet, str(CLIENT_MD), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def scenario(rig: ClientRig) -> None:
        info = rig.sandbox.info
        there = partial(GatewayClient.connect, api_url=info.api_url, ca_file=info.ca_file)
        client = await there(info.token, intents="all")
        await client.next_event()
        names: dict[str, Any] = {
            "client": client, "path": path, "token": info.token, "msgspec": msgspec,
            "GatewayClient": SimpleNamespace(connect=there),
        }  # fmt: skip
        await eval(code, names)  # the page's own lines
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert names["client"].state == "ready"
        await names["client"].graceful_shutdown()

    run(scenario, identify_window_s=0)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("bot.py", []),
        ("user_client.py", []),
        ("user_client.py", ["latest"]),
        ("raw_subscriber.py", []),
    ],
)
def test_an_example_that_is_called_wrongly_says_how(name: str, args: list[str]) -> None:
    file = ROOT / "examples" / name
    done = subprocess.run(
        [sys.executable, file, *args], env={"PYTHONPATH": str(ROOT), "DCGW_TOKEN": "x"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("usage: ")
    assert done.stderr.count("\n") == 1


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
        assert await user.end(signal.SIGINT) == 0
        assert "Traceback" not in "\n".join(user.lines)

    run(scenario, identify_window_s=0)
