"""Other people's client libraries on the sandbox: READY, caches, events, cuts, op 7, op 9.

Each library runs in a process of its own, unchanged, with certificate verification on. What it
received is compared with the dispatch ledger: by shard, session, s, name, and the bytes of d.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.clients.client_bench import SHARDS, Bench, bench
from tests.clients.client_libraries import DISCORD_PY, DISCORDJS, HIKARI, Library, case

MOST_USED = [
    case(DISCORD_PY, "zstd-stream"),
    case(HIKARI, "zlib-stream"),
    case(DISCORDJS, "zlib-sync"),
]
OTHERS = [
    case(DISCORD_PY, "zlib-stream"),
    case(HIKARI, "zstd-stream"),
    case(HIKARI, "payload"),
    case(HIKARI, "none"),
    case(DISCORDJS, "zlib-native"),
    case(DISCORDJS, "payload"),
    case(DISCORDJS, "none"),
]


async def start(b: Bench) -> dict[int, str]:
    """Wait until all shards are ready with one identify each and caches like the world.

    Return their sessions.
    """
    report = await b.settle()
    ready = report.names("READY")
    assert sorted(r[0] for r in ready) == list(range(SHARDS))
    assert report.caches == b.world()
    state = await b.control.state()
    assert (state["identifies"]["admitted"], state["identifies"]["early"]) == (SHARDS, 0)
    return report.sessions


@pytest.mark.parametrize(("library", "compression"), MOST_USED)
def test_lives_through_cuts_reconnects_and_invalid_sessions(
    library: Library, compression: str
) -> None:
    async def life() -> None:
        async with bench(library, compression) as b:
            sessions = await start(b)
            await b.traffic(250)

            # Cuts under traffic: the same sessions go on, and nothing is missing.
            b.cut = True
            await b.control.fault(kind="cut", how="rst", shard=0)
            await b.control.fault(kind="cut", how="mid_frame", shard=1)
            await b.client.wait(2, "RESUMED")
            await b.traffic(100)
            report = await b.settle()
            assert report.sessions == sessions

            # Told to reconnect (op 7), and told that the session can be resumed (op 9, true).
            await b.traffic(100)
            await b.control.fault(kind="op7", shard=0)
            await b.control.fault(kind="op9", resumable=True, shard=1)
            await b.client.wait(4, "RESUMED")
            report = await b.settle()
            assert report.sessions == sessions
            assert [r[0] for r in report.names("RESUMED")].count(0) == 2

            # Told that the session is over (op 9, false): a new session each.
            await b.control.fault(kind="op9", resumable=False)
            await b.client.wait(2 * SHARDS, "READY")
            await b.traffic(100)
            report = await b.settle()
            assert set(report.sessions.values()).isdisjoint(sessions.values())
            if library is not DISCORDJS:
                assert report.caches == b.world()

    asyncio.run(life())


@pytest.mark.parametrize(("library", "compression"), OTHERS)
def test_receives_and_resumes_with_every_compression(library: Library, compression: str) -> None:
    async def life() -> None:
        async with bench(library, compression) as b:
            sessions = await start(b)
            await b.traffic(150)
            b.cut = True
            await b.control.fault(kind="cut", how="rst")
            await b.client.wait(SHARDS, "RESUMED")
            await b.traffic(100)
            report = await b.settle()
            assert report.sessions == sessions

    asyncio.run(life())
