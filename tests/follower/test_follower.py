"""Sessions that come, lag and go follow all that happens, and believe what is true."""

from __future__ import annotations

import asyncio
import random
from itertools import islice
from typing import Any

import pytest
import uvloop

from cluster.sandbox.failures import Failures
from cluster.sandbox.sessions import session_log
from cluster.sandbox.ticker import Ticker
from cluster.sandbox.world.traffic import HANDLERS
from tests.cluster.sandbox.dispatch_rig import DispatchRig
from tests.follower.__main__ import Run
from tests.follower.follower import Follower
from tests.follower.mix import OLD_MESSAGES, every_event
from tests.follower.world_state import compare
from tests.played_loop import play


class Followed:
    """A session and what follows it."""

    def __init__(self, rig: DispatchRig, shard: int, shard_count: int) -> None:
        self.client = rig.client(shard, shard_count)
        self.guild_ids = rig.world.guild_ids(shard, shard_count)
        self.follower = Follower()

    def read(self) -> None:
        for name, d in self.client.read():
            self.follower.apply(name, d)


# More guilds than one tick welcomes a session with; some guilds that no outage sets right; some
# with next to nobody, where somebody comes before anybody leaves; and people in old messages.
@pytest.mark.parametrize(
    ("mix", "events", "options"),
    [
        (every_event(1.0), 4_000, {"guilds": 40, "members_per_guild": 4}),
        (every_event(0.0), 4_000, {"guilds": 2, "members_per_guild": 12}),
        (every_event(0.2), 2_000, {"guilds": 2, "members_per_guild": 1, "channels_per_guild": 1}),
        (OLD_MESSAGES, 5_000, {"guilds": 1, "members_per_guild": 12}),
    ],
    ids=["outages", "no outage", "next to nobody", "old messages"],
)
def test_followers_end_equal_to_the_world(
    mix: dict[str, float], events: int, options: dict[str, Any]
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        rig = DispatchRig(mix=mix, now=loop.time, **options)
        failures = Failures()
        ticker = Ticker(rig.world, rig.dispatcher, 2_000.0, failures)
        running = asyncio.create_task(ticker.run())
        draw = random.Random(3)
        sessions = [Followed(rig, 0, 1), Followed(rig, 0, 2), Followed(rig, 1, 2)]
        followed = list(sessions)
        while ticker.generated < events:
            await asyncio.sleep(0.1)
            for one in sessions:
                one.read()
            if draw.random() < 0.3:  # one that begins in the midst of it, or begins anew
                rig.dispatcher.set_lag(draw.choice((0.0, 0.04)))
                sessions.append(Followed(rig, 0, 1))
                followed.append(sessions[-1])
            if len(sessions) > 5:
                gone = sessions.pop(draw.randrange(len(sessions)))
                rig.dispatcher.end(gone.client.session, session_log.LEFT)
        ticker.set_rate(0.0)
        rig.dispatcher.set_lag(0.0)
        while not ticker.idle:  # noqa: ASYNC110  # played time
            await asyncio.sleep(0.01)
        running.cancel()
        assert not failures.describe()
        for one in sessions:
            one.read()
            wrong = compare(one.follower, rig.world, one.guild_ids)
            assert list(islice(wrong, 10)) == []
        assert [fault for one in followed for fault in one.follower.faults] == []
        seen = {name for one in followed for name in one.follower.events}
        assert seen >= HANDLERS.keys() & mix.keys()
        assert any(one.follower.outages for one in followed) is ("GUILD_DELETE" in mix)

    play(scenario)


def test_a_run_by_hand_of_half_a_second() -> None:
    """The other tests here know the world as well; this sees that clients can be followed."""
    run = Run(seconds=0.5, rate=400.0, seed=1, shards=1)
    uvloop.run(run.run())
    assert run.wrong == []
    assert run.happened
