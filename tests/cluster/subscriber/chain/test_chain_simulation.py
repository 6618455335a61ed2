"""The chain rule against everything that can happen to a stream: each event comes out once and in
order, or a gap covers it that covers nothing else; and it never stalls."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.subscriber.chain import (
    Delivered,
    Event,
    Mark,
    Missing,
    Output,
    RangeAsk,
    RangeReply,
    ShardChain,
)
from cluster.wire import topic
from cluster.wire.batch import Batch, decode_batch, decode_epoch_end
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState
from cluster.wire.states import GapReason

NAMES = ("A", "B", "C", "D")
EXAMPLES = int(os.environ.get("DCGW_EXAMPLES", "250"))
"""Half as many where nobody is there to ask, and with a bound. By hand: 20,000."""


Moment = int
"""How many drains and epoch ends there have been."""


class Drained(NamedTuple):
    """One drain, or an epoch's end."""

    epoch: int
    first: int
    last: int
    batches: list[tuple[str, Batch]]
    """The batches of the drain; an epoch's end has none."""
    head: int
    """Last seq of the epoch, after it."""


@dataclass
class World:
    """A history, what is published of it in order, and what the journals hold of it."""

    events: dict[tuple[int, int], tuple[str, bytes]] = field(default_factory=dict)
    holes: set[tuple[int, int]] = field(default_factory=set)
    live: list[tuple[Moment, tuple[str, Batch] | Mark]] = field(default_factory=list)
    """Each with the moment from which it can have been published."""
    drains: list[Drained] = field(default_factory=list)
    held: set[Moment] = field(default_factory=set)
    """Drains that a journal holds, in the end."""
    journalled: set[tuple[int, int]] = field(default_factory=set)
    twice: set[tuple[int, int]] = field(default_factory=set)
    """Events that were journalled only after they had been published."""
    ends: dict[int, tuple[Moment, int]] = field(default_factory=dict)
    """When the epochs that are over ended, and their last seqs."""
    epochs: list[int] = field(default_factory=list)
    state: ShardState = field(default_factory=lambda: ShardState(shard_id=0, shard_count=1))
    """In the end."""
    ghosts: list[tuple[Moment, tuple[str, Batch] | Mark]] = field(default_factory=list)
    """What owners still publish that were taken for lost, at whatever moment from this one on."""
    told_ends: dict[int, tuple[Moment, int]] = field(default_factory=dict)
    """When such an owner has told an end of an epoch that went on with another, and which."""

    def answer(
        self, ask: RangeAsk, names: frozenset[str] | None, size: int, now: Moment
    ) -> RangeReply:
        """What a replay server says at a moment, a few drains at a time."""
        upto = 1 << 60 if ask.upto is None else ask.upto
        drained_yet = self.drains[:now]
        after = {drained.epoch for drained in drained_yet if drained.epoch > ask.epoch}
        ended = self.ends.get(ask.epoch, (1 << 60, -1))
        told = self.told_ends.get(ask.epoch, (1 << 60, -1))
        end = ended[1] if ended[0] < now else told[1] if told[0] < now and not after else None
        drains = sorted(
            (drained.first, drained.last, moment)
            for moment, drained in enumerate(drained_yet)
            if drained.epoch == ask.epoch and moment in self.held and drained.batches
        )
        reached, gone, batches, more = ask.after, [], [], False
        for first, last, moment in drains:
            if last <= reached or first > upto:
                continue
            if size == 0:
                more = True
                break
            size -= 1
            if first > reached + 1:
                gone.append((reached + 1, first - 1))
            reached = last
            batches += [
                (name, batch)
                for name, batch in self.drains[moment].batches
                if names is None or name in names or name == topic.HOLE
            ]
        head = max((d.head for d in drained_yet if d.epoch == ask.epoch), default=-1)
        if after and ask.upto is not None:
            head = max(head, upto)
        if not more and min(head, upto) > reached:
            gone.append((reached + 1, min(head, upto)))
            reached = min(head, upto)
        return RangeReply(ask, batches, reached, gone, more, end, min(after, default=None))


def make_world(random: Random, *, haunted: bool = False) -> World:
    """One to three epochs of a shard, of which the journals may have lost some, or all. haunted:
    owners may be taken for lost, and go on sending while another goes on from a checkpoint."""
    world = World()
    writer = ShardWriter("store", ShardState(shard_id=0, shard_count=1))
    lost = random.choice([0, 0, 0, 0.1, 0.4, 1])
    pruned = random.choice([0, 0, 0, 2, 6])
    epoch = 0
    for _ in range(random.randint(1, 3)):
        if epoch:
            row = decode_epoch_end(topic.split(writer.end_epoch("cause", 0)[0])[2])
            world.ends[epoch] = (len(world.drains), row.seq)
            world.drains.append(Drained(epoch, row.seq + 1, row.seq, [], row.seq))
            end = Mark(row.epoch, row.before, row.base, row.seq, row.last, final=True)
            world.live.append((len(world.drains), end))
        epoch = max(epoch, *(e for e, _ in world.events), 0) if haunted else epoch
        epoch += random.randint(1, 2)
        writer.begin_epoch(epoch)
        world.epochs.append(epoch)
        marked, seq = -1, random.randint(0, 1)
        checkpoints: list[ShardState] = []
        for _ in range(random.randint(1, 7)):
            before = copy.deepcopy(writer.state)
            drain = make_drain(random, world, writer.state, seq)
            seq = drain[-1][1] + 1
            drained(world, writer, drain, held=random.random() >= lost)
            if random.random() < 0.1:
                # Published and not journalled (a full disk); a RESUME brings it again after a
                # crash, in drains of other sizes. Who asks before that is told "not yet".
                world.held.discard(len(world.drains) - 1)
                world.drains[-1] = world.drains[-1]._replace(head=before.seq)
                world.twice |= {(epoch, s) for _, s, _ in drain}
                writer = ShardWriter("store", before)
                cut = random.randint(0, len(drain))
                for part in (drain[:cut], drain[cut:]):
                    if part:
                        drained(world, writer, part, held=random.random() >= lost)
            if random.random() < 0.1:
                # Its journal was lost, and the session goes on from what the coordinator knew.
                world.held.clear()
                state = copy.deepcopy(writer.state)
                state.last, state.floor = {}, state.seq
                writer, marked = ShardWriter("store", state), max(marked, state.seq)
            checkpoints.append(copy.deepcopy(writer.state))
            if haunted and random.random() < 0.5:
                goes_on = haunt(random, world, copy.deepcopy(writer.state))
                writer = ShardWriter("store", copy.deepcopy(random.choice(checkpoints)))
                seq = writer.state.seq + 1
                world.twice |= {(e, s) for e, s in world.events if e == epoch and s >= seq}
                marked = min(marked, writer.state.seq)
                if random.random() < 0.5:  # of what it was made of not all is known
                    writer.state.last, writer.state.floor = {}, writer.state.seq
                    marked = writer.state.seq
                if not goes_on:
                    break
            if random.random() < 0.3:
                state = writer.state
                base = random.choice([state.floor, max(marked, state.floor)])
                table = [(name, s) for name, s in state.last.items() if s > base]
                mark = Mark(epoch, state.before, base, state.seq, table)
                world.live.append((len(world.drains), mark))
                marked = state.seq
    world.held -= set(range(pruned))
    for moment in world.held:
        one = world.drains[moment]
        world.journalled |= {(one.epoch, s) for s in range(one.first, one.last + 1)}
    world.journalled -= world.twice
    if haunted:
        # What one owner has and another has not may be a gap, whatever a journal holds.
        world.journalled -= world.holes
        world.journalled = {
            (epoch, s)
            for epoch, s in world.journalled
            if s <= world.ends.get(epoch, (0, 1 << 60))[1]
        }
    world.state = writer.state
    return world


def make_drain(
    random: Random, world: World, state: ShardState, seq: int
) -> list[tuple[str, int, bytes]]:
    """What a session brings next, from a seq on: what another owner of it has had is the same."""
    drain: list[tuple[str, int, bytes]] = []
    for _ in range(random.randint(1, 6)):
        skipped = random.choice([0] * 12 + [1, 3]) if drain or state.seq >= 0 else 0
        while (state.epoch, seq) in world.holes or skipped:
            if (state.epoch, seq) in world.events:
                break
            skipped, seq = max(0, skipped - 1), seq + 1
        name, _ = world.events.get((state.epoch, seq), (random.choice(NAMES), b""))
        drain.append((name, seq, b"%d" % seq))
        seq += 1
    return drain


def haunt(random: Random, world: World, state: ShardState) -> bool:
    """An owner is taken for lost and goes on for a while. Return whether its session does, which
    another resumes; otherwise it may have begun the next."""
    ghost, now = ShardWriter("store", state), len(world.drains)
    goes_on = random.random() < 0.7

    def go_on(drains: int) -> None:
        for _ in range(drains):
            drain = make_drain(random, world, ghost.state, ghost.state.seq + 1)
            first, epoch = ghost.state.seq + 1, ghost.state.epoch
            world.ghosts += [(now, batch) for batch in decoded(ghost.drain(drain, 0))]
            taken = {s for _, s, _ in drain}
            world.events |= {(epoch, s): (name, data) for name, s, data in drain}
            if first > 0:
                world.holes |= {(epoch, s) for s in range(first, ghost.state.seq) if s not in taken}
            if random.random() < 0.5:
                world.ghosts.append((now, whole_mark(ghost.state)))

    world.ghosts.append((now, whole_mark(ghost.state)))
    go_on(random.randint(0, 3))
    if random.random() < 0.5:
        end = decode_epoch_end(topic.split(ghost.end_epoch("cause", 0)[0])[2])
        mark = Mark(end.epoch, end.before, end.base, end.seq, end.last, final=True)
        world.ghosts.append((now, mark))
        world.told_ends[end.epoch] = now, end.seq
        if not goes_on and random.random() < 0.5:
            ghost.begin_epoch(end.epoch + 1)
            go_on(random.randint(1, 2))
    return goes_on


def whole_mark(state: ShardState) -> Mark:
    return Mark(state.epoch, state.before, state.floor, state.seq, list(state.last.items()))


def drained(
    world: World, writer: ShardWriter, drain: list[tuple[str, int, bytes]], *, held: bool
) -> None:
    """One drain is journalled, or lost, and published."""
    epoch, first = writer.state.epoch, writer.state.seq + 1
    batches = decoded(writer.drain(drain, 0))
    last = writer.state.seq
    if held:
        world.held.add(len(world.drains))
    world.drains.append(Drained(epoch, first, last, batches, last))
    world.live += [(len(world.drains), batch) for batch in batches]
    world.events |= {(epoch, s): (name, data) for name, s, data in drain}
    taken = {s for _, s, _ in drain}
    if first > 0:
        world.holes |= {(epoch, s) for s in range(first, last + 1) if s not in taken}


def decoded(messages: list[bytes]) -> list[tuple[str, Batch]]:
    out = []
    for message in messages:
        name, _, payload = topic.split(message)
        if name != topic.EPOCH_END:
            out.append((name, decode_batch(payload)))
    return out


Live = list[tuple[Moment, tuple[str, Batch] | Mark]]


def shaken(random: Random, live: Live, names: frozenset[str] | None) -> Live:
    """What arrives of it: with drops, duplicates, swaps, and as two publishers of a shard that
    moves send it, the new one's first batches before the old one's tail, or some of them again."""
    drop = random.choice([0, 0.1, 0.5, 0.9])
    stream = [
        (moment, item)
        for moment, item in live
        if (isinstance(item, Mark) or names is None or item[0] in names or item[0] == topic.HOLE)
        and random.random() >= drop
    ]
    if not stream:
        return stream
    if random.random() < 0.5:
        i, j, k = sorted(random.randint(0, len(stream)) for _ in range(3))
        tail, ahead = stream[i:j], stream[j:k]
        again = tail[random.randint(0, len(tail)) :] if random.random() < 0.5 else []
        stream[i:k] = [*ahead, *tail, *again]
    for _ in range(random.choice([0, 3, len(stream)])):
        stream.insert(random.randint(0, len(stream)), random.choice(stream))
        i, j = random.randrange(len(stream)), random.randrange(len(stream))
        stream[i], stream[j] = stream[j], stream[i]
    return stream


def follow(
    random: Random, world: World, names: frozenset[str] | None, max_bytes: int, *,
    served: bool, start: tuple[int, int],
) -> list[Output]:  # fmt: skip
    """One subscriber's way through a live stream that was shaken, from a saved place or the
    beginning. Answers come at once, later, or never."""
    chain = ShardChain(names, max_bytes)
    out: list[Output] = []
    on_their_way: list[RangeReply] = []

    def ask(now: Moment) -> None:
        wanted = chain.wanted()
        if wanted is None or on_their_way:
            return  # one question at a time: an answer that is not heard in time is never heard
        if served:
            answer = world.answer(wanted, names, random.randint(1, 4), now)
            known = wanted.known if wanted.upto is None else wanted.upto
            away = bool(world.ghosts) and now < len(world.drains)
            if not away or answer.more or answer.reached >= known:
                on_their_way.append(answer)  # else a host that is away may have the rest
        else:
            chain.give_up(GapReason.NO_REPLAY)

    def hear() -> None:
        if on_their_way:
            chain.answer(on_their_way.pop())

    chain.begin(*start, lagging=random.random() < 0.3)
    now: Moment = 0
    asking = random.choice([0, 0.1, 0.5]) if served else 0
    losing = random.choice([0, 0, 0.3])
    stream = shaken(random, world.live, names)
    for ghost in shaken(random, world.ghosts, names):
        stream.insert(random.randint(0, len(stream)), ghost)
    for moment, item in stream:
        now = max(now, moment)  # what is published is journalled
        if isinstance(item, Mark):
            chain.mark(item)
        elif chain.batch(*item):
            assert chain.wanted() is None, "what was delivered at once leaves nothing to ask for"
            assert chain.held_bytes == 0
        if random.random() < asking:
            ask(now)
        if on_their_way and random.random() < losing:
            on_their_way.pop()
        if random.random() < 0.5:
            hear()
        out += chain.take()
    # In the end a whole watermark comes, as it does every ten seconds.
    state = world.state
    chain.mark(whole_mark(state))
    for _ in range(300):
        if chain.wanted() is None:
            break
        ask(len(world.drains))
        hear()
    out += chain.take()
    assert chain.wanted() is None, "it stalls"
    assert (chain.epoch, chain.seq) >= (state.epoch, state.seq)
    assert chain.held_bytes == 0, "nothing is kept for ever"
    return out


def place_in(random: Random, world: World) -> tuple[int, int]:
    """Where a subscriber begins: before everything, or at an event, in the middle of drains too."""
    if random.random() < 0.5:
        return world.epochs[0], -1
    return random.choice(sorted(world.events))


def events_of(out: list[Output]) -> list[Event]:
    return [event for item in out if isinstance(item, Delivered) for event in item.events]


def check(
    world: World, names: frozenset[str] | None, out: list[Output], start: tuple[int, int]
) -> set[tuple[int, int]]:
    """Once, in order, equal; or in a gap, and then not delivered. Returns what is in gaps."""
    events = events_of(out)
    delivered = [(event.epoch, event.seq) for event in events]
    assert delivered == sorted(set(delivered)), "order, and once"
    assert all(place > start for place in delivered), "what was handled before"
    for event in events:
        assert world.events[(event.epoch, event.seq)] == (event.name, event.data)
    gaps = [item for item in out if isinstance(item, Missing)]

    def in_gap(epoch: int, seq: int, name: str | None, *, closed: bool = False) -> bool:
        return any(
            gap.epoch == epoch
            and gap.first <= seq
            and (not closed if gap.last is None else seq <= gap.last)
            and (name is None or gap.names is None or name in gap.names)
            for gap in gaps
        )

    # A seq below an epoch that was left unseen is covered by the gap at its place.
    seen = {item.epoch for item in [*events, *out] if not isinstance(item, Delivered)}
    lost, had, newest = set(), set(delivered), (world.state.epoch, world.state.seq)
    for (epoch, seq), (name, _) in world.events.items():
        if (epoch, seq) <= start or (names is not None and name not in names):
            continue
        was_delivered = (epoch, seq) in had
        if not was_delivered and (epoch, seq) > newest:
            continue  # only one that was taken for lost has it yet, and it need not be known
        if epoch in seen:
            # After an end that was none, a gap without an end was said too early.
            covered = in_gap(epoch, seq, name, closed=was_delivered and bool(world.ghosts))
            assert was_delivered != covered, (epoch, seq, name, was_delivered, covered)
        else:
            assert any(gap.last is None and gap.epoch < epoch for gap in gaps)
        if not was_delivered:
            lost.add((epoch, seq))
    for epoch, seq in world.holes - world.events.keys():
        if epoch in seen and start < (epoch, seq) <= newest:
            assert in_gap(epoch, seq, None), (epoch, seq, "a hole in silence")
    return lost


seeds = st.integers(0, 1 << 48)
subsets = st.one_of(st.none(), st.frozensets(st.sampled_from(NAMES), min_size=1))
LARGE = 1 << 20


def lost_on_the_way(
    seed: int,
    names: frozenset[str] | None,
    max_bytes: int = LARGE,
    *,
    served: bool = True,
    haunted: bool = False,
) -> set[tuple[int, int]]:
    """Return the events that a journal holds and that were not delivered."""
    random = Random(seed)
    world = make_world(random, haunted=haunted)
    start = place_in(random, world)
    out = follow(random, world, names, max_bytes, served=served, start=start)
    return check(world, names, out, start) & world.journalled


@settings(max_examples=EXAMPLES, deadline=None)
@given(seeds, subsets)
def test_each_event_once_or_a_gap(seed: int, names: frozenset[str] | None) -> None:
    assert not lost_on_the_way(seed, names), "what the journal has is no gap"


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(seeds, subsets)
def test_without_anybody_to_ask(seed: int, names: frozenset[str] | None) -> None:
    lost_on_the_way(seed, names, served=False)


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(seeds, subsets, st.integers(300, 4000))
def test_what_it_holds_is_bounded(seed: int, names: frozenset[str] | None, size: int) -> None:
    assert not lost_on_the_way(seed, names, size)


@settings(max_examples=EXAMPLES, deadline=None)
@given(seeds, subsets, st.booleans())
def test_an_owner_that_was_replaced_goes_on_sending(
    seed: int, names: frozenset[str] | None, served: bool
) -> None:
    """Its epoch may be an older one, or the one with which another goes on; it may tell an end of
    it that is none, and begin the next."""
    lost = lost_on_the_way(seed, names, served=served, haunted=True)
    assert not (served and lost), "what the journal has is no gap"
