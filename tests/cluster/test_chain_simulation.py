"""The chain rule against everything that can happen to a stream: each event comes out once and in
order, or a gap covers it that covers nothing else; and it never stalls."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.chain import Answer, Ask, Delivered, Event, Mark, Missing, Output, ShardChain
from cluster.wire import topic
from cluster.wire.batch import Batch, ShardState, ShardWriter, decode_batch, decode_epoch_end

NAMES = ("A", "B", "C", "D")


@dataclass
class World:
    """A history, what is published of it in order, and what the journal holds of it."""

    events: dict[tuple[int, int], tuple[str, bytes]] = field(default_factory=dict)
    holes: set[tuple[int, int]] = field(default_factory=set)
    live: list[tuple[str, Batch] | Mark] = field(default_factory=list)
    journal: list[tuple[str, Batch]] = field(default_factory=list)
    journalled: set[tuple[int, int]] = field(default_factory=set)
    ends: dict[int, int] = field(default_factory=dict)
    """Of epochs that are over."""
    epochs: list[int] = field(default_factory=list)
    state: ShardState = field(default_factory=lambda: ShardState(shard_id=0, shard_count=1))
    """In the end."""

    def answer(self, ask: Ask, names: frozenset[str] | None, size: int) -> Answer:
        """What a replay server says, a few drains at a time."""
        upto = 1 << 60 if ask.upto is None else ask.upto
        after = [epoch for epoch in self.epochs if epoch > ask.epoch]
        end = self.ends.get(ask.epoch)
        drains = sorted({(b.first, b.last) for _, b in self.journal if b.epoch == ask.epoch})
        reached, gone, batches, more = ask.after, [], [], False
        for first, last in drains:
            if last <= ask.after or first > upto:
                continue
            if size == 0:
                more = True
                break
            size -= 1
            if first > reached + 1:
                gone.append((reached + 1, first - 1))
            reached = last
            batches += [
                (name, b)
                for name, b in self.journal
                if b.epoch == ask.epoch
                and (b.first, b.last) == (first, last)
                and (names is None or name in names or name == topic.HOLE)
            ]
        head = self.state.seq if ask.epoch == self.state.epoch else end
        if not more and head is not None and min(head, upto) > reached:
            gone.append((reached + 1, min(head, upto)))
            reached = min(head, upto)
        return Answer(ask, batches, reached, gone, more, end, min(after, default=None))


def make_world(random: Random) -> World:
    """One to three epochs of a shard, of which the journal may have lost some."""
    world = World()
    writer = ShardWriter("store", ShardState(shard_id=0, shard_count=1))
    lost = random.choice([0, 0, 0.1, 0.4])
    pruned = random.choice([0, 0, 2, 6])
    epoch = count = 0
    for _ in range(random.randint(1, 3)):
        if epoch:
            world.ends[epoch] = writer.state.seq
            row = decode_epoch_end(topic.split(writer.end_epoch("cause", 0)[0])[2])
            end = Mark(row.epoch, row.before, row.base, row.seq, row.last, final=True)
            world.live.append(end)
        epoch += random.randint(1, 2)
        writer.begin_epoch(epoch)
        world.epochs.append(epoch)
        marked, seq = -1, random.randint(0, 1)
        for _ in range(random.randint(1, 7)):
            first = writer.state.seq + 1
            drain: list[tuple[str, int, bytes]] = []
            for _ in range(random.randint(1, 6)):
                if drain or writer.state.seq >= 0:
                    seq += random.choice([0] * 12 + [1, 3])
                drain.append((random.choice(NAMES), seq, b"%d" % seq))
                seq += 1
            batches = decoded(writer.drain(drain, 0))
            world.live += batches
            world.events |= {(epoch, s): (name, data) for name, s, data in drain}
            taken = {s for _, s, _ in drain}
            if first > 0:
                world.holes |= {(epoch, s) for s in range(first, seq) if s not in taken}
            if count >= pruned and random.random() >= lost:
                world.journal += batches
                world.journalled |= {(epoch, s) for s in range(first, seq)}
            count += 1
            if random.random() < 0.3:
                state, base = writer.state, random.choice([-1, marked])
                table = [(name, s) for name, s in state.last.items() if s > base]
                world.live.append(Mark(epoch, state.before, base, state.seq, table))
                marked = state.seq
    world.state = writer.state
    return world


def decoded(messages: list[bytes]) -> list[tuple[str, Batch]]:
    out = []
    for message in messages:
        name, _, payload = topic.split(message)
        if name != topic.EPOCH_END:
            out.append((name, decode_batch(payload)))
    return out


def follow(
    random: Random, world: World, names: frozenset[str] | None, max_bytes: int, served: bool
) -> list[Output]:
    """One subscriber's way through a live stream that was shaken."""
    chain = ShardChain(names, max_bytes)
    out: list[Output] = []

    def ask() -> None:
        wanted = chain.wanted()
        if wanted is not None and served:
            chain.answer(world.answer(wanted, names, random.randint(1, 4)))
        elif wanted is not None:
            chain.give_up("no_replay")

    chain.begin(world.epochs[0], -1)
    drop = random.choice([0, 0.1, 0.5, 0.9])
    stream = [
        item
        for item in world.live
        if (isinstance(item, Mark) or names is None or item[0] in names or item[0] == topic.HOLE)
        and random.random() >= drop
    ]
    for _ in range(random.randint(0, 5) if stream else 0):
        stream.insert(random.randint(0, len(stream)), random.choice(stream))
        i, j = random.randrange(len(stream)), random.randrange(len(stream))
        stream[i], stream[j] = stream[j], stream[i]
    asking = random.choice([0, 0.1, 0.5]) if served else 0
    for item in stream:
        if isinstance(item, Mark):
            chain.mark(item)
        else:
            chain.batch(*item)
        if random.random() < asking:
            ask()
        out += chain.take()
    # In the end a whole watermark comes, as it does every ten seconds.
    state = world.state
    chain.mark(Mark(state.epoch, state.before, -1, state.seq, list(state.last.items())))
    for _ in range(200):
        if chain.wanted() is None:
            break
        ask()
    out += chain.take()
    assert chain.wanted() is None, "it stalls"
    assert (chain.epoch, chain.at) == (state.epoch, state.seq)
    return out


def events_of(out: list[Output]) -> list[Event]:
    return [event for item in out if isinstance(item, Delivered) for event in item.events]


def check(world: World, names: frozenset[str] | None, out: list[Output]) -> set[tuple[int, int]]:
    """Once, in order, equal; or in a gap, and then not delivered. Returns what is in gaps."""
    events = events_of(out)
    delivered = [(event.epoch, event.seq) for event in events]
    assert delivered == sorted(set(delivered)), "order, and once"
    for event in events:
        assert world.events[(event.epoch, event.seq)] == (event.name, event.data)
    gaps = [item for item in out if isinstance(item, Missing)]

    def in_gap(epoch: int, seq: int, name: str) -> bool:
        return any(
            gap.epoch == epoch
            and gap.first <= seq
            and (gap.last is None or seq <= gap.last)
            and (gap.names is None or name in gap.names)
            for gap in gaps
        )

    # A seq below an epoch that was left unseen is covered by the gap at its place.
    seen = {item.epoch for item in [*events, *out] if not isinstance(item, Delivered)}
    lost = set()
    for (epoch, seq), (name, _) in world.events.items():
        if names is not None and name not in names:
            continue
        was_delivered = (epoch, seq) in set(delivered)
        covered = in_gap(epoch, seq, name)
        if epoch in seen:
            assert was_delivered != covered, (epoch, seq, name, was_delivered, covered)
        else:
            assert any(gap.last is None and gap.epoch < epoch for gap in gaps)
        if not was_delivered:
            lost.add((epoch, seq))
    for epoch, seq in world.holes:
        if epoch in seen:
            assert any(
                gap.epoch == epoch and gap.first <= seq and (gap.last is None or seq <= gap.last)
                for gap in gaps
            ), (epoch, seq, "a hole in silence")
    return lost


seeds = st.integers(0, 1 << 48)
subsets = st.one_of(st.none(), st.frozensets(st.sampled_from(NAMES), min_size=1))


@settings(max_examples=250, deadline=None)
@given(seeds, subsets)
def test_each_event_once_or_a_gap(seed: int, names: frozenset[str] | None) -> None:
    random = Random(seed)
    world = make_world(random)
    lost = check(world, names, follow(random, world, names, 1 << 20, served=True))
    assert not lost & world.journalled, "what the journal has is no gap"


@settings(max_examples=100, deadline=None)
@given(seeds, subsets)
def test_without_anybody_to_ask(seed: int, names: frozenset[str] | None) -> None:
    random = Random(seed)
    world = make_world(random)
    check(world, names, follow(random, world, names, 1 << 20, served=False))


@settings(max_examples=100, deadline=None)
@given(seeds, subsets, st.integers(4, 40))
def test_what_it_holds_is_bounded(seed: int, names: frozenset[str] | None, size: int) -> None:
    random = Random(seed)
    world = make_world(random)
    lost = check(world, names, follow(random, world, names, size, served=True))
    assert not lost & world.journalled
