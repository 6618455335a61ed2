"""The main job: 4 shards on 2 workers, every dispatched event at a subscriber, exactly once, and
every event of the catalogue typed there."""

from __future__ import annotations

import asyncio
from collections import Counter

from cluster.discord.event_names import EVENT_NAMES
from cluster.events import UnknownEvent
from cluster.sandbox import SandboxControl
from cluster.sandbox.catalogue import catalogue
from cluster.subscriber import Event
from cluster.wire.status import ClusterStatus
from cluster.wire.traffic import OTHER
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import (
    Raw,
    Row,
    Seen,
    all_dispatched,
    control_of,
    eventually,
    identified,
    sandbox_of,
    watching,
)

SHARDS = 4
LIFECYCLE = {"READY", "RESUMED"}
"""A session gets them when it begins and goes on, and at no other time."""


def test_every_event_reaches_a_subscriber_exactly_once(home: Home) -> None:
    with run_sandbox(guilds=8, shards=SHARDS, max_concurrency=SHARDS, rate=300.0) as info:
        home.use(info)
        start = home.cli("start", "--detach", "--workers", "2")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with (
                sandbox_of(info) as sandbox,
                control_of(home) as control,
                watching(home, "the witness") as seen,
            ):
                await seen.until(2_000)
                async with Raw(home):
                    status = await eventually(
                        control.status,
                        lambda s: bool(s.subscribers) and s.subscribers[0].events > 2_000,
                    )
                assert [one.name for one in status.subscribers] == ["the witness"]
                assert status.subscribers[0].gaps == 0
                assert status.subscribers_unknown == 1
                assert status.troubles == []
                await let_everything_happen(sandbox)
                expected = await all_dispatched(sandbox, seen)
                seen.check(expected)
                await eventually(control.status, lambda s: counted(s) == by_type(expected))
                check_typed(seen)
                assert await identified(sandbox) == SHARDS
                await eventually(control.status, lambda s: s.subscribers_unknown == 0)
            async with control_of(home) as control:
                await eventually(control.status, lambda s: s.subscribers == [])

        asyncio.run(main())
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
    assert home.leftovers() == []


async def let_everything_happen(sandbox: SandboxControl) -> None:
    """Each event of the catalogue, once at least."""
    for name in catalogue().events.keys() - LIFECYCLE:
        await sandbox.emit(name)


def counted(status: ClusterStatus) -> Counter[str]:
    """Return how many events the workers have counted, by type."""
    return sum((Counter(one.events) for one in status.traffic), Counter())


def by_type(expected: list[Row]) -> Counter[str]:
    """Return how many events of each type were dispatched."""
    return Counter(name if name in EVENT_NAMES else OTHER for _, _, name, _ in expected)


def check_typed(seen: Seen) -> None:
    """Each event has a class that fits, and each of the catalogue is among them."""
    names = set()
    for event in seen.items:
        if isinstance(event, Event):
            typed = event.typed()
            assert not isinstance(typed, UnknownEvent), str(typed)
            assert typed.misfits == ()
            assert (typed.name, typed.data) == (event.name, event.data)
            names.add(event.name)
    assert names >= catalogue().events.keys() - {"RESUMED"}
