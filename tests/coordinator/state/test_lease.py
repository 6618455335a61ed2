"""The lease of a store that several coordinators share, with a clock for each that is played."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.hosts.leases import DRIFT
from coordinator.state.lease import (
    BLIND_S,
    LEASE_S,
    LOOK_S,
    RENEW_S,
    HeldLease,
    LeaseRow,
    LeaseWatch,
)


def row(holder: str | None = "a", beat: int = 1, seat: str = "there") -> LeaseRow:
    return LeaseRow(holder, beat, "host-1", 7, seat, "host-1:/state")


def test_it_holds_from_when_it_was_asked_for() -> None:
    lease = HeldLease(100.0)
    assert lease.holds(100.0 + LEASE_S - 0.01)
    assert not lease.holds(100.0 + LEASE_S)
    lease.renewed(103.0)
    lease.renewed(101.0)  # an answer that was overtaken
    assert lease.holds(103.0 + LEASE_S - 0.01)
    lease.lose()
    lease.renewed(104.0)
    assert not lease.holds(104.0)


def test_what_was_given_up_is_free_at_once() -> None:
    assert LeaseWatch("here").is_free(row(holder=None), 0.0)


def test_the_lease_of_a_process_that_left_our_state_folder_is_free_at_once() -> None:
    assert LeaseWatch("here").is_free(row(seat="here"), 0.0)


def looked(watch: LeaseWatch, until: float, beat: int, since: float = 0.0) -> bool:
    at = since
    while at < until:
        if watch.is_free(row(beat=beat), at):
            return True
        at += LOOK_S
    return watch.is_free(row(beat=beat), until)


def test_a_beat_that_does_not_change_for_a_lease_is_free() -> None:
    watch = LeaseWatch("here")
    assert not looked(watch, LEASE_S * (1 + DRIFT), 1)
    assert watch.is_free(row(), LEASE_S * (1 + DRIFT) + 0.1)
    assert watch.beats == 0


def test_each_beat_lets_it_wait_anew() -> None:
    watch = LeaseWatch("here")
    looked(watch, 5.0, 1)
    assert not looked(watch, 5.0 + LEASE_S, 2, since=5.5)
    assert watch.beats == 1


def test_while_the_database_was_away_the_holder_could_not_beat() -> None:
    watch = LeaseWatch("here")
    looked(watch, 3.0, 1)
    again = 3.0 + BLIND_S + LEASE_S
    assert not watch.is_free(row(), again)
    assert not looked(watch, again + LEASE_S, 1, since=again + LOOK_S)
    assert watch.is_free(row(), again + LEASE_S + LOOK_S)


@dataclass
class Process:
    """A coordinator: it waits, or it holds, or it is frozen in the midst of either."""

    name: str
    pace: float
    """How fast its clock runs."""
    ahead: float
    lease: HeldLease | None = None
    watch: LeaseWatch = field(default_factory=lambda: LeaseWatch("nowhere"))
    frozen_until: float = 0.0
    next_at: float = 0.0

    def clock(self, real: float) -> float:
        return real * self.pace + self.ahead


class Played:
    """A database with one row, and coordinators whose ways to it take their time or fail.

    What the coordinators do is what postgres/opening.py and lease_keeper.py do: ask, and note what
    came back with the moment that the rules want.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.real = 0.0
        self.row = row(holder=None, beat=0)
        self.away_until = 0.0
        self.processes = [
            Process(
                name,
                self.chance.uniform(1 - DRIFT / 2.5, 1 + DRIFT / 2.5),
                self.chance.uniform(-1e6, 1e6),
            )
            for name in "abc"
        ]
        self.taken = 0

    def holders(self) -> list[str]:
        """Who thinks now that nobody else has the store: a frozen one thinks when it goes on."""
        return [
            one.name
            for one in self.processes
            if one.lease is not None and one.lease.holds(one.clock(self.real))
        ]

    def turn(self, one: Process) -> None:
        chance, asked_at = self.chance, one.clock(self.real)
        there, back = chance.choice([0.0, 0.01, 0.3, 1.5]), chance.choice([0.0, 0.01, 0.3, 1.5])
        lost = chance.random() < 0.1
        if self.real < self.away_until:
            one.next_at = self.real + 2.0
            return
        self.real += there
        if one.lease is None:
            seen = self.row
            self.real += back
            if lost:
                one.next_at = self.real + LOOK_S
                return
            if one.watch.is_free(seen, one.clock(self.real)):
                asked_at = one.clock(self.real)
                self.real += there
                if self.row.beat == seen.beat:
                    self.row = row(one.name, seen.beat + 1)
                    one.lease = HeldLease(asked_at)
                    self.taken += 1
            one.next_at = self.real + LOOK_S
            return
        mine = self.row.holder == one.name
        if mine:
            self.row = self.row._replace(beat=self.row.beat + 1)
        self.real += back
        if not lost:  # else the beat is written, and nobody here knows
            if mine:
                one.lease.renewed(asked_at)
            else:
                one.lease, one.watch = None, LeaseWatch("nowhere")
        one.next_at = self.real + RENEW_S

    def step(self) -> None:
        one = min(self.processes, key=lambda one: max(one.next_at, one.frozen_until))
        self.real = max(self.real, one.next_at, one.frozen_until)
        if self.chance.random() < 0.02:
            one.frozen_until = self.real + self.chance.choice([1.0, 7.0, 20.0])
            return
        if self.chance.random() < 0.01:
            self.away_until = self.real + self.chance.choice([1.0, 4.0, 30.0])
        self.turn(one)


@given(st.integers(0, 1 << 32))
def test_never_two_think_that_they_have_it(seed: int) -> None:
    played = Played(seed)
    for _ in range(300):
        played.step()
        assert len(played.holders()) <= 1
    assert played.taken


@pytest.mark.parametrize("seed", range(20))
def test_a_standby_takes_over_within_seven_seconds_of_the_holder_s_death(seed: int) -> None:
    """The rest of ten is for its start."""
    chance = random.Random(seed)
    died = chance.uniform(10.0, 20.0)
    watch, at, beat, next_beat = LeaseWatch("here"), 0.0, 1, 0.0
    while True:
        at += LOOK_S + 0.01
        while next_beat < min(at, died):
            beat, next_beat = beat + 1, next_beat + RENEW_S
        if watch.is_free(row(beat=beat), at):
            break
    assert died < at < died + 7.0
