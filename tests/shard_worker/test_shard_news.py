"""What a shard tells of itself when it is asked for news: all that has changed, and no more."""

from __future__ import annotations

from typing import Any, cast
from unittest.mock import Mock

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.wire.link import IdentifyGrant, ShardCounts, ShardPlan, ShardReport
from cluster.wire.states import SessionState
from shard_worker.protocol.connect_queue import ConnectQueue
from shard_worker.shard import Shard
from shard_worker.shard_news import Tally
from shard_worker.transport.transport import Transport
from shard_worker.worker_report import take_news
from tests.played_loop import play
from tests.shard_worker.test_adopt_seconds import worker_spec
from tests.shard_worker.test_shard import HELLO, READY, Ordered, frame

SHARDS = 3


class Bench:
    """Shards of one process, and somebody who keeps what they tell."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.tally = Tally()
        connects = ConnectQueue(lambda: 0.5)
        self.shards = [self._shard(shard_id, connects) for shard_id in range(SHARDS)]
        self.told: dict[int, ShardReport] = {}
        self.told_at: dict[int, float] = {}
        self.epoch = self.seq = 1

    def _shard(self, shard_id: int, connects: ConnectQueue) -> Shard:
        wire, plan = Ordered(), ShardPlan(shard_id=shard_id, shard_count=SHARDS)
        transport = cast(Transport, wire)
        shard = Shard(
            plan, worker_spec(), transport, wire, wire, connects=connects, tally=self.tally
        )
        shard._loop = cast(Any, Mock(time=lambda: self.now))
        shard.start()
        return shard

    def make_ready(self, shard: Shard) -> None:
        """Let all go well until its session is ready."""
        while shard.state is not SessionState.READY:
            self.step(shard, 3)

    def step(self, shard: Shard, choice: int) -> None:
        """Let something happen to a shard that may happen to it now."""
        match shard.state:
            case SessionState.CONNECTING if choice % 3:
                shard.on_connect_failed(f"refused {choice % 2}", denied=bool(choice % 2))
            case SessionState.CONNECTING:
                shard.on_connected()
            case SessionState.AWAITING_HELLO:
                shard.on_messages([HELLO], [0])
            case SessionState.AWAITING_GRANT:
                self.epoch += 1
                grant = IdentifyGrant(shard_id=0, grant_id=self.epoch, epoch=self.epoch)
                shard.granted(grant)
            case SessionState.IDENTIFYING:
                self.seq = 1
                shard.on_messages([READY], [0])
            case SessionState.RESUMING | SessionState.READY:
                self.seq += 1
                resumed = frame(0, {}, "RESUMED", self.seq)
                happens = [frame(0, {}, "A", self.seq)] * 5 + [
                    resumed,
                    frame(11, None),
                    b'{"op":0}',
                ]
                if choice % 9 == 8:
                    shard.on_closed(4000, "")
                else:
                    shard.on_messages([happens[choice % 9]], [0])
            case _:
                self.now += choice / 4
                shard._tick()

    def ask(self) -> list[ShardReport | ShardCounts]:
        """Ask the shards that were touched for news, and keep them."""
        news = take_news(dict(enumerate(self.shards)), self.tally, self.now)
        for told in news:
            shard_id = told.shard_id
            if isinstance(told, ShardCounts):
                self.told[shard_id] = msgspec.structs.replace(
                    self.told[shard_id], seq=told.seq, events=told.events
                )
            else:
                self.told[shard_id], self.told_at[shard_id] = told, self.now
        return news

    def moments(self, report: ShardReport, at: float) -> ShardReport:
        """Return a report with moments in place of seconds, that do not change by themselves."""
        age_s, wait_s = report.session_age_s, report.next_try_s
        return msgspec.structs.replace(
            report,
            silent_s=None,
            session_age_s=None if age_s is None else round(at - age_s, 3),
            next_try_s=None if wait_s is None else round(max(self.now, at + wait_s), 3),
        )


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, SHARDS - 1), st.integers(0, 17), st.booleans()), max_size=60
    ),
    ready=st.integers(0, SHARDS),
)
def test_what_was_told_is_how_it_is(steps: list[tuple[int, int, bool]], ready: int) -> None:
    async def scenario() -> None:
        bench = Bench()
        for first in bench.shards[:ready]:  # in the order in which they may connect
            bench.make_ready(first)
        for shard, choice, asked in [*steps, (0, 0, True)]:
            bench.step(bench.shards[shard], choice)
            if asked:
                bench.ask()
                for shard_id, is_now in enumerate(bench.shards):
                    told = bench.moments(bench.told[shard_id], bench.told_at[shard_id])
                    assert told == bench.moments(is_now.report(), bench.now)
                # Whoever asks all of them, touched or not, hears no more.
                assert [shard.news.take(bench.now) for shard in bench.shards] == [None] * SHARDS
                assert bench.ask() == []
                assert bench.tally.events == sum(shard.news.events for shard in bench.shards)

    play(scenario)
