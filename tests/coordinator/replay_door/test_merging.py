"""One answer of several hosts' is what one replay server with all their journals would say."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.subscriber.replay_client import read_batch
from cluster.wire import replay
from coordinator.replay_door.heads import HeadsTable, heads_of
from coordinator.replay_door.merging import (
    Part,
    Segment,
    UnusableAnswerError,
    answer_alone,
    answer_together,
    merged,
    nothing,
    part_of,
)
from tests.coordinator.replay_door.shard_world import (
    NAMES,
    SLOTS,
    PlayedHistory,
    ShardWorld,
    worlds,
)

Told = tuple[dict[int, tuple[str, bytes]], set[int], int, int | None, int | None, bool]
"""Events by seq, seqs that are gone, how far it reached, end, next, final."""


def question(
    epoch: int, after: int, upto: int | None, names: list[str] | None = None
) -> replay.RangeRequest:
    return replay.RangeRequest(
        id=1, shard_count=1, shard_id=0, epoch=epoch, after=after, upto=upto, names=names
    )


def split(world: ShardWorld, hosts: list[int]) -> dict[str, PlayedHistory]:
    """Return a history a host. hosts: where each slot is."""
    return {
        f"host-{host}": PlayedHistory(
            {slot: j for slot, j in world.journals.items() if hosts[slot] == host}
        )
        for host in set(hosts)
    }


def of_all(
    hosts: dict[str, PlayedHistory], asked: replay.RangeRequest, sizes: list[int],
    away: frozenset[str] = frozenset(),
) -> replay.RangeAnswer:  # fmt: skip
    """Return what all hosts together answer. sizes: of their slices."""
    known = nothing(asked.after)
    for number, (name, history) in enumerate(sorted(hosts.items())):
        if name not in away:
            answer = history.answer(asked, sizes[number % len(sizes)])
            known = merged(known, part_of(answer, asked), asked.after, sizes[0])
    return answer_together(known, asked, is_whole=not away)


def told(answers: list[replay.RangeAnswer], after: int) -> Told:
    """Return what a reader has from the answers to its questions, one after another."""
    events: dict[int, tuple[str, bytes]] = {}
    gone: set[int] = set()
    for answer in answers:
        for batch in filter(None, map(read_batch, answer.messages)):
            for event in batch[1].events:
                place = events.setdefault(event.seq, (batch[0], event.data))
                assert place == (batch[0], event.data)
        for first, last in answer.gone:
            assert after < first <= last <= answer.reached
            gone.update(range(first, last + 1))
        assert answer.reached > after or not answer.more, "there is no end to it"
        after = answer.reached
    last_one = answers[-1]
    assert not last_one.more
    return events, gone, after, last_one.end, last_one.next, last_one.final


def of_one(world: ShardWorld, asked: replay.RangeRequest) -> Told:
    """Return what one replay server with all journals says."""
    return told([PlayedHistory(world.journals).answer(asked)], asked.after)


def above(events: dict[int, tuple[str, bytes]], after: int) -> dict[int, tuple[str, bytes]]:
    return {seq: event for seq, event in events.items() if seq > after}


ASKED = st.builds(
    question,
    st.integers(1, 4),
    st.integers(-1, 12),
    st.none() | st.integers(-1, 30),
    st.none() | st.lists(st.sampled_from(NAMES), unique=True),
)
HOSTS = st.lists(st.integers(0, 2), min_size=SLOTS, max_size=SLOTS)
SIZES = st.lists(st.sampled_from([0, 100, 300, 1 << 20]), min_size=3, max_size=3)


@given(worlds(), HOSTS, ASKED, SIZES)
def test_all_hosts_say_what_one_history_says(
    world: ShardWorld, where: list[int], asked: replay.RangeRequest, sizes: list[int]
) -> None:
    hosts = split(world, where)
    answers = [of_all(hosts, asked, sizes)]
    while answers[-1].more:
        again = msgspec.structs.replace(asked, after=answers[-1].reached)
        answers.append(of_all(hosts, again, sizes))
    ours, other = told(answers, asked.after), of_one(world, asked)
    assert above(ours[0], asked.after) == above(other[0], asked.after)
    assert ours[1:] == other[1:]


@given(worlds(), HOSTS, ASKED, SIZES)
def test_one_host_is_asked_first_and_it_comes_to_the_same(
    world: ShardWorld, where: list[int], asked: replay.RangeRequest, sizes: list[int],
) -> None:  # fmt: skip
    """As the door asks: who is known to hold it, and all others only where that one has nothing."""
    hosts = split(world, where)
    table = HeadsTable()
    for name, history in hosts.items():
        table.learn(name, heads_of(history.rows()))
    answers: list[replay.RangeAnswer] = []
    after = asked.after
    while not answers or answers[-1].more:
        now = msgspec.structs.replace(asked, after=after)
        likeliest = table.likeliest(now, hosts.keys())
        alone = None
        if likeliest is not None:
            part = part_of(hosts[likeliest].answer(now, sizes[0]), now)
            alone = answer_alone(part, now, is_alone=table.is_alone(now, likeliest))
        answers.append(alone or of_all(hosts, now, sizes))
        after = answers[-1].reached
    ours, other = told(answers, asked.after), of_one(world, asked)
    assert above(ours[0], asked.after) == above(other[0], asked.after)
    # What lies beyond what was asked for the next question brings; where an epoch ends, too.
    assert {seq for seq in ours[1] if asked.upto is None or seq <= asked.upto} == {
        seq for seq in other[1] if asked.upto is None or seq <= asked.upto
    }
    if asked.upto is None:
        assert ours[2:] == other[2:]


@given(worlds(), HOSTS, ASKED, SIZES, st.integers(0, 2))
def test_while_a_host_is_away_nothing_is_gone_and_nothing_is_skipped(
    world: ShardWorld, where: list[int], asked: replay.RangeRequest, sizes: list[int], lacks: int
) -> None:
    hosts = split(world, where)
    away = frozenset({f"host-{lacks}"})
    answers = [of_all(hosts, asked, sizes, away)]
    while answers[-1].more:
        again = msgspec.structs.replace(asked, after=answers[-1].reached)
        answers.append(of_all(hosts, again, sizes, away))
    events, gone, reached, end, following, _ = told(answers, asked.after)
    every = of_one(world, asked)
    assert answers[-1].away
    assert not gone
    assert not {seq for seq in every[1] if seq <= reached}, "what all lack is not passed over"
    assert above(events, asked.after) == {
        seq: event for seq, event in above(every[0], asked.after).items() if seq <= reached
    }, "what is passed over was told"
    assert end is None or (every[3] is not None and end <= every[3])
    assert following in (None, every[4])


@given(worlds(), HOSTS)
def test_heads_of_all_hosts_are_those_of_one_history(world: ShardWorld, where: list[int]) -> None:
    table = HeadsTable()
    for name, history in split(world, where).items():
        table.learn(name, heads_of(history.rows()))
    ours = table.merged(1, "s", gone=set()).shards
    ones = PlayedHistory(world.journals).rows().shards
    assert [(r.epoch, r.seq, r.oldest) for r in ours] == [(r.epoch, r.seq, r.oldest) for r in ones]


GOOD = replay.RangeAnswer(
    id=1, messages=[], reached=9, gone=[(2, 3)], more=False, end=None, next=None
)


@pytest.mark.parametrize(
    "change",
    [
        {"reached": -2},
        {"more": True, "reached": -1, "gone": []},
        {"gone": [(3, 2)]},
        {"gone": [(-1, 2)]},
        {"gone": [(2, 3), (3, 4)]},
        {"gone": [(5, 6), (2, 3)]},
        {"gone": [(8, 12)]},
        {"gone": [(11, 12)]},
        {"end": -2},
        {"next": 1},
        {"messages": [b""]},
        {"messages": [b"A.0.\x00\x91\x01"]},
        {"messages": [b"_epoch_end.0.\x00\xc1"]},
    ],
)
def test_an_answer_that_contradicts_itself_is_of_no_use(change: dict[str, object]) -> None:
    part_of(GOOD, question(1, -1, None))
    with pytest.raises(UnusableAnswerError):
        part_of(msgspec.structs.replace(GOOD, **change), question(1, -1, None))


def test_a_message_of_another_shard_or_of_what_is_gone_is_of_no_use() -> None:
    world = ShardWorld()
    world.receive(3)
    answer = PlayedHistory(world.journals).answer(question(1, -1, None))
    assert part_of(answer, question(1, -1, None)).held[0].last == 2
    for other in (question(2, -1, None), question(1, -1, None)):
        wrong = answer
        if other.epoch == 1:
            other = msgspec.structs.replace(other, shard_id=1)
        with pytest.raises(UnusableAnswerError):
            part_of(wrong, other)
    with pytest.raises(UnusableAnswerError):
        part_of(msgspec.structs.replace(answer, gone=[(0, 2)]), question(1, -1, None))


def part(*held: tuple[int, int], reached: int, more: bool = False) -> Part:
    """Return a part with these segments, of which each seq is a drain."""
    segments = [
        Segment(first, last, [(seq, b"%d" % seq) for seq in range(first, last + 1)])
        for first, last in held
    ]
    return Part(segments, reached, more, None, None, False)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (part((0, 5), reached=5), part((3, 9), reached=9), part((0, 5), (6, 9), reached=9)),
        (part((0, 5), reached=5), part((0, 2), (4, 9), reached=9), part((0, 5), (6, 9), reached=9)),
        (part((2, 3), reached=3), part((6, 7), reached=9), part((2, 3), (6, 7), reached=9)),
        # Beyond its slice one may hold what the other does not.
        (part((0, 3), reached=3, more=True), part((6, 7), reached=9),
         part((0, 3), reached=3, more=True)),
        (part((0, 3), reached=3, more=True), part((4, 7), (9, 9), reached=9),
         part((0, 3), (4, 7), reached=7, more=True)),
        (part(reached=3, more=True), part((6, 7), reached=9), part(reached=3, more=True)),
    ],
)  # fmt: skip
def test_two_parts_are_one(one: Part, other: Part, together: Part) -> None:
    assert merged(one, other, -1) == together
    assert merged(other, one, -1) == together


def test_an_answer_is_cut_where_it_gets_large() -> None:
    asked = question(1, -1, None)
    parts = []
    world = ShardWorld()
    for slot in range(4):
        world.move(slot)
        world.receive(2)
        parts.append(part_of(PlayedHistory({0: world.journals[slot]}).answer(asked), asked))
    known: Part = nothing(-1)
    for part in parts:
        known = merged(known, part, -1, max_bytes=100)
        assert len(known.held) <= 2
    answer = answer_together(known, asked, is_whole=True)
    assert (answer.reached, answer.more, answer.gone) == (3, True, [])
