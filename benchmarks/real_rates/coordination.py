"""What a coordinator costs with many shards, and how long many shards take to be ready."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from benchmarks.children import Child, ChildError, child, cpu_seconds
from benchmarks.results import quantile
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HttpConfig, IdentifyConfig
from cluster.control.client import ControlClient
from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.sandbox.options import SandboxOptions

SHARDS_PER_WORKER: Final = 256
ASKS: Final = 5
"""How often ``status`` is asked for; the median counts."""
READY_S: Final = 90.0
POLL_S: Final = 0.05
ANSWER_S: Final = 30.0


class CoordinatorCost(NamedTuple):
    """What a coordinator with played workers takes."""

    percent: float
    """Percent of a core."""
    status_ms: float
    """Milliseconds until ``status`` is answered, and its answer decoded."""
    watched_percent: float
    """Percent of a core, while a page is open."""
    http_percent: float
    """What its HTTP server takes of a core meanwhile."""


@asynccontextmanager
async def _coordinator(spec: CoordinatorSpec, *, played: bool) -> AsyncIterator[Child]:
    settings = {"spec": msgspec.to_builtins(spec), "played": played}
    command = [sys.executable, "-m", "benchmarks.real_rates.coordinator"]
    # Its entry in the registry stands beside its sockets: nobody else's Subscriber finds it.
    env = {"DCGW_RUNTIME_DIR": str(Path(spec.runtime_dir).parent)}
    async with child("the coordinator", command, settings, env) as process:
        await process.line()
        yield process


async def coordinator_cost(
    addresses: Mapping[str, Any], shards: int, seconds: float
) -> CoordinatorCost:
    """Measure a coordinator of so many ready shards, whose workers report once a second. Raises
    ChildError."""
    with tempfile.TemporaryDirectory(prefix="dcgw-", dir="/tmp") as folder:
        spec = CoordinatorSpec(
            name="benchmark",
            state_dir=f"{folder}/state",
            runtime_dir=f"{folder}/run/benchmark",
            token="benchmark",
            shards=str(shards),
            workers=-(-shards // SHARDS_PER_WORKER),
            api_url=addresses["api_url"],
            ca_file=addresses["ca_file"],
            stop_seconds=1.0,
        )
        async with (
            _coordinator(spec, played=True) as process,
            ControlClient(spec.paths.control, timeout=ANSWER_S) as control,
        ):
            await until_ready(control, shards)
            (percent,) = await _percents([process.pid], seconds)
            asked = sorted([await _status_ms(control) for _ in range(ASKS)])
            async with _page((await control.status()).http):
                server = child_of(process.pid, "coordinator.http.server")
                watched, http = await _percents([process.pid, server], seconds)
    return CoordinatorCost(percent, quantile(asked, 0.5), watched, http)


async def _percents(pids: Sequence[int], seconds: float) -> list[float]:
    """Return what each process takes of a core for so long."""
    before, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    return [(cpu_seconds(pid) - then) / took * 100 for pid, then in zip(pids, before, strict=True)]


@asynccontextmanager
async def _page(url: str) -> AsyncIterator[None]:
    """Read what an open page does, while the block runs. url: of the HTTP server. Raises
    ChildError."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        async with asyncio.timeout(ANSWER_S):
            while b"picture" not in await reader.readline():
                if reader.at_eof():
                    raise ChildError("the page's stream ended")
        reading = asyncio.create_task(_read(reader))
        yield
        reading.cancel()
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 20):
        pass


def child_of(pid: int, module: str) -> int:
    """Return the child of a process that runs a module. Raises ChildError."""
    command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]  # whole, whatever COLUMNS says
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    ):
        words = line.split()
        if words[1:2] == [str(pid)] and module in words:
            return int(words[0])
    raise ChildError(f"no process runs {module}")


async def ready_over_least(shards: int, concurrency: int) -> float:
    """Return how long a cluster on a sandbox takes, from the coordinator's start of its workers
    until all shards are ready, over the least that the limiter allows. concurrency: how many may
    identify at once, of more. Raises ChildError."""
    with tempfile.TemporaryDirectory(prefix="dcgw-", dir="/tmp") as folder:
        spec = CoordinatorSpec(
            name="benchmark",
            state_dir=f"{folder}/state",
            runtime_dir=f"{folder}/run/benchmark",
            shards=str(shards),
            workers=2,
            on_sandbox=True,
            sandbox=SandboxOptions(shards=shards, max_concurrency=concurrency),
            http=HttpConfig(listen=""),
        )
        async with _coordinator(spec, played=False):
            began = time.monotonic()
            async with ControlClient(spec.paths.control, timeout=ANSWER_S) as control:
                await until_ready(control, shards)
            return (time.monotonic() - began) / least_seconds(shards, concurrency)


def least_seconds(shards: int, concurrency: int) -> float:
    """Return the least time in which so many shards can identify, with our margin: the first of
    each bucket at once, each further one a window later."""
    each_s = IDENTIFY_WINDOW_S + IdentifyConfig().margin_ms / 1000
    return (-(-shards // concurrency) - 1) * each_s


async def until_ready(control: ControlClient, shards: int) -> None:
    try:
        async with asyncio.timeout(READY_S):
            while (await control.status()).shards_ready < shards:  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise ChildError(f"not all shards were ready within {READY_S:.0f} s") from None


async def _status_ms(control: ControlClient) -> float:
    began = time.perf_counter()
    await control.status()
    return (time.perf_counter() - began) * 1000
