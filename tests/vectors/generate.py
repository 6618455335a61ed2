"""Writes the wire vectors: ``python tests/vectors/generate.py``. A test checks them.

Each file: {"why", "subscribed", "start": [epoch, P], "messages": [hex...], "then"}; ``messages`` is
what arrives, ``then`` what a right reader has made of it, in order:
["event", epoch, name, seq, data], ["ask", epoch, after, upto], ["gap", epoch, first, last, reason].
An ask is what stands open at the end; the vectors show no answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cluster.subscriber.chain import Delivered, Mark, Missing, ShardChain
from cluster.wire import topic, watermark
from cluster.wire.batch import decode_batch, decode_epoch_end
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState

HERE = Path(__file__).parent
STORE = "0123456789abcdef"


def writer() -> ShardWriter:
    made = ShardWriter(STORE, ShardState(shard_id=3, shard_count=16))
    made.begin_epoch(2)
    return made


def drain(shard: ShardWriter, *names: str, skip: int = 0) -> list[bytes]:
    seq = shard.state.seq + 1 + skip
    events = [(name, seq + i, b'{"n":%d}' % (seq + i)) for i, name in enumerate(names)]
    return shard.drain(events, 1_700_000_000_000_000_000)


def mark(shard: ShardWriter, base: int = -1) -> bytes:
    state = shard.state
    last = [(name, seq) for name, seq in state.last.items() if seq > base]
    row = watermark.Row(3, 16, state.epoch, state.before, state.seq, base, last)
    return watermark.encode(STORE, 0, 1_700_000_000_000_000_000, base < 0, [row])


def cases() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}

    def case(name: str, why: str, names: list[str], start: int, messages: list[bytes]) -> None:
        found[name] = {
            "why": why,
            "subscribed": names,
            "start": [2, start],
            "messages": [message.hex() for message in messages],
            "then": outcome(names, start, messages),
        }

    shard = writer()
    messages = drain(shard, "A", "B", "A") + drain(shard, "B", "C")
    case("ordinary", "two drains, merged by seq", ["A", "B"], -1, messages)
    shard = writer()
    first, second = drain(shard, "A", "B"), drain(shard, "A")
    case(
        "dropped_other_name",
        "B's batch is dropped; since of A's names it: nothing goes out, (-1, 2] is asked for",
        ["A", "B"], -1, [first[0], *second],
    )  # fmt: skip
    case("dropped_unsubscribed", "the same loss does not matter to who wants A only", ["A"], -1,
         [first[0], *second])  # fmt: skip
    shard = writer()
    early, mine = drain(shard, "A", "B"), drain(shard, "B")
    case("late_joiner", "the baseline is 1: what is at or below it is cut off", ["A", "B"], 1,
         [*early, *mine, mark(shard)])  # fmt: skip
    shard = writer()
    once = drain(shard, "A", "B", "A")
    case("half_replayed", "a replay brings again what partly came: each event once", ["A", "B"], 0,
         [*once, *once, *drain(shard, "A")])  # fmt: skip
    shard = writer()
    old = drain(shard, "A")
    shard.begin_epoch(5, cause="op 9")
    case("new_epoch", "epochs skip numbers; what happened between is a gap without an end", ["A"],
         -1, [*old, *drain(shard, "A")])  # fmt: skip
    shard = writer()
    case("hole", "the session skipped 1 and 2: a batch of _hole, in everybody's since", ["A"], -1,
         [*drain(shard, "A"), *drain(shard, "A", skip=2)])  # fmt: skip
    shard = writer()
    drain(shard, "A")
    case("watermark", "all of A was lost, and the watermark shows it", ["A"], -1, [mark(shard)])
    shard = writer()
    old = drain(shard, "A")
    case("epoch_end", "the session is over, said at once; nobody knows what happened since", ["A"],
         -1, [*old, *shard.end_epoch("op 9", 1_700_000_000_000_000_000)])  # fmt: skip
    shard = writer()
    ours = [drain(shard, "A"), drain(shard, "A", "B"), drain(shard, "B")]
    theirs = [drain(shard, "A"), drain(shard, "A", "B")]
    case(
        "moved",
        "a shard moves: the other worker's first batches come before the old one's tail, and it "
        "sends the last drain of the old one again",
        ["A", "B"], -1, [*ours[0], *theirs[0], *ours[1], *theirs[1], *ours[2], *ours[2]],
    )  # fmt: skip
    shard = writer()
    drain(shard, "A", "B")
    shard.state.last, shard.state.floor = {}, 1
    after = drain(shard, "A") + drain(shard, "B")
    case("unknown_prev", "a journal was lost: prev is [1], all up to 1 is asked for", ["A", "B"],
         0, after)  # fmt: skip
    case("unknown_prev_reached", "who has all up to 1 does not mind", ["A", "B"], 1, after)
    return found


def outcome(names: list[str], start: int, messages: list[bytes]) -> list[list[Any]]:
    """What the chain rule makes of it."""
    chain = ShardChain(frozenset(names), 1 << 20)
    chain.begin(2, start)
    for message in messages:
        name, _, payload = topic.split(message)
        if name == topic.WATERMARK:
            for row in watermark.decode(payload).shards:
                chain.mark(Mark(row.epoch, row.before, row.base, row.seq, row.last))
        elif name == topic.EPOCH_END:
            end = decode_epoch_end(payload)
            chain.mark(Mark(end.epoch, end.before, end.base, end.seq, end.last, final=True))
        elif name in (*names, topic.HOLE):
            chain.batch(name, decode_batch(payload))
    then: list[list[Any]] = []
    for item in chain.take():
        if isinstance(item, Delivered):
            then += [["event", e.epoch, e.name, e.seq, e.data.decode()] for e in item.events]
        elif isinstance(item, Missing):
            then.append(["gap", item.epoch, item.first, item.last, item.reason])
    if (wanted := chain.wanted()) is not None:
        then.append(["ask", wanted.epoch, wanted.after, wanted.upto])
    return then


def texts() -> dict[str, str]:
    return {f"{name}.json": json.dumps(case, indent=1) + "\n" for name, case in cases().items()}


if __name__ == "__main__":
    for name, text in texts().items():
        (HERE / name).write_text(text)
