"""Discord's limits as the libraries keep them by themselves: identify buckets, 429 at login."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from cluster.discord.limits import IDENTIFY_WINDOW_S
from tests.clients.client_bench import QUICK, SHARDS, bench
from tests.clients.client_libraries import DISCORD_PY, DISCORDJS, HIKARI, Library, case

EACH = [
    case(DISCORD_PY, "zstd-stream"),
    case(HIKARI, "zlib-stream"),
    case(DISCORDJS, "none"),
]


@pytest.mark.parametrize(("library", "compression"), EACH)
def test_own_limiter_keeps_identifies_apart(library: Library, compression: str) -> None:
    """With one bucket and Discord's own window no identify comes early, as /gateway/bot asks."""
    # Without jitter: discord.py leaves exactly 5 s, which Discord's own jitter can shorten.
    options = msgspec.structs.replace(
        QUICK, max_concurrency=1, identify_window_s=IDENTIFY_WINDOW_S, identify_jitter_s=0.0
    )

    async def identify() -> None:
        async with bench(library, compression, options, own_identify_wait=True) as b:
            report = await b.settle()
            assert len(report.names("READY")) == SHARDS
            state = await b.control.state()
            counts = state["identifies"]
            assert (counts["admitted"], counts["early"]) == (SHARDS, 0)
            assert state["session_start_limit"]["remaining"] == 1000 - SHARDS

    asyncio.run(identify())


def test_early_identifies_are_answered_and_come_right() -> None:
    """discord.py without its wait identifies too early: op 9 until the bucket's window is over."""
    options = msgspec.structs.replace(QUICK, max_concurrency=1, identify_window_s=0.5)

    async def identify() -> None:
        async with bench(DISCORD_PY, "zstd-stream", options) as b:
            report = await b.settle()
            assert sorted(r[0] for r in report.names("READY")) == list(range(SHARDS))
            state = await b.control.state()
            assert state["identifies"]["admitted"] == SHARDS
            assert state["identifies"]["early"] > 0
            # An identify that came early costs no session start.
            assert state["session_start_limit"]["remaining"] == 1000 - SHARDS

    asyncio.run(identify())


@pytest.mark.parametrize(("library", "compression"), EACH)
def test_waits_out_a_rate_limited_login(library: Library, compression: str) -> None:
    limited = {"kind": "rest_429", "count": 1, "retry_after": 0.2}
    options = msgspec.structs.replace(QUICK, faults=[limited])

    async def login() -> None:
        async with bench(library, compression, options) as b:
            b.expected = ("rate limited",)
            report = await b.settle()
            assert len(report.names("READY")) == SHARDS

    asyncio.run(login())
