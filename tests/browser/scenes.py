"""A cluster that lives, for pictures of the page: traffic as it comes and goes, and what hurts."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from typing import Final

from cluster.wire.happenings import HappeningKind, Severity
from cluster.wire.states import ClusterState, SessionState
from cluster.wire.status import ClusterStatus, ShardStatus, SubscriberStatus, WorkerStatus
from tests.browser.played import PlayedCluster
from tests.coordinator.http.statuses import budget, shard, status, subscriber, traffic, worker

NOW: Final = datetime(2026, 3, 1, 12, 5, 30, tzinfo=UTC)
"""When the scene plays."""
TYPES: Final = {
    "PRESENCE_UPDATE": 0.48, "MESSAGE_CREATE": 0.21, "TYPING_START": 0.12,
    "GUILD_MEMBER_UPDATE": 0.06, "MESSAGE_REACTION_ADD": 0.05, "VOICE_STATE_UPDATE": 0.035,
    "MESSAGE_UPDATE": 0.02,
    "GUILD_MEMBER_ADD": 0.01, "CHANNEL_UPDATE": 0.008, "MESSAGE_DELETE": 0.007,
}  # fmt: skip
"""What share of the events each type has, as on servers of people who talk and play."""


class LivingCluster(PlayedCluster):
    """A cluster of some days, well or with some shards that are not ready."""

    def __init__(self, shards: int = 64, workers: int = 4, *, well: bool = False) -> None:
        super().__init__(shards, workers)
        self._dice = random.Random(1)
        self._events = 1_284_331
        self._types = dict.fromkeys(TYPES, 0)
        self._well = well
        self._tell()

    async def status(self) -> ClusterStatus:
        """Return the status of a second later."""
        self.uptime_s += 1
        wave = 1 + 0.25 * math.sin(self.uptime_s / 9) + self._dice.uniform(-0.08, 0.08)
        shards = [self._shard(one, wave) for one in self.shards]
        rate = sum(one.events_per_s for one in shards)
        self._events += round(rate)
        for name, share in TYPES.items():
            self._types[name] += round(share * rate * self._dice.uniform(0.8, 1.2))
        waiting = [one.shard_id for one in shards if one.state is SessionState.AWAITING_GRANT]
        ready = all(one.state is SessionState.READY for one in shards)
        return status(
            name="production",
            version="0.9.0",
            uptime_s=187_400 + self.uptime_s,
            state=ClusterState.READY if ready else ClusterState.DEGRADED,
            shards=shards,
            workers=self._workers(shards),
            traffic=[traffic(0, events=dict(self._types))],
            events=self._events,
            events_per_s=rate,
            budget=budget(
                remaining=912,
                reset_after_s=30_120 - self.uptime_s,
                waiting=waiting,
                wait_s=5.25 * len(waiting),
            ),
            subscribers=self._subscribers(),
            subscribers_unknown=1,
        )

    def _shard(self, one: ShardStatus, wave: float) -> ShardStatus:
        many = len(self.shards)
        state, detail, is_silent = SessionState.READY, "", False
        if not self._well:
            if many * 5 // 8 <= one.shard_id < many * 5 // 8 + 3:
                state = SessionState.RESUMING
            elif one.shard_id >= many - 2:
                state = SessionState.AWAITING_GRANT
            elif one.shard_id == many // 3:
                state, detail = SessionState.WAITING, "the gateway closed with 1006"
            is_silent = one.shard_id == 9
        lives = state is SessionState.READY and not is_silent
        return shard(
            one.shard_id,
            worker=one.worker,
            state=state,
            detail=detail,
            too_silent=is_silent,
            events_per_s=22 * wave * self._dice.uniform(0.7, 1.3) if lives else 0.0,
            silent_s=340.0 if is_silent else self._dice.uniform(0, 1),
            heartbeat_ms=self._dice.gauss(42, 4) if state is SessionState.READY else None,
            guilds=1000 + one.shard_id * 7 % 90,
        )

    def _workers(self, shards: list[ShardStatus]) -> list[WorkerStatus]:
        rows = []
        for slot in sorted({one.worker for one in shards}):
            mine = [one for one in shards if one.worker == slot]
            hurt = slot == 2 and not self._well
            rows.append(
                worker(
                    slot,
                    shards=len(mine),
                    shards_ready=sum(one.state is SessionState.READY for one in mine),
                    restarts=int(hurt),
                    unpublished=12 if hurt else 0,
                    events_per_s=sum(one.events_per_s for one in mine),
                    cpu_percent=self._dice.uniform(3.1, 4.3),
                    rss_bytes=58_000_000 + slot * 900_000,
                    journal_bytes=181_000_000 + slot * 7_000_000,
                    journal_seconds=9_300.0 + 60 * slot,
                )
            )
        return rows

    def _subscribers(self) -> list[SubscriberStatus]:
        third = self._events // 3
        hurt = not self._well
        return [
            subscriber("bot", events=self._events - 3, since_s=90_000.0),
            subscriber("moderation", events=612_004, lag=2140 * hurt, since_s=4000.0),
            subscriber("statistics", events=third, gaps=int(hurt), since_s=86_000.0),
        ]

    def _tell(self) -> None:
        """Let happen what happens in some hours."""
        now = NOW.timestamp()
        kinds, info, warning = HappeningKind, Severity.INFO, Severity.WARNING
        for ago, kind, severity, text in (
            (9720, kinds.OPERATION_BEGAN, info, "rolling restart begins"),
            (9654, kinds.OPERATION_DONE, info, "rolling restart is done"),
            (5310, kinds.SUBSCRIBER_CAME, info, "moderation subscribes"),
            (3105, kinds.SHARD_LOST, info,
             "shard 12 lost its connection: Discord asked for it (op 7)"),
            (3104, kinds.SHARD_RESUMED, info, "shard 12 resumed its session, epoch 3"),
            (402, kinds.WORKER_DIED, warning, "worker 2 died, pid 4127: killed by SIGKILL"),
            (401, kinds.WORKER_STARTED, info, "worker 2 started, pid 9310"),
            (398, kinds.SHARD_RESUMED, info, "16 shards (32-47) resumed their sessions"),
            (64, kinds.GAP, warning,
             "statistics was told of events that can't be had again: the session was lost"),
            (5, kinds.SHARD_LOST, info,
             "shard 21 lost its connection: Discord closed with 1006"),
            (3, kinds.SHARD_LOST, info,
             "3 shards (40-42) lost their connection: Discord asked for it (op 7)"),
        ):  # fmt: skip
            self.happens(text, kind, severity, now - ago)
