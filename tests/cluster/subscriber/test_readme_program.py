"""The first programs of people who read: as they stand, but for where the cluster is."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.cluster.subscriber.delivery_rig import delivery_rig

ROOT = Path(__file__).parents[3]
GUARD_S = 60.0
MESSAGE = (
    b'{"id":"5","channel_id":"6","content":"hello","author":{"id":"7","username":"birch","avatar":'
    b'null,"discriminator":"0"},"timestamp":"2023-11-11T14:23:14.123000+00:00"}'
)


def kill(process: asyncio.subprocess.Process) -> None:
    """End it where it has not ended by itself: the test fails."""
    if process.returncode is None:
        process.kill()


def first_program(page: Path) -> str:
    (program, *_) = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    return str(program)


@pytest.mark.parametrize(
    ("page", "says", "quiet"),
    [
        ("README.md", b" MESSAGE_CREATE message.id=5 ", False),
        ("docs/connect-a-bot.md", b"birch hello\n", True),
    ],
)
def test_it_prints_messages_and_ends_on_ctrl_c(
    tmp_path: Path, page: str, says: bytes, quiet: bool
) -> None:
    program = first_program(ROOT / page)
    file = tmp_path / "bot.py"

    async def run() -> None:
        async with AsyncExitStack() as ending, delivery_rig() as cluster, asyncio.timeout(GUARD_S):
            where = f"Subscriber({cluster.events!r}, replay={cluster.replay!r}, "
            file.write_text(program.replace("Subscriber(", where))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-u", file, env={"PYTHONPATH": str(ROOT)},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            assert process.stdout is not None
            ending.callback(kill, process)
            said = asyncio.ensure_future(process.stdout.readline())
            while not said.done():
                cluster.emit(0, "MESSAGE_CREATE", data=MESSAGE)  # it may not have joined yet
                await asyncio.wait([said], timeout=0.05)
            assert says in await said
            process.send_signal(signal.SIGINT)
            rest = await process.stdout.read()
            if quiet:
                assert all(line == says for line in rest.splitlines(keepends=True)), rest.decode()
                assert await process.wait() == 0
            else:
                assert rest.endswith(b"KeyboardInterrupt\n")

    asyncio.run(run())
