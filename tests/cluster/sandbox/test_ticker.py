"""The traffic's clock: what it makes at a time is whole."""

from __future__ import annotations

import asyncio

import pytest

from cluster.sandbox.failures import Failures
from cluster.sandbox.ticker import Ticker
from tests.cluster.sandbox.dispatch_rig import DispatchRig
from tests.played_loop import play


@pytest.mark.parametrize("rate", [200.0, 700.0])
def test_between_two_ticks_no_guild_is_ahead_of_its_events(rate: float) -> None:
    """A session that begins then would be shown who joined and be told of it again."""
    rig = DispatchRig(mix=dict.fromkeys(("GUILD_BAN_ADD", "THREAD_MEMBER_UPDATE"), 1.0))
    unfinished: list[bool] = []
    tick = rig.dispatcher.tick

    def look() -> None:
        unfinished.append(rig.world.unfinished)
        tick()

    rig.dispatcher.tick = look  # type: ignore[method-assign]  # what is called between the slices

    async def scenario() -> None:
        failures = Failures()
        ticker = Ticker(rig.world, rig.dispatcher, rate, failures)
        running = asyncio.create_task(ticker.run())
        while ticker.generated < 1_000:  # noqa: ASYNC110  # played time
            await asyncio.sleep(0.01)
        running.cancel()
        assert not failures.describe()
        assert len(unfinished) > 100
        assert not any(unfinished)

    play(scenario)


def test_a_happening_of_many_events_silences_the_traffic_for_a_moment_only() -> None:
    """USER_UPDATE brings an event in each guild; at this rate they are those of 40 s."""
    rig = DispatchRig(guilds=200, mix={"USER_UPDATE": 1.0})
    client = rig.client()
    while rig.dispatcher.busy:
        rig.dispatcher.tick()

    async def scenario() -> None:
        ticker = Ticker(rig.world, rig.dispatcher, 5.0, Failures())
        running = asyncio.create_task(ticker.run())
        await asyncio.sleep(5.0)
        running.cancel()
        names = [name for name, _ in client.read()]
        assert names.count("USER_UPDATE") >= 5
        assert names.count("GUILD_MEMBER_UPDATE") == 200 * names.count("USER_UPDATE")

    play(scenario)
