"""`make follow SECONDS=n RATE=n`: clients follow a sandbox's traffic, and end equal to its world.

A real sandbox, its gateway over TLS, and a GatewayClient a shard; events of all kinds, with outages
of guilds. Exit code 1: a follower was told something wrong, or too few events have happened.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import islice

import msgspec
import uvloop

from cluster.sandbox import Sandbox, SandboxControl, SandboxOptions
from shard_worker.client.client import GatewayClient
from tests.follower.follower import Follower
from tests.follower.mix import OLD_MESSAGES, every_event
from tests.follower.world_state import compare

_OUTAGES = 0.2
"""Weight of an outage: some 4 in 1,000 events."""
_TELL_S = 10.0
_LAST_S = 60.0
"""How long the last events may take to arrive once the traffic has stopped."""
_LEAST_RATE = 0.9
"""What part of the events asked for has to have happened."""
_SHOWN = 20


class FollowedShard:
    """A client of one shard, and what follows it."""

    def __init__(self, client: GatewayClient) -> None:
        self.client = client
        self.follower = Follower()
        self.seq = 0

    async def follow(self) -> None:
        """Take events for ever."""
        while True:
            item = await self.client.next_raw()
            if item.seq >= 0:
                self.follower.apply(item.name, msgspec.json.decode(item.data))
                self.seq = item.seq


class Run:
    """One run. wrong: what was found, in words. happened: events of the world."""

    def __init__(self, *, seconds: float, rate: float, seed: int, shards: int) -> None:
        self._seconds = seconds
        self._rate = rate
        self._options = SandboxOptions(
            seed=seed,
            shards=shards,
            max_concurrency=shards,
            mix=every_event(_OUTAGES) | OLD_MESSAGES,
        )
        self._shards: list[FollowedShard] = []
        self.wrong: list[str] = []
        self.happened = 0

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            sandbox = await stack.enter_async_context(Sandbox(self._options))
            info = sandbox.info
            control = await stack.enter_async_context(
                SandboxControl(info.control_url, info.control_token)
            )
            for shard in range(self._options.shards):
                client = await stack.enter_async_context(
                    GatewayClient.connect(
                        info.token,
                        intents="all",
                        shard=(shard, self._options.shards),
                        large_threshold=250,
                        api_url=info.api_url,
                        ca_file=info.ca_file,
                    )
                )
                self._shards.append(FollowedShard(client))
            followers = [asyncio.create_task(one.follow()) for one in self._shards]
            try:
                await self._traffic(control, followers)
                await self._until_all_have_come(control, followers)
            finally:
                for task in followers:
                    task.cancel()
            self._judge(sandbox)

    async def _traffic(self, control: SandboxControl, tasks: Sequence[asyncio.Task[None]]) -> None:
        await control.traffic(rate=self._rate)
        ends_at = time.monotonic() + self._seconds
        while (left_s := ends_at - time.monotonic()) > 0:
            await asyncio.wait(tasks, timeout=min(left_s, _TELL_S), return_when="FIRST_COMPLETED")
            _raise_what_ended(tasks)
            print(f"{max(0.0, ends_at - time.monotonic()):.0f} s left: {self._progress()}")

    def _progress(self) -> str:
        followers = [one.follower for one in self._shards]
        events = sum(follower.events.total() for follower in followers)
        outages = sum(follower.outages for follower in followers)
        faults = sum(follower.fault_count for follower in followers)
        return f"{events:,} events, {outages:,} outages, {faults:,} faults"

    async def _until_all_have_come(
        self, control: SandboxControl, tasks: Sequence[asyncio.Task[None]]
    ) -> None:
        last = (await control.quiesce())["last"]
        async with asyncio.timeout(_LAST_S):
            for one in self._shards:
                session = one.client.session
                assert session is not None
                while one.seq < last[session.session_id]:
                    _raise_what_ended(tasks)
                    await asyncio.sleep(0.01)

    def _judge(self, sandbox: Sandbox) -> None:
        """Compare the followers with the world."""
        self.wrong += [f"a bug of the sandbox: {one}" for one in sandbox.state.failures.describe()]
        self.happened = sandbox.state.dispatcher.happened
        for shard, one in enumerate(self._shards):
            ids = sandbox.world.guild_ids(shard, len(self._shards))
            found = [*one.follower.faults, *islice(compare(one.follower, sandbox.world, ids), 100)]
            self.wrong += [f"shard {shard}: {text}" for text in found]
        print(f"{self.happened:,} events have happened; followed: {self._progress()}")


def _raise_what_ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make follow", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (SECONDS=)")
    parser.add_argument("--rate", type=float, default=1000.0, help="events a second (RATE=)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same world (SEED=)")
    parser.add_argument("--shards", type=int, default=2, help="clients")
    given = parser.parse_args()
    run = Run(seconds=given.seconds, rate=given.rate, seed=given.seed, shards=given.shards)
    uvloop.run(run.run())
    for text in run.wrong[:_SHOWN]:
        print(text)
    if run.wrong:
        print(f"WRONG: {len(run.wrong):,} differences and faults")
        return 1
    if run.happened < _LEAST_RATE * given.rate * given.seconds:
        print("Too few events: this machine is too busy for that rate.")
        return 1
    print("What the followers believe is what the world is.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
