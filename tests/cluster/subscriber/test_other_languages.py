"""Readers that use nothing of ours: one in JavaScript, written from docs/wire-protocol.md alone,
and the examples in three languages; on the vectors, and on a real hub."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.subscriber.delivery_rig import DeliveryRig, delivery_rig

TESTS = Path(__file__).parents[2]
READER = TESTS / "vectors" / "reader.mjs"
EXAMPLES = TESTS.parent / "examples"
NODE = shutil.which("node")


COMPILER = shutil.which("cc")


def c_libraries() -> list[str]:
    """Return what links the example in C, the second library under either of its names; nothing:
    the compiler or one of them is not here."""
    find = shutil.which("pkg-config")
    for name in ("msgpack", "msgpack-c"):
        asked = [str(find), "--cflags", "--libs", "libzmq", name]
        if COMPILER and find and not subprocess.run(asked, capture_output=True).returncode:
            return subprocess.check_output(asked, text=True).split()
    return []


C_LIBRARIES = c_libraries()


def needs(*packages: str) -> pytest.MarkDecorator:
    installed = all((TESTS / "clients" / "node_modules" / name).is_dir() for name in packages)
    return pytest.mark.skipif(
        NODE is None or not installed, reason="node and its packages are not here: `make clients`"
    )


@asynccontextmanager
async def lines_of(*command: str) -> AsyncIterator[AsyncIterator[list[Any]]]:
    """What a program prints, a list of JSON a line, until it is left."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    out = process.stdout

    async def lines() -> AsyncIterator[list[Any]]:
        while text := await out.readline():
            yield json.loads(text)

    try:
        yield lines()
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended, and that was seen already
            process.kill()
        await process.wait()


async def joined(cluster: DeliveryRig, lines: AsyncIterator[list[Any]], name: str) -> list[Any]:
    """The first line, which comes some time after the reader has subscribed."""
    first = asyncio.ensure_future(anext(lines))
    while not first.done():
        cluster.emit(0, name)
        await asyncio.wait([first], timeout=0.02)
    return first.result()


@needs("@msgpack/msgpack")
def test_a_reader_in_javascript_makes_the_same_of_each_vector() -> None:
    files = sorted((TESTS / "vectors").glob("*.json"))

    async def main() -> None:
        async with lines_of(str(NODE), str(READER), *map(str, files)) as lines:
            made = [line async for line in lines]
        for file, found in zip(files, made, strict=True):
            assert found == json.loads(file.read_text())["then"], file.name

    asyncio.run(main())


@needs("@msgpack/msgpack", "zeromq")
def test_a_reader_in_javascript_at_a_hub() -> None:
    async def main() -> None:
        async with (
            delivery_rig() as cluster,
            lines_of(str(NODE), str(READER), cluster.events, "A", "B") as lines,
            asyncio.timeout(30),
        ):
            assert (await joined(cluster, lines, "C"))[:3] == ["joined", 0, 1]
            sent = cluster.emit(0, "A", "B", "C", "A")
            cluster.writer(0).begin_epoch(4, cause="op 9")
            sent += cluster.emit(0, "B")
            found = [await anext(lines) for _ in range(5)]
            assert found[3] == [0, "gap", 1, sent[-2][1] + 1, None, "session_lost"]
            del found[3]
            events = [(name, seq) for _, _, _, name, seq, _ in found]
            assert events == [event for event in sent if event[0] != "C"]

    asyncio.run(main())


def in_python(folder: Path) -> list[str]:
    return [sys.executable, str(EXAMPLES / "raw_subscriber.py")]


def in_node(folder: Path) -> list[str]:
    """It finds its packages beside itself, as where a reader of the page puts it."""
    (folder / "node_modules").symlink_to(TESTS / "clients" / "node_modules")
    return [str(NODE), str(shutil.copy(EXAMPLES / "subscriber.mjs", folder))]


def in_c(folder: Path) -> list[str]:
    """Compiled as its first lines say, with all warnings as errors."""
    program = folder / "subscriber"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program)]
    made = subprocess.run(
        [str(COMPILER), *flags, str(EXAMPLES / "subscriber.c"), *C_LIBRARIES],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return [str(program)]


@pytest.mark.parametrize(
    "program",
    [
        in_python,
        pytest.param(in_node, marks=needs("@msgpack/msgpack", "zeromq")),
        pytest.param(
            in_c,
            marks=pytest.mark.skipif(
                not C_LIBRARIES, reason="no compiler, libzmq3-dev or libmsgpack-dev here"
            ),
        ),
    ],
)
def test_an_example_at_a_hub(program: Callable[[Path], list[str]], tmp_path: Path) -> None:
    command = program(tmp_path)

    async def main() -> None:
        async with (
            delivery_rig() as cluster,
            lines_of(*command, cluster.events, cluster.other_events, "A", "B") as lines,
            asyncio.timeout(30),
        ):
            row = await joined(cluster, lines, "A")
            last = cluster.writer(0).state.seq
            while row[4] < last:
                row = await anext(lines)
            cluster.emit(0, "C", "A", "B")
            assert await anext(lines) == ["event", "A", 0, 1, last + 2, {"n": last + 2}]
            assert await anext(lines) == ["event", "B", 0, 1, last + 3, {"n": last + 3}]
            cluster.emit(0, "A", published=False)
            cluster.emit(0, "A")
            assert await anext(lines) == ["break", "A", 0, 1, last + 2, last + 4]
            assert await anext(lines) == ["event", "A", 0, 1, last + 5, {"n": last + 5}]
            cluster.writer(0).begin_epoch(3, cause="op 9")
            cluster.emit(0, "B")
            assert await anext(lines) == ["session", "_", 0, 3, [1, last + 5]]
            assert await anext(lines) == ["event", "B", 0, 3, 0, {"n": 0}]
            with cluster.several_hubs() as publish:
                messages = cluster.unpublished(0, "A")
                heard = asyncio.ensure_future(anext(lines))
                while not heard.done():
                    publish(messages)  # it comes a second time as long as it is not connected
                    await asyncio.wait({heard}, timeout=0.05)
                assert await heard == ["event", "A", 0, 3, 1, {"n": 1}]

    asyncio.run(main())
