"""``dcgw`` as type checkers see it that run over a program of a user's, in strict mode."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dcgw.environment import ROOT

NODE = shutil.which("node")
PYRIGHT = ROOT / "tests" / "clients" / "node_modules" / "pyright" / "index.js"
CHECK_S = 280
"""A checker without a cache takes ten seconds of a processor, of which it may get a tenth."""
pytestmark = pytest.mark.timeout(300)

RIGHT = '''\
"""A program that uses most of dcgw."""

from typing import assert_type

from dcgw import ControlClient, Event, Gap, GatewayClient, Item, Resumable, Skipped, Stalled
from dcgw import EventName, Intents, Subscriber, __version__, event_names
from dcgw.commands import Subscription
from dcgw.errors import ClusterError, NotRunningError
from dcgw.events import GatewayEvent, MessageCreate, ParseError, UnknownEvent, decode
from dcgw.events.enums import MessageFlags
from dcgw.events.objects import Message, User
from dcgw.sandbox import Sandbox, SandboxOptions
from dcgw.states import GapReason, SessionState

WANTED: list[EventName] = ["MESSAGE_CREATE", "MESSAGE_DELETE"]
OTHERS = (ClusterError, MessageFlags, ParseError, Skipped, Subscription, UnknownEvent, decode)


async def read(session: Resumable | None) -> None:
    async with Sandbox(SandboxOptions(guilds=4)) as sandbox:
        token = assert_type(sandbox.info.token, str)
    async with GatewayClient.connect(token, intents="all", session=session) as client:
        assert_type(client, GatewayClient)
        assert_type(await client.next_event(), GatewayEvent)
        assert_type(client.state, SessionState)
        await client.update_presence("dnd")
    async with GatewayClient.connect(token, intents=["guilds", "message_content"]):
        pass
    async with GatewayClient.connect(token, intents=Intents.GUILDS | Intents["GUILD_MEMBERS"]):
        pass
    Subscriber(events=("READY", *WANTED), strict=True)
    Subscriber(events=event_names(*"MESSAGE_CREATE MESSAGE_UPDATE".split()), start="oldest")
    async with Subscriber(events=["MESSAGE_CREATE"]) as events:
        async for item in events:
            handle(item)


def handle(item: Item) -> None:
    match item:
        case Event():
            match item.typed():
                case MessageCreate(message=message):
                    assert_type(message, Message)
                    assert_type(message.author, User)
                case _:
                    pass
        case Gap():
            assert_type(item.shard_id, int)
            assert_type(item.reason, GapReason)
            print(item.reason == "gone", item.reason is GapReason.GONE)
        case Stalled():
            pass


async def look() -> str:
    try:
        async with ControlClient.find("east", wait=60) as control:
            assert_type(control, ControlClient)
        async with ControlClient.find() as control:
            return (await control.status()).name
    except NotRunningError as error:
        assert_type(error.cause, str)
    return __version__
'''
WRONG = """\
from dcgw import Subscribe
from dcgw.events import MessageCrate
from dcgw.events.objects import Massage
from dcgw import Subscriber
one: int = Subscriber()
from dcgw import GatewayClient; from dcgw.states import SessionState
Subscriber(events=["MESSAGE_CREAT"])
GatewayClient.connect("token", intents=["guild"])
GatewayClient.connect("token", capabilities="all_of_them")


async def away(client: GatewayClient) -> bool:
    await client.update_presence("away")
    return client.state is SessionState.REDY
"""
ERRORS = [("wrong.py", line) for line in (1, 2, 3, 5, 7, 8, 9, 13, 14)]
"""Where a checker finds fault: the first of each line."""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    docs = ROOT / "docs"
    for page in (ROOT / "README.md", *docs.glob("*.md"), *docs.glob("*/*.md")):
        blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
        whole = [program for program in blocks if "asyncio.run(" in program]
        for number, program in enumerate(whole):
            name = page.stem.replace("-", "_").lower()
            (tmp_path / f"{name}_{number}.py").write_text(program)
    for example in (ROOT / "examples").glob("*.py"):
        shutil.copy(example, tmp_path)
    return tmp_path


def check(words: list[str], cwd: Path) -> str:
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, check=False, timeout=CHECK_S
    )
    assert done.returncode == 1, done
    return done.stdout


def test_mypy(programs: Path) -> None:
    text = check([sys.executable, "-m", "mypy", "--strict", "."], programs)
    found = [line.split(":", 2) for line in text.splitlines() if ": error: " in line]
    assert sorted({(file, int(line)) for file, line, _ in found}) == ERRORS, text


@pytest.mark.skipif(
    NODE is None or not PYRIGHT.is_file(), reason="node and pyright are not here: `make clients`"
)
def test_pyright(programs: Path) -> None:
    (programs / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "include": ["right.py", "wrong.py"]}'
    )
    words = [str(NODE), str(PYRIGHT), "--outputjson", "--pythonpath", sys.executable]
    text = check(words, programs)
    found = [one for one in json.loads(text)["generalDiagnostics"] if one["severity"] == "error"]
    places = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in found}
    assert sorted(places) == ERRORS, text
