"""The main job: 4 shards on 2 workers, every dispatched event at a subscriber, exactly once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from home import Home, run_sandbox

from cluster.sandbox import SandboxControl, SandboxInfo
from cluster.subscriber import Event, Gap, Item, Stalled, Subscriber
from cluster.wire.places import places

SHARDS = 4
WITHIN_S = 40.0
BLANKED = "READY"
"""Its session id is blanked before it is journalled, so its bytes differ from what was sent."""

Row = tuple[int, int, str, str]
"""Shard, seq, name, hash of d ("" for READY)."""


def row_of_event(event: Event) -> Row:
    digest = hashlib.blake2b(event.data, digest_size=8).hexdigest()
    return event.shard_id, event.seq, event.name, "" if event.name == BLANKED else digest


def row_of_ledger(row: dict[str, Any]) -> Row:
    return row["shard"], row["s"], row["name"], "" if row["name"] == BLANKED else row["hash"]


async def ledger(control: SandboxControl) -> list[Row]:
    """What was dispatched, without what a RESUME sent once more."""
    return [row_of_ledger(r) async for r in control.all_dispatches() if not r.get("replayed")]


async def receive(subscriber: Subscriber, wanted: int) -> list[Item]:
    """So many events, and what came between them."""
    items: list[Item] = []
    count = 0
    async with asyncio.timeout(WITHIN_S):
        while count < wanted:
            items.append(await anext(subscriber))
            count += isinstance(items[-1], Event)
    return items


@asynccontextmanager
async def running(home: Home, sandbox: SandboxInfo, *options: str) -> AsyncIterator[SandboxControl]:
    """A cluster on that sandbox, started and stopped by the command line."""
    home.use(sandbox)
    start = await asyncio.to_thread(home.cli, "start", "--detach", *options)
    assert start.returncode == 0, start.stderr
    async with SandboxControl(sandbox.control_url, sandbox.control_token) as control:
        yield control
    stop = await asyncio.to_thread(home.cli, "stop")
    assert stop.returncode == 0, stop.stderr


def subscriber(home: Home) -> Subscriber:
    """Of that home's cluster, from the first event on."""
    where = places("default", home.env)
    return Subscriber(where.events, start="oldest", replay=where.replay)


def check(items: list[Item], expected: list[Row]) -> None:
    """Each dispatch once, nothing else, in order per shard, and no gap."""
    assert [item for item in items if isinstance(item, Gap | Stalled)] == []
    received = [row_of_event(item) for item in items if isinstance(item, Event)]
    assert Counter(received) == Counter(expected)
    for shard in range(SHARDS):
        seqs = [seq for shard_id, seq, *_ in received if shard_id == shard]
        assert seqs == list(range(1, len(seqs) + 1))


def test_every_event_reaches_a_subscriber_exactly_once(home: Home) -> None:
    async def main() -> None:
        with run_sandbox(guilds=8, shards=SHARDS, max_concurrency=SHARDS, rate=300.0) as sandbox:
            async with running(home, sandbox, "--workers", "2") as control:
                async with subscriber(home) as events:
                    items = await receive(events, 2_000)
                    await control.quiesce()
                    expected = await ledger(control)
                    got = sum(isinstance(item, Event) for item in items)
                    items += await receive(events, len(expected) - got)
                check(items, expected)
        assert home.leftovers() == []

    asyncio.run(main())


def test_through_a_cut_and_a_reconnect(home: Home) -> None:
    """Sessions that break are resumed: the same, with no identify more than there are shards."""

    async def main() -> None:
        with run_sandbox(guilds=8, shards=SHARDS, max_concurrency=SHARDS, rate=300.0) as sandbox:
            async with running(home, sandbox, "--workers", "2") as control:
                async with subscriber(home) as events:
                    items = await receive(events, 500)
                    await connected(control, SHARDS)
                    await control.fault(kind="cut", how="rst", shard=0)
                    await control.fault(kind="op7", shard=1)
                    await control.fault(kind="corrupt", shard=2)
                    await control.fault(kind="close", code=4000, shard=3)
                    items += await receive(events, 1_500)
                    await resumed(control, SHARDS)
                    await control.quiesce()
                    expected = await ledger(control)
                    got = sum(isinstance(item, Event) for item in items)
                    items += await receive(events, len(expected) - got)
                check(items, expected)
                state = await control.state()
                assert state["session_start_limit"]["remaining"] == 1000 - SHARDS
        assert home.leftovers() == []

    asyncio.run(main())


async def connected(control: SandboxControl, count: int) -> None:
    """Wait until so many sessions are there for a fault to meet."""
    async with asyncio.timeout(WITHIN_S):
        # The control door tells only when it is asked.
        while sum(s["connected"] for s in (await control.state())["sessions"]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def resumed(control: SandboxControl, count: int) -> None:
    """Wait until the sandbox has resumed so many sessions."""
    async with asyncio.timeout(WITHIN_S):
        while (await control.state())["counters"].get("resumed", 0) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
