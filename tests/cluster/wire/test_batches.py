"""Batches: what a writer says, and that it decodes to what went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.subscriber.chain import Delivered, Output, RangeReply, ShardChain
from cluster.wire import batch as wire
from cluster.wire import batch_writer, topic
from cluster.wire.batch import Batch, decode_batch
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState


def writer() -> ShardWriter:
    made = ShardWriter("store", ShardState(shard_id=3, shard_count=8))
    made.begin_epoch(1)
    return made


def batches(messages: list[bytes]) -> dict[str, Batch]:
    found = {}
    for message in messages:
        name, number, payload = topic.split(message)
        assert number == 3
        found[name] = decode_batch(payload)
    return found


def test_a_drain_makes_a_batch_a_name_with_its_chain() -> None:
    shard = writer()
    shard.drain([("A", 1, b"1"), ("B", 2, b"2"), ("A", 3, b"3")], 77)
    found = batches(shard.drain([("B", 4, b"4"), ("C", 5, b"5")], 78))
    assert found["B"].prev == 2
    assert sorted(found["B"].since) == [("A", 3), ("B", 4), ("C", 5)]
    assert (found["B"].first, found["B"].last, found["B"].received_ns) == (4, 5, 78)
    assert found["C"].prev == -1
    assert [(e.seq, e.data) for e in found["C"].events] == [(5, b"5")]
    assert shard.state.seq == 5
    assert shard.state.last == {"A": 3, "B": 4, "C": 5}


def test_the_first_drain_of_an_epoch_begins_at_zero_wherever_the_server_does() -> None:
    for seq in (0, 1, 9):
        assert batches(writer().drain([("READY", seq, b"{}")], 0))["READY"].first == 0


def test_a_jump_is_a_hole_and_a_repeated_seq_takes_no_position() -> None:
    shard = writer()
    shard.drain([("A", 1, b"")], 0)
    found = batches(shard.drain([("RESUMED", 1, b""), ("A", 5, b"")], 0))
    assert set(found) == {topic.HOLE, "A"}
    (hole,) = found[topic.HOLE].events
    assert (wire.hole_first(hole.data, hole.seq), hole.seq) == (2, 4)
    assert dict(found["A"].since)[topic.HOLE] == 4
    assert shard.repeated == 1


def test_a_new_epoch_ends_the_old_one_and_says_so() -> None:
    shard = writer()
    shard.state.session_id = "secret"
    shard.drain([("A", 1, b"")], 0)
    shard.begin_epoch(4, session_id="other", cause="op 9")
    end, first = shard.drain([("READY", 1, b"")], 0)
    name, _, payload = topic.split(end)
    record = wire.decode_epoch_end(payload)
    assert (name, record.epoch, record.seq, record.cause) == ("_epoch_end", 1, 1, "op 9")
    assert batches([first])["READY"].before == (1, 1)
    with pytest.raises(ValueError):
        shard.begin_epoch(4)


def test_what_a_lost_journal_knew_is_not_claimed() -> None:
    shard = ShardWriter("store", ShardState(shard_id=3, shard_count=8, epoch=2, seq=9, floor=9))
    found = batches(shard.drain([("A", 10, b"")], 0))["A"]
    assert found.prev == (9,)
    assert found.base == 9


def test_a_drain_of_many_bytes_is_cut() -> None:
    shard = writer()
    big = b"x" * (batch_writer.MAX_DRAIN_BYTES // 2 + 1)
    found = [
        decode_batch(topic.split(message)[2])
        for message in shard.drain([("A", seq, big) for seq in range(1, 6)], 0)
    ]
    assert [(b.first, b.last) for b in found] == [(0, 2), (3, 4), (5, 5)]
    assert [b.prev for b in found] == [-1, 2, 4]


@given(st.lists(st.lists(st.sampled_from("ABCD"), min_size=1, max_size=9), max_size=9))
def test_since_names_all_that_happened_after_prev(drains: list[list[str]]) -> None:
    shard, history, seq = writer(), dict[int, str](), 0
    for names in drains:
        drain = []
        for name in names:
            seq += 1
            history[seq] = name
            drain.append((name, seq, b""))
        for name, found in batches(shard.drain(drain, 0)).items():
            mine = [s for s, n in history.items() if n == name and s < found.events[0].seq]
            assert found.prev == max(mine, default=-1)
            expected = {n: s for s, n in history.items() if s > found.base}
            assert dict(found.since) == expected


named_steps = st.tuples(st.sampled_from("ABCDEFG"), st.sampled_from([0, 1, 1, 1, 1, 3]))


@given(st.lists(named_steps, max_size=20), st.sampled_from([-1, 0, 8]), st.sampled_from([-1, 5]))
def test_an_event_alone_makes_the_batch_that_it_makes_beside_others(
    events: list[tuple[str, int]], seq: int, floor: int
) -> None:
    """Beside one that comes again, which is left out."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batch_writer, "MAX_NAMES", 5)
        states = [ShardState(shard_id=3, shard_count=8, seq=seq, floor=floor) for _ in range(2)]
        alone, beside = (ShardWriter("store", state) for state in states)
        for name, step in events:
            before = alone.state.seq
            event = (name, before + step, b"data")
            made = alone.drain([event], 9)
            assert made == beside.drain([("X", before, b""), event], 9)
            assert alone.state == beside.state
            assert list(alone.state.last) == list(beside.state.last), "the newest at the end"
            assert alone.repeated == beside.repeated - 1
            beside.repeated -= 1


@given(st.lists(st.lists(named_steps, max_size=6), max_size=6))
def test_the_events_of_all_writers_are_counted_by_name(
    drains: list[list[tuple[str, int]]],
) -> None:
    """However they are cut into drains; those that come again are not, and holes are by theirs."""
    counts: dict[str, int] = {}
    for shard_id in range(2):
        shard = ShardWriter("store", ShardState(shard_id=shard_id, shard_count=2), counts)
        shard.begin_epoch(1)
        messages = []
        for drain in drains:
            seq, events = shard.state.seq, []
            for name, step in drain:
                seq += step
                events.append((name, seq, b"data"))
            messages += shard.drain(events, 9)
        for message in messages:
            name, _, payload = topic.split(message)
            counts[name] -= len(decode_batch(payload).events)
    assert not any(counts.values())


def test_a_new_session_whose_first_event_is_the_next_ends_the_old_one_too() -> None:
    """Its READY comes alone, and a server may start at 0."""
    shard = writer()
    shard.begin_epoch(4, cause="op 9")
    end, ready = shard.drain([("READY", 0, b"{}")], 0)
    assert topic.split(end)[0] == topic.EPOCH_END
    assert batches([ready])["READY"].first == 0


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    for message in (data, b"A.1.\0" + data):
        try:
            _, _, payload = topic.split(message)
            decode_batch(payload)
        except topic.WireError:
            pass


def test_a_server_that_makes_names_up_makes_no_table_of_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is forgotten is said to be unknown, so a reader asks for it and loses nothing."""
    monkeypatch.setattr(batch_writer, "MAX_NAMES", 16)
    shard, chain = writer(), ShardChain(None, 1 << 30)
    chain.begin(1, -1)
    sent: list[bytes] = []
    for drain in range(20):
        seqs = range(1 + 10 * drain, 11 + 10 * drain)
        sent += shard.drain([(f"NAME_{seq % 50}", seq, b"{}") for seq in seqs], 0)
        assert len(shard.state.last) <= batch_writer.MAX_NAMES
    assert shard.state.floor > 0
    sent += shard.drain([(f"OTHER_{seq}", seq, b"{}") for seq in range(201, 401)], 0)
    assert (
        max(len(decode_batch(topic.split(m)[2]).since) for m in sent) <= 2 * batch_writer.MAX_NAMES
    )
    delivered: list[int] = []
    for message in sent:
        name, _, payload = topic.split(message)
        chain.batch(name, decode_batch(payload))
        delivered += _seqs(chain.take())
        if (wanted := chain.wanted()) is not None and wanted.upto is not None:
            had = [(topic.split(m)[0], decode_batch(topic.split(m)[2])) for m in sent]
            inside = [(n, b) for n, b in had if b.last > wanted.after and b.first <= wanted.upto]
            chain.answer(RangeReply(wanted, inside, wanted.upto, [], False, None, None))
            delivered += _seqs(chain.take())
    assert delivered == list(range(1, 401))


def _seqs(out: list[Output]) -> list[int]:
    return [event.seq for item in out if isinstance(item, Delivered) for event in item.events]
