"""Which silences are told: those of a shard that usually speaks, while its neighbours do."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest

from coordinator.workers.silences import LEAST_S, LONGER, Silences
from tests.progress import progress

HOUR, DAY = 3600.0, 24 * 3600.0
Rate = Callable[[float], float]
"""Events a second at a time."""


class Cluster:
    """Shards with traffic that a seed deals, and when each of them was too silent."""

    def __init__(self, rates: Sequence[float | Rate], seed: int, step_s: float = 1.0) -> None:
        self.random = random.Random(seed)
        self.rates: list[Rate] = [
            rate if callable(rate) else (lambda _, rate=rate: rate)  # type: ignore[misc]
            for rate in rates
        ]
        self.step_s = step_s
        self.silences = Silences()
        self.now = 0.0
        self.events = [0] * len(rates)
        self.silent: set[int] = set()
        """Shards that bring nothing whatever their rate is."""
        self.alarms: list[tuple[int, float]] = []
        """(shard, when) of each silence that was told of."""
        self._told: set[int] = set()

    def poisson(self, mean: float) -> int:
        if mean > 30.0:
            return max(0, round(self.random.gauss(mean, math.sqrt(mean))))
        left, count = self.random.random() - math.exp(-mean), 0
        share = math.exp(-mean)
        while left > 0.0:
            count += 1
            share *= mean / count
            left -= share
            if count > 200:
                break
        return count

    def run(self, seconds: float) -> None:
        progress()
        until = self.now + seconds
        while self.now < until:
            self.now += self.step_s
            for n, rate in enumerate(self.rates):
                if n not in self.silent:
                    self.events[n] += self.poisson(rate(self.now) * self.step_s)
                self.silences.report(n, self.events[n], self.now)
                if not self.silences.too_silent(n):
                    self._told.discard(n)
                elif n not in self._told:
                    self._told.add(n)
                    self.alarms.append((n, self.now))

    def first_alarm(self, shard: int) -> float:
        """Run until this shard is told of, and return after how many seconds."""
        self.silent.add(shard)
        began = self.now
        while shard not in self._told and self.now < began + DAY:
            self.run(10 * self.step_s)
        return self.now - began


def test_one_of_three_is_silent() -> None:
    cluster = Cluster([5.0, 5.0, 5.0], seed=1)
    cluster.run(HOUR)
    assert cluster.alarms == []
    assert LEAST_S <= cluster.first_alarm(1) <= 120.0
    cluster.run(10 * HOUR)
    assert cluster.silences.too_silent(1), "it does not become usual"
    cluster.silent.clear()
    cluster.run(10.0)
    assert not cluster.silences.too_silent(1)
    assert [shard for shard, _ in cluster.alarms] == [1]


def test_of_shards_that_are_alike_one_is_told_of_soon_in_a_young_cluster_too() -> None:
    cluster = Cluster([5.0, 5.0, 5.0], seed=2)
    cluster.run(60.0)
    assert LEAST_S <= cluster.first_alarm(0) <= 80.0


def test_a_shard_that_says_less_than_its_neighbours_is_not_judged_so_soon() -> None:
    """What it has said may be one conversation."""
    cluster = Cluster([3.0, 10.0, 10.0], seed=2)
    cluster.run(480.0)
    assert 3 * 60.0 <= cluster.first_alarm(0) <= 15 * 60.0


def test_the_less_it_usually_says_the_longer_it_may_be_silent() -> None:
    cluster = Cluster([0.05, 1.0, 20.0], seed=3, step_s=5.0)
    cluster.run(5 * HOUR)
    assert cluster.alarms == []
    seldom = cluster.first_alarm(0)
    assert 2 * 60.0 <= seldom <= HOUR


def test_a_bot_that_is_quiet_as_a_whole_is_not_told_of() -> None:
    cluster = Cluster([3.0] * 4, seed=4)
    cluster.run(HOUR)
    cluster.silent.update(range(4))
    cluster.run(8 * HOUR)
    assert cluster.alarms == []


def test_the_only_shard_has_no_neighbours() -> None:
    cluster = Cluster([3.0], seed=5)
    cluster.run(HOUR)
    cluster.silent.add(0)
    cluster.run(HOUR)
    assert cluster.alarms == []


def test_two_of_three_are_told_of_too() -> None:
    cluster = Cluster([3.0] * 3, seed=6)
    cluster.run(HOUR)
    cluster.silent.update((0, 1))
    cluster.run(600.0)
    assert sorted(shard for shard, _ in cluster.alarms) == [0, 1]


def test_a_shard_that_is_not_ready_is_not_silent() -> None:
    silences = Silences()
    for now in range(7200):
        for shard in range(3):
            silences.report(shard, now if shard or now < 3600 else 3600, float(now))
        if now > 3600:
            silences.not_ready(0, float(now))
        assert not silences.too_silent(0)


@pytest.mark.parametrize("quiet", [{11}, {10, 11}])
def test_shards_that_are_no_more_say_nothing_of_the_others(quiet: set[int]) -> None:
    """Two are left: one that falls silent beside the other is told of, and both at once are not."""
    silences = Silences()
    for now in range(7200):
        for shard in range(12):
            if shard >= 10 or now < 3600:
                silences.report(shard, min(now, 7000) if shard in quiet else now, float(now))
            elif shard < 5:  # moved, retired; of the others nobody reports any more
                silences.not_ready(shard, float(now))
    assert silences.too_silent(11) is (quiet == {11})


def test_another_process_counts_from_zero() -> None:
    silences = Silences()
    for now in range(3600):
        for shard in range(2):
            silences.report(shard, now, float(now))
    for now in range(3600, 3700):
        for shard in range(2):
            silences.report(shard, now - 3600, float(now))
    for now in range(3700, 3800):
        silences.report(0, 99, float(now))
        silences.report(1, now, float(now))
    silences.report(0, 0, 3800.0)
    assert silences.too_silent(0), "another process that brings nothing either"


def test_time_of_which_nobody_reports_counts_for_nothing() -> None:
    """Nor is it time with events: here some came meanwhile, of a shard that seldom speaks."""
    silences = Silences()
    for now in [*range(3600), *range(7200, 7500)]:
        for shard in range(3):
            silences.report(shard, min(now, 7200) // 50 if shard == 0 else now, float(now))
    assert not silences.too_silent(0)


def test_what_is_usual_is_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard that was busy and is not any more is judged by what it is now."""
    monkeypatch.setattr("coordinator.workers.silences.DAY_S", HOUR)
    rates: list[float | Rate] = [lambda now: 5.0 if now < 10 * HOUR else 0.01, 5.0, 5.0]
    cluster = Cluster(rates, seed=10, step_s=5.0)
    cluster.run(15 * HOUR)
    told = len(cluster.alarms)
    cluster.silent.add(0)
    cluster.run(3 * HOUR)
    assert len(cluster.alarms) == told
    monkeypatch.setattr("coordinator.workers.silences.FORGET_S", HOUR)
    cluster = Cluster([5.0, 5.0, 5.0], seed=11, step_s=5.0)
    cluster.run(HOUR)
    cluster.silent.add(0)
    cluster.run(600.0)
    cluster.silent.clear()
    cluster.run(5 * HOUR)
    assert cluster.first_alarm(0) < 300.0, "a silence of long ago excuses none"


@pytest.mark.parametrize("seed", range(3))
def test_chance_alone_is_no_silence(seed: int) -> None:
    """Poisson traffic, of shards with a thousand guilds and of shards with one."""
    rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 50.0] * 2
    cluster = Cluster(rates, seed, step_s=5.0)
    cluster.run(12 * HOUR)
    assert cluster.alarms == []


def at_night(rate: float) -> Rate:
    """A fiftieth of the traffic at night."""
    return lambda now: rate * (0.51 + 0.49 * math.cos(2 * math.pi * now / DAY))


def test_nights_are_no_silence() -> None:
    cluster = Cluster([at_night(r) for r in (0.05, 0.1, 0.3, 1.0)], seed=8, step_s=10.0)
    cluster.run(7 * DAY)
    assert cluster.alarms == []


def in_conversations(seed: int, step_s: float) -> Rate:
    """One guild: some talk for half an hour, then nothing for hours. In a conversation something
    comes in a tenth of the reports."""
    draw = random.Random(seed)
    ends: list[float] = [0.0]
    while ends[-1] < 8 * DAY:
        ends.append(ends[-1] + draw.expovariate(1 / (6 * HOUR)))
        ends.append(ends[-1] + draw.expovariate(1 / (0.5 * HOUR)))
    at = 0

    def rate(now: float) -> float:
        nonlocal at
        while ends[at + 1] < now:
            at += 1
        return 0.1 / step_s if at % 2 else 0.0

    return rate


@pytest.mark.parametrize("seed", [1, 3, 4, 7])
def test_a_shard_of_one_guild_that_talks_now_and_then(seed: int) -> None:
    cluster = Cluster([in_conversations(seed, 10.0), 1.0, 1.0], seed, step_s=10.0)
    cluster.run(3 * DAY)
    assert cluster.alarms == []


def test_a_silence_is_measured_against_those_before() -> None:
    """Two silences of ten minutes, then one that is longer."""
    cluster = Cluster([5.0, 5.0, 5.0], seed=9, step_s=5.0)
    cluster.run(HOUR)
    for _ in range(2):
        cluster.silent.add(0)
        cluster.run(600.0)
        cluster.silent.clear()
        cluster.run(HOUR)
    assert len(cluster.alarms) == 1, "the first of them"
    assert 600.0 * LONGER * 0.95 <= cluster.first_alarm(0) <= 600.0 * LONGER * 1.05
