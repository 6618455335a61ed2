"""What a worker reports: of itself, and of the shards of which there is news."""

from __future__ import annotations

from collections.abc import Mapping

from cluster import process_stats
from cluster.wire.link import Report, ShardCounts, ShardReport
from shard_worker.delivery.slot_journal import SlotJournal
from shard_worker.shard import Shard
from shard_worker.shard_news import Tally
from shard_worker.traffic_report import TrafficReport


def make_report(
    slot: int,
    shards: Mapping[int, Shard],
    tally: Tally,
    journal: SlotJournal,
    traffic: TrafficReport,
    now: float,
    *,
    received_bytes: int,
) -> Report:
    """Make the next report. What it tells is no news any more: where it can't be sent, renew the
    shards and the traffic. now: of the loop's clock.

    Measured (1,000 shards, warm): 0.4 ms where nothing has changed, 1 ms where each brought events,
    3 ms where all have changed; encoding is 0.1 ms more at most.
    """
    news = take_news(shards, tally, now)
    stats = journal.stats()
    return Report(
        slot=slot,
        has=list(shards),
        shards=[told for told in news if isinstance(told, ShardReport)],
        counts=[told for told in news if isinstance(told, ShardCounts)],
        cpu_seconds=process_stats.cpu_seconds(),
        rss_bytes=process_stats.own_memory_bytes(),
        events=tally.events,
        journal_bytes=stats.bytes,
        journal_seconds=stats.seconds,
        journalling=stats.journalling,
        unpublished=stats.unpublished,
        held=journal.held,
        traffic=traffic.news(journal.events, stats, received_bytes),
    )


def take_news(
    shards: Mapping[int, Shard], tally: Tally, now: float
) -> list[ShardReport | ShardCounts]:
    """Return what has changed since this was asked last, of the shards that were touched."""
    touched, tally.touched = tally.touched, set()
    # One that is another worker's by now may still have been touched, by the end of its connection.
    ours = [shards[shard_id] for shard_id in sorted(touched) if shard_id in shards]
    return [told for shard in ours if (told := shard.news.take(now)) is not None]
