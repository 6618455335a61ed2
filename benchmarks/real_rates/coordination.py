"""What a coordinator costs with many shards, and how long many shards take to be ready."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

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
    """Of a core."""
    status_ms: float
    """Milliseconds until ``status`` is answered, and its answer decoded."""


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
            http=HttpConfig(listen=""),
        )
        async with (
            _coordinator(spec, played=True) as process,
            ControlClient(spec.paths.control, timeout=ANSWER_S) as control,
        ):
            await _until_ready(control, shards)
            before, began = cpu_seconds(process.pid), time.monotonic()
            await asyncio.sleep(seconds)
            used, took = cpu_seconds(process.pid) - before, time.monotonic() - began
            asked = sorted([await _status_ms(control) for _ in range(ASKS)])
    return CoordinatorCost(used / took * 100, quantile(asked, 0.5))


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
                await _until_ready(control, shards)
            return (time.monotonic() - began) / least_seconds(shards, concurrency)


def least_seconds(shards: int, concurrency: int) -> float:
    """Return the least time in which so many shards can identify, with our margin: the first of
    each bucket at once, each further one a window later."""
    each_s = IDENTIFY_WINDOW_S + IdentifyConfig().margin_ms / 1000
    return (-(-shards // concurrency) - 1) * each_s


async def _until_ready(control: ControlClient, shards: int) -> None:
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
